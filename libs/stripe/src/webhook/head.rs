//! The few fields of an event that decide where it goes.

use serde::{Deserialize, Deserializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::answer::or_default;

/// What an event is about. The object itself is read back from Stripe: events come late, twice
/// and out of order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventHead {
    /// `evt_…`, the same each time that it is delivered.
    pub id: String,
    /// `payout.paid`, …; any word, known to us or not.
    pub kind: String,
    pub created: OffsetDateTime,
    /// A live endpoint of connected accounts is sent test events too.
    pub livemode: bool,
    /// The connected account it happened on; absent if on the platform itself.
    pub account: Option<String>,
    pub api_version: Option<String>,
    /// Absent for objects without one, such as a balance.
    pub object_id: Option<String>,
    /// `payout`, `transfer`, `invoice`, …
    pub object_kind: Option<String>,
}

/// The bytes are not an event, whoever signed them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the body is not an event of Stripe's")]
pub struct EventUnreadable;

#[derive(Deserialize)]
struct Event {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(deserialize_with = "moment")]
    created: OffsetDateTime,
    #[serde(default, deserialize_with = "or_default")]
    livemode: bool,
    #[serde(default)]
    account: Option<String>,
    /// What events of the second API say for `account`.
    #[serde(default)]
    context: Option<String>,
    #[serde(default)]
    api_version: Option<String>,
    #[serde(default)]
    data: Option<Data>,
    #[serde(default)]
    related_object: Option<RelatedObject>,
}

#[derive(Deserialize)]
struct Data {
    #[serde(default)]
    object: Option<DataObject>,
}

#[derive(Deserialize)]
struct DataObject {
    #[serde(default)]
    id: Option<String>,
    #[serde(default, rename = "object")]
    kind: Option<String>,
}

#[derive(Deserialize)]
struct RelatedObject {
    #[serde(default)]
    id: Option<String>,
    #[serde(default, rename = "type")]
    kind: Option<String>,
}

impl EventHead {
    /// Reads an event of either API, thin or with its object.
    pub fn parse(raw: &[u8]) -> Result<Self, EventUnreadable> {
        let event: Event = serde_json::from_slice(raw).map_err(|_| EventUnreadable)?;
        let object = event
            .data
            .and_then(|data| data.object)
            .map(|it| (it.id, it.kind));
        let related = event.related_object.map(|it| (it.id, it.kind));
        let (object_id, object_kind) = object.or(related).unwrap_or_default();
        Ok(Self {
            id: event.id,
            kind: event.kind,
            created: event.created,
            livemode: event.livemode,
            account: event
                .account
                .or(event.context)
                .filter(|account| !account.is_empty()),
            api_version: event.api_version,
            object_id,
            object_kind,
        })
    }
}

/// Unix seconds in the first API, RFC 3339 in the second.
fn moment<'de, D: Deserializer<'de>>(from: D) -> Result<OffsetDateTime, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Moment {
        Seconds(i64),
        Text(String),
    }
    let read = match Moment::deserialize(from)? {
        Moment::Seconds(seconds) => OffsetDateTime::from_unix_timestamp(seconds).ok(),
        Moment::Text(text) => OffsetDateTime::parse(&text, &Rfc3339).ok(),
    };
    read.ok_or_else(|| serde::de::Error::custom("not a moment"))
}
