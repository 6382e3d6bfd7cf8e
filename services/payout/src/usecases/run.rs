//! The run that follows a month's close.

use std::collections::HashMap;

use kit::Error;
use ledger::{CreatorId, Month};
use wire::earnings::v1::{ListPayableRequest, Payable};

use super::Usecases;
use crate::convert;
use crate::domain::{
    Account, Candidate, Carried, NewPayout, Pass, Payout, Plan, Settling, Waiting, plan,
};
use crate::store::Standing;

/// Creators per question to the books, and per transaction.
const PAGE: usize = 500;

impl Usecases {
    /// One pass over everyone who is owed something: payouts for those who can be paid now, a
    /// reason for the others. While somebody waits, another pass follows at midnight.
    ///
    /// # Errors
    /// Stripe's, the books' or the database's. A pass that broke off is repeated from the start.
    pub async fn plan_run(&self, month: Month) -> Result<(), Error> {
        let began_at = self.clock.now();
        let mut pass = Pass::new(self.funds().await?);
        let mut settling = None;
        let mut after_creator_id = String::new();
        loop {
            let page = self.payable_page(after_creator_id).await?;
            let Some(last) = page.last() else { break };
            after_creator_id = last.creator_id.clone();
            let is_last = page.len() < PAGE;
            let planned = self.plan_page(month, page, pass).await?;
            pass = planned.rest;
            if !planned.waiting.is_empty() && settling.is_none() {
                settling = Some(self.settling().await?);
            }
            self.save_page(month, planned, settling.as_ref()).await?;
            if is_last {
                break;
            }
        }
        Ok(self.store.finish_pass(month, began_at).await?)
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

    async fn plan_page(&self, month: Month, page: Vec<Payable>, pass: Pass) -> Result<Plan, Error> {
        let ids: Vec<String> = page
            .iter()
            .map(|payable| payable.creator_id.clone())
            .collect();
        let now = self.clock.now();
        let known = Known {
            accounts: self
                .store
                .accounts_of(&ids)
                .await?
                .into_iter()
                .map(|account| (account.creator_id.clone(), account))
                .collect(),
            standings: self.store.standings(month, &ids, now).await?,
            unheld: self.store.unheld_minor(&ids).await?,
        };
        Ok(plan(known.candidates(page)?, self.payout_min, pass))
    }

    async fn save_page(
        &self,
        month: Month,
        planned: Plan,
        settling: Option<&Settling>,
    ) -> Result<(), Error> {
        let now = self.clock.now();
        let Plan {
            paid,
            mut carried,
            waiting,
            ..
        } = planned;
        let unknown = Settling::default();
        let settling = settling.unwrap_or(&unknown);
        let wait = |waiting: Waiting| waiting.carried(settling, now);
        carried.extend(waiting.into_iter().map(wait));
        let payouts = paid.into_iter().map(|(candidate, account_id)| {
            let new = NewPayout {
                month,
                creator_id: candidate.creator_id,
                sequence: candidate.sequence,
                amount: candidate.payable,
                account_id,
            };
            Payout::planned(new, now)
        });
        let mut tx = self.store.begin().await?;
        let fresh = self.plan_in_tx(&mut tx, payouts.collect(), now).await?;
        let paid: Vec<String> = fresh
            .iter()
            .map(|payout| payout.creator_id.to_string())
            .collect();
        self.store
            .carry_no_more_in_tx(&mut tx, month, &paid)
            .await?;
        self.store
            .carry_over_in_tx(&mut tx, month, &carried)
            .await?;
        tx.commit().await?;
        log(month, &fresh, &carried);
        Ok(())
    }
}

/// What is known of a page's creators.
struct Known {
    accounts: HashMap<String, Account>,
    standings: HashMap<String, Standing>,
    /// Planned and not held: the books count it as payable still.
    unheld: HashMap<String, i64>,
}

impl Known {
    /// Those whom this run has not planned yet, and those who were told to wait until now.
    fn candidates(mut self, page: Vec<Payable>) -> Result<Vec<Candidate>, Error> {
        let mut candidates = Vec::new();
        for payable in page {
            let standing = self.standings.get(&payable.creator_id).copied();
            if standing.is_some_and(|standing| !standing.again) {
                continue;
            }
            let unheld = self.unheld.get(&payable.creator_id).copied();
            let left = payable
                .payable_minor
                .saturating_sub(unheld.unwrap_or_default());
            if left <= 0 {
                continue;
            }
            let creator_id: CreatorId = convert::creator_id(&payable.creator_id)?;
            candidates.push(Candidate {
                payable: wire::amount("payable_minor", left, &payable.currency)?,
                sequence: standing.unwrap_or_default().sequence.saturating_add(1),
                account: self.accounts.remove(&payable.creator_id),
                creator_id,
            });
        }
        Ok(candidates)
    }
}

fn log(month: Month, planned: &[Payout], carried: &[Carried]) {
    tracing::info!(%month, planned = planned.len(), carried = carried.len(), "run planned");
}
