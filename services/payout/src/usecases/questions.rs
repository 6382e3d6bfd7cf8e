//! What others ask.

use kit::{Error, Rejection};
use ledger::Month;

use super::Usecases;
use crate::domain::{Carried, Floor, Payout};
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

    /// A payout whose outcome is unknown is cleared up on the way, if that is quick.
    ///
    /// # Errors
    /// `NotFound` `PAYOUT_UNKNOWN`.
    pub async fn look_at_payout(&self, payout_id: &str) -> Result<Payout, Error> {
        let payout = self.get_payout(payout_id).await?;
        self.resolve_on_the_way(payout).await
    }

    /// Why the last run did not pay a creator, and which run that was: as far as there is something
    /// left to be paid. None when nothing carries over.
    ///
    /// # Errors
    /// `NotFound` `CREATOR_UNKNOWN`; the books'.
    pub async fn get_carry_over(
        &self,
        creator_id: &str,
    ) -> Result<Option<(String, Carried)>, Error> {
        self.get_creator(creator_id).await?;
        let Some((month, carried)) = self.store.find_carried_over(creator_id).await? else {
            return Ok(None);
        };
        let payable = self.payable(creator_id).await?;
        let carried = Carried { payable, ..carried };
        Ok(Some((month, carried)).filter(|_| !payable.is_zero()))
    }

    /// The floor as last set; none before the first look.
    ///
    /// # Errors
    /// The database's.
    pub async fn get_floor(&self) -> Result<Option<Floor>, Error> {
        Ok(self.store.find_floor().await?)
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
