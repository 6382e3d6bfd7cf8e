//! How Stripe writes things, read with no more strictness than we need.

use serde::{Deserialize, Deserializer};

/// An object that Stripe gives in full when asked to expand it, and by its id otherwise.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum Expandable<T> {
    Id(String),
    Object(T),
}

impl<T> Expandable<T> {
    pub(crate) fn into_object(self) -> Option<T> {
        match self {
            Self::Id(_) => None,
            Self::Object(object) => Some(object),
        }
    }
}

/// Any object of which only the id matters.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Identified {
    pub id: String,
}

impl Expandable<Identified> {
    pub(crate) fn into_id(self) -> String {
        match self {
            Self::Id(id) => id,
            Self::Object(object) => object.id,
        }
    }
}

/// The id of something that must be there, expanded or not.
pub(crate) fn id<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Expandable::<Identified>::deserialize(from).map(Expandable::into_id)
}

/// The id of something that may be absent, expanded or not.
pub(crate) fn id_if_any<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let reference = Option::<Expandable<Identified>>::deserialize(from)?;
    Ok(reference.map(Expandable::into_id))
}

/// `null` where a list, a map or a flag is expected means an empty one.
pub(crate) fn or_default<'de, D, T>(from: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::<T>::deserialize(from).map(Option::unwrap_or_default)
}
