//! What others ask.

use kit::{Error, Rejection};
use ledger::Month;

use super::Usecases;
use crate::domain::{Carried, Payout};
use crate::store::{Filter, RunFigures};

/// Where a run stands; `planning` is absent when it never began.
pub struct RunView {
    pub planning: Option<bool>,
    pub figures: RunFigures,
    pub carried: Vec<Carried>,
}

impl Usecases {
    /// # Errors
    /// `NotFound` `PAYOUT_UNKNOWN`.
    pub async fn get_payout(&self, payout_id: &str) -> Result<Payout, Error> {
        let found = self.store.find_payout(payout_id).await?;
        found.ok_or_else(|| {
            let message = format!("there is no payout {payout_id}");
            Error::NotFound(Rejection::new("PAYOUT_UNKNOWN", message).with("payout_id", payout_id))
        })
    }

    /// A page, and whether there is more.
    ///
    /// # Errors
    /// The database's.
    pub async fn list_payouts(&self, filter: Filter) -> Result<(Vec<Payout>, bool), Error> {
        let wanted = usize::try_from(filter.limit).unwrap_or(0);
        let one_more = Filter {
            limit: filter.limit.saturating_add(1),
            ..filter
        };
        let mut payouts = self.store.list_payouts(&one_more).await?;
        let has_more = payouts.len() > wanted;
        payouts.truncate(wanted);
        Ok((payouts, has_more))
    }

    /// # Errors
    /// The database's.
    pub async fn get_run(&self, month: Month) -> Result<RunView, Error> {
        let planning = self.store.find_run(month).await?.map(|run| run.planning);
        let figures = self.store.run_figures(month).await?;
        let carried = self.store.list_carried_over(month).await?;
        Ok(RunView {
            planning,
            figures,
            carried,
        })
    }
}
