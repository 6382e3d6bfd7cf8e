//! Subscribers look at what they directed, now and before.

use kit::Error;
use ledger::{Month, Program, SubscriberId};

use super::Usecases;
use crate::domain::Standing;
use crate::error::month_unknown;
use crate::store::{ChangeRow, History, PoolView};

/// A pool as its subscriber sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    pub program: Program,
    pub month: Month,
    pub standing: Standing,
    pub pool: PoolView,
}

/// A page of a subscriber's changes, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    pub changes: Vec<ChangeRow>,
    pub has_more: bool,
}

impl Usecases {
    /// One subscriber's pool; `None` asks for the open month. An earlier month shows what it
    /// ended with.
    ///
    /// # Errors
    /// `NotFound` for a month before the first, and the database's.
    pub async fn get_allocations(
        &self,
        subscriber: &SubscriberId,
        program: Program,
        month: Option<Month>,
    ) -> Result<View, Error> {
        let (month, standing) = self.standing_of(month).await?;
        if standing == Standing::Unknown {
            return Err(month_unknown(month));
        }
        let pool = self.store.find_pool(subscriber, program, month).await?;
        Ok(View {
            program,
            month,
            standing,
            pool,
        })
    }

    /// At most `limit` of a subscriber's changes.
    ///
    /// # Errors
    /// The database's.
    pub async fn list_changes(&self, history: &History, limit: u8) -> Result<Page, Error> {
        // One more than asked for tells whether there is more.
        let wanted = i64::from(limit).saturating_add(1);
        let mut changes = self.store.list_changes(history, wanted).await?;
        let has_more = changes.len() > usize::from(limit);
        changes.truncate(usize::from(limit));
        Ok(Page { changes, has_more })
    }
}
