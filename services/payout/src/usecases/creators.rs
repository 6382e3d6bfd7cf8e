//! The registry of creators.

use kit::{Error, Rejection};

use super::Usecases;
use crate::announce;
use crate::domain::{Creator, Profile};

impl Usecases {
    /// Registers a creator or updates the record. What changes nothing announces nothing.
    ///
    /// # Errors
    /// The database's.
    pub async fn put_creator(&self, profile: &Profile) -> Result<Creator, Error> {
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        let new = self
            .store
            .insert_creator_in_tx(&mut tx, profile, now)
            .await?;
        let known = self
            .store
            .lock_creator_in_tx(&mut tx, profile.creator_id.as_str())
            .await?;
        let known = known.ok_or_else(|| Error::bug("a creator that was written is not there"))?;
        let changed = known.changed(profile);
        if let Some(changed) = &changed {
            self.store.update_creator_in_tx(&mut tx, changed).await?;
        }
        let moved = changed.is_some() || new;
        let creator = changed.unwrap_or(known);
        if moved {
            let fact = announce::creator_registered(&creator, now);
            self.outbox.enqueue_in_tx(&mut tx, &[fact]).await?;
        }
        tx.commit().await?;
        Ok(creator)
    }

    /// # Errors
    /// `NotFound` `CREATOR_UNKNOWN`.
    pub async fn get_creator(&self, creator_id: &str) -> Result<Creator, Error> {
        let found = self.store.find_creator(creator_id).await?;
        found.ok_or_else(|| unknown(creator_id))
    }
}

pub(super) fn unknown(creator_id: &str) -> Error {
    let message = format!("there is no creator {creator_id}");
    Error::NotFound(Rejection::new("CREATOR_UNKNOWN", message).with("creator_id", creator_id))
}
