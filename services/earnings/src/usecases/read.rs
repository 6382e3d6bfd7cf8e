//! Questions, each answered from one snapshot.

use kit::{Error, Rejection};
use ledger::{CreatorId, Month};

use super::{SCHEDULED, Usecases};
use crate::domain::asked::{AccountsAsked, MonthsAsked, PostingsAsked};
use crate::domain::history::History;
use crate::domain::month::{MonthReport, MonthState};
use crate::domain::solvency::Weighed;
use crate::store::{
    AccountBalance, JournalPosting, ManifestLine, Obligations, Page, Payable, RevenueLine,
};

impl Usecases {
    /// # Errors
    /// The database's.
    pub async fn creator_history(&self, creator: &CreatorId) -> Result<History, Error> {
        let mut tx = self.store.begin_snapshot().await?;
        let history = self
            .store
            .history_in_tx(&mut tx, creator, self.rates)
            .await?;
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

    /// A closed month's lines after one of them.
    ///
    /// # Errors
    /// `MONTH_NOT_CLOSED`; the database's.
    pub async fn month_lines(
        &self,
        month: Month,
        after_line: i64,
        limit: i64,
    ) -> Result<Page<ManifestLine>, Error> {
        let mut tx = self.store.begin_snapshot().await?;
        let found = self.store.find_month_in_tx(&mut tx, month).await?;
        let state = found.map(|(state, _)| state);
        if state != Some(MonthState::Closed) {
            let state = state.map_or("open", MonthState::as_str);
            let message = format!("{month} is {state}: it has no manifest before its close");
            let rejection = Rejection::new("MONTH_NOT_CLOSED", message);
            return Err(Error::Rejected(
                rejection.with("month", month).with("state", state),
            ));
        }
        let lines = self
            .store
            .list_lines_in_tx(&mut tx, month, after_line, limit);
        let lines = lines.await?;
        tx.commit().await?;
        Ok(lines)
    }

    /// # Errors
    /// The database's.
    pub async fn obligations(
        &self,
        after_creator_id: &str,
        limit: i64,
    ) -> Result<Obligations, Error> {
        let owed = self
            .store
            .list_obligations(self.rates, after_creator_id, limit);
        Ok(owed.await?)
    }

    /// # Errors
    /// The database's.
    pub async fn revenue(&self, asked: MonthsAsked) -> Result<Vec<RevenueLine>, Error> {
        Ok(self.store.revenue(asked.from, asked.to).await?)
    }

    /// # Errors
    /// The database's.
    pub async fn accounts(&self, asked: &AccountsAsked) -> Result<Page<AccountBalance>, Error> {
        Ok(self.store.list_accounts(asked).await?)
    }

    /// # Errors
    /// The database's.
    pub async fn postings(&self, asked: &PostingsAsked) -> Result<Page<JournalPosting>, Error> {
        Ok(self.store.list_postings(asked).await?)
    }

    /// Both sides of the question whether every obligation is covered, and the name of the
    /// snapshot that they were read from.
    ///
    /// # Errors
    /// The database's.
    pub async fn solvency(&self) -> Result<(Weighed, String), Error> {
        let read = self.store.standings(self.rates).await?;
        let mut weighed = Weighed::default();
        for standing in read.standings {
            weighed.add(&standing.kind, standing.sum_minor, standing.share_minor);
        }
        Ok((weighed, read.cut))
    }
}
