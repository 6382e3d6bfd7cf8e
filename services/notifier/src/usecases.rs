//! Load, decide, save, announce.

use kit::Error;
use mailbox::{Fact, Outbox};
use sqlx::PgConnection;

use crate::convert::{self, FeedQuery};
use crate::domain::{Draft, Payout, notice_of};
use crate::store::{Notice, Store};

/// What this service does, whoever asks.
#[derive(Clone)]
pub struct Usecases {
    pub store: Store,
    pub outbox: Outbox,
}

impl Usecases {
    /// Tells creators what became of their payouts, each thing once.
    ///
    /// # Errors
    /// The database's.
    pub async fn tell_in_tx(
        &self,
        tx: &mut PgConnection,
        payouts: &[Payout],
    ) -> Result<(), sqlx::Error> {
        let notices: Vec<(String, Draft)> = payouts
            .iter()
            .filter_map(notice_of)
            .map(|draft| (kit::ids::fresh("nt"), draft))
            .collect();
        if notices.is_empty() {
            return Ok(());
        }
        let saved = self.store.save_notices_in_tx(tx, &notices).await?;
        let new = notices
            .iter()
            .filter(|(notice_id, _)| saved.contains(notice_id));
        let facts: Vec<Fact> = new
            .map(|(notice_id, draft)| convert::created(notice_id, draft))
            .collect();
        self.outbox.enqueue_in_tx(tx, &facts).await
    }

    /// One page of a user's feed, and whether there is more.
    ///
    /// # Errors
    /// `Invalid` for a cursor that is not in this user's feed; the database's.
    pub async fn list_feed(&self, query: &FeedQuery) -> Result<(Vec<Notice>, bool), Error> {
        let FeedQuery {
            user_id,
            starting_after,
            limit,
        } = query;
        if let Some(cursor) = starting_after
            && !self.store.is_in_feed(user_id, cursor).await?
        {
            return Err(convert::invalid(
                "starting_after",
                "no such notice in this feed",
            ));
        }
        // One more than asked for says whether there is more.
        let mut notices = self
            .store
            .list_feed(user_id, starting_after.as_deref(), limit.saturating_add(1))
            .await?;
        let wanted = usize::try_from(*limit).unwrap_or(usize::MAX);
        let has_more = notices.len() > wanted;
        notices.truncate(wanted);
        Ok((notices, has_more))
    }
}
