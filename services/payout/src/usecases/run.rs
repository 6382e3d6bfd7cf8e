//! The run that follows a month's close.

use std::collections::HashMap;

use kit::Error;
use ledger::{CreatorId, Month};
use sqlx::PgConnection;
use time::OffsetDateTime;
use wire::earnings::v1::{ListPayableRequest, Payable};

use super::Usecases;
use crate::convert;
use crate::domain::{
    Account, Candidate, Carried, NewPayout, Pass, Payout, Plan, Settling, Waiting, plan,
};
use crate::store::RunLease;

/// Creators per question to the books, and per transaction.
const PAGE: usize = 500;

impl Usecases {
    /// One pass over everyone who is owed something: payouts for those who can be paid now, a
    /// reason for the others. While somebody waits, another pass follows at midnight.
    ///
    /// # Errors
    /// Stripe's, the books' or the database's; `Unavailable` when another replica has the run. A pass
    /// that broke off is repeated from the start, and in the same order: whoever it made wait for
    /// funds is looked at again, and whoever it planned is planned.
    pub async fn plan_run(&self, run: RunLease) -> Result<(), Error> {
        still_ours(self.store.begin_pass(run, self.clock.now()).await?)?;
        let mut pass = Pass::new(self.funds().await?);
        let mut settling = None;
        let mut after_creator_id = String::new();
        loop {
            let page = self.payable_page(after_creator_id).await?;
            let Some(last) = page.last() else { break };
            after_creator_id = last.creator_id.clone();
            let is_last = page.len() < PAGE;
            let planned = self.plan_page(run, page, pass).await?;
            pass = planned.rest;
            if !planned.waiting.is_empty() && settling.is_none() {
                settling = Some(self.settling().await?);
            }
            self.save_page(run, planned, settling.as_ref()).await?;
            if is_last {
                break;
            }
        }
        still_ours(self.store.finish_pass(run, self.clock.now()).await?)
    }

    async fn payable_page(&self, after_creator_id: String) -> Result<Vec<Payable>, Error> {
        let limit = i32::try_from(PAGE).map_err(|error| Error::Bug(Box::new(error)))?;
        let request = ListPayableRequest {
            after_creator_id,
            limit,
        };
        let answer = self.earnings.clone().list_payable(request).await?;
        Ok(answer.into_inner().payables)
    }

    async fn plan_page(
        &self,
        run: RunLease,
        page: Vec<Payable>,
        pass: Pass,
    ) -> Result<Plan, Error> {
        let ids: Vec<String> = page
            .iter()
            .map(|payable| payable.creator_id.clone())
            .collect();
        let known = Known {
            accounts: self
                .store
                .accounts_of(&ids)
                .await?
                .into_iter()
                .map(|account| (account.creator_id.clone(), account))
                .collect(),
            standings: self.store.standings(run, &ids).await?,
            unheld: self.store.unheld_minor(&ids).await?,
        };
        Ok(plan(known.candidates(page)?, self.payout_min, pass))
    }

    async fn save_page(
        &self,
        run: RunLease,
        planned: Plan,
        settling: Option<&Settling>,
    ) -> Result<(), Error> {
        let now = self.clock.now();
        let month = run.month;
        let Plan {
            paid,
            mut carried,
            waiting,
            undecided,
            ..
        } = planned;
        let unknown = Settling::default();
        let settling = settling.unwrap_or(&unknown);
        let for_funds = ids(waiting.iter().map(|one| &one.creator_id));
        let wait = |waiting: Waiting| waiting.carried(settling, now);
        carried.extend(waiting.into_iter().map(wait));
        let undecided = undecided.into_iter().map(|one| one.undecided(now));
        let undecided: Vec<Carried> = undecided.collect();
        let mut tx = self.store.begin().await?;
        still_ours(self.store.lock_run_in_tx(&mut tx, run).await?)?;
        let payouts = self.numbered_in_tx(&mut tx, month, paid, now).await?;
        let fresh = self.plan_in_tx(&mut tx, payouts, now).await?;
        let decided = fresh.iter().map(|payout| &payout.creator_id);
        let decided = ids(decided.chain(carried.iter().map(|one| &one.creator_id)));
        self.store
            .carry_no_more_in_tx(&mut tx, run, &decided)
            .await?;
        self.store
            .carry_over_in_tx(&mut tx, month, &carried)
            .await?;
        self.store
            .wait_for_funds_in_tx(&mut tx, month, &for_funds)
            .await?;
        self.store
            .wait_again_in_tx(&mut tx, month, &undecided)
            .await?;
        tx.commit().await?;
        log(month, &fresh, &carried);
        Ok(())
    }

    /// The payouts that a page comes to, each with the next number of its creator's in the run.
    async fn numbered_in_tx(
        &self,
        tx: &mut PgConnection,
        month: Month,
        paid: Vec<(Candidate, String)>,
        now: OffsetDateTime,
    ) -> Result<Vec<Payout>, Error> {
        let creator_ids = ids(paid.iter().map(|(candidate, _)| &candidate.creator_id));
        let newest = self
            .store
            .newest_sequences_in_tx(tx, month, &creator_ids)
            .await?;
        let payout = |(candidate, account_id): (Candidate, String)| {
            let newest = newest.get(candidate.creator_id.as_str()).copied();
            let new = NewPayout {
                month,
                creator_id: candidate.creator_id,
                sequence: newest.unwrap_or_default().saturating_add(1),
                amount: candidate.payable,
                account_id,
            };
            Payout::planned(new, now)
        };
        Ok(paid.into_iter().map(payout).collect())
    }
}

/// A lease that was lost is somebody else's run.
fn still_ours(ours: bool) -> Result<(), Error> {
    if ours {
        return Ok(());
    }
    Err(Error::unavailable("the run is planned by another replica"))
}

fn ids<'ids>(creator_ids: impl Iterator<Item = &'ids CreatorId>) -> Vec<String> {
    creator_ids.map(ToString::to_string).collect()
}

/// What is known of a page's creators.
struct Known {
    accounts: HashMap<String, Account>,
    /// Whether this pass looks again at those whom the run knows.
    standings: HashMap<String, bool>,
    /// Planned and perhaps not held: the books may count it as payable still.
    unheld: HashMap<String, i64>,
}

impl Known {
    /// Those whom this run has not planned yet, and those who were told to wait until now.
    fn candidates(mut self, page: Vec<Payable>) -> Result<Vec<Candidate>, Error> {
        let mut candidates = Vec::new();
        for payable in page {
            let standing = self.standings.get(&payable.creator_id);
            if standing == Some(&false) || payable.payable_minor <= 0 {
                continue;
            }
            let creator_id: CreatorId = convert::creator_id(&payable.creator_id)?;
            let minor = payable.payable_minor;
            candidates.push(Candidate {
                payable: wire::amount("payable_minor", minor, &payable.currency)?,
                account: self.accounts.remove(&payable.creator_id),
                is_in_doubt: self.unheld.contains_key(&payable.creator_id),
                creator_id,
            });
        }
        Ok(candidates)
    }
}

fn log(month: Month, planned: &[Payout], carried: &[Carried]) {
    tracing::info!(%month, planned = planned.len(), carried = carried.len(), "run planned");
}
