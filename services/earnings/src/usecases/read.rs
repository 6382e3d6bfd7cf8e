//! Questions, each answered from one snapshot.

use kit::Error;
use ledger::{CreatorId, Month, Rates};

use super::{SCHEDULED, Usecases};
use crate::domain::history::History;
use crate::domain::month::MonthReport;
use crate::domain::solvency::Weighed;
use crate::store::Payable;

impl Usecases {
    /// # Errors
    /// The database's.
    pub async fn creator_history(&self, creator: &CreatorId) -> Result<History, Error> {
        let mut tx = self.store.begin_snapshot().await?;
        let history = self.store.history_in_tx(&mut tx, creator).await?;
        tx.commit().await?;
        Ok(history)
    }

    /// # Errors
    /// The database's.
    pub async fn list_payable(
        &self,
        after_creator_id: &str,
        limit: i64,
    ) -> Result<Vec<Payable>, Error> {
        Ok(self
            .store
            .list_payable(&SCHEDULED, after_creator_id, limit)
            .await?)
    }

    /// # Errors
    /// The database's.
    pub async fn month(&self, month: Month) -> Result<MonthReport, Error> {
        let mut tx = self.store.begin_snapshot().await?;
        let found = self.store.find_month_in_tx(&mut tx, month).await?;
        let sealed = self.store.sealed_totals_in_tx(&mut tx, month).await?;
        let posted = self.store.posted_totals_in_tx(&mut tx, month).await?;
        tx.commit().await?;
        let (state, closed) = match found {
            None => ("open", None),
            Some((state, closed)) => (state.as_str(), closed),
        };
        Ok(MonthReport {
            month,
            state,
            closed,
            sealed,
            posted,
        })
    }

    /// Both sides of the question whether every obligation is covered.
    ///
    /// # Errors
    /// The database's; `Bug` when a sum leaves its range.
    pub async fn solvency(&self) -> Result<Weighed, Error> {
        let rates: Rates = self.rates;
        let mut weighed = Weighed::default();
        for standing in self.store.standings(rates).await? {
            weighed.add(&standing.kind, standing.sum_minor, standing.share_minor);
        }
        Ok(weighed)
    }
}
