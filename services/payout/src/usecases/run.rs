//! The run that follows a month's close.

use std::collections::{HashMap, HashSet};

use kit::Error;
use ledger::{CreatorId, Month};
use money::{Amount, Asset};
use wire::earnings::v1::{ListPayableRequest, Payable};

use super::Usecases;
use crate::convert;
use crate::domain::{
    Account, Candidate, Carried, NewPayout, Pass, Payout, Plan, next_midnight, plan,
};
use crate::orders::error_of;

/// Creators per question to the books, and per transaction.
const PAGE: usize = 500;

impl Usecases {
    /// One pass over everyone who is owed something: payouts for those who can be paid now, a
    /// reason for the others. While somebody waits for funds, another pass follows at midnight.
    ///
    /// # Errors
    /// Stripe's, the books' or the database's. A pass that broke off is repeated from the start.
    pub async fn plan_run(&self, month: Month) -> Result<(), Error> {
        let mut pass = Pass {
            funds: self.funds().await?,
            dry: false,
        };
        let mut after_creator_id = String::new();
        loop {
            let limit = i32::try_from(PAGE).map_err(|error| Error::Bug(Box::new(error)))?;
            let request = ListPayableRequest {
                after_creator_id,
                limit,
            };
            let page = self
                .earnings
                .clone()
                .list_payable(request)
                .await?
                .into_inner()
                .payables;
            let Some(last) = page.last() else { break };
            after_creator_id = last.creator_id.clone();
            let is_last = page.len() < PAGE;
            pass = self.plan_page(month, page, pass).await?;
            if is_last {
                break;
            }
        }
        let again_at = pass.dry.then(|| next_midnight(self.clock.now()));
        Ok(self.store.finish_pass(month, again_at).await?)
    }

    /// What is available at Stripe and not yet spoken for.
    async fn funds(&self) -> Result<Amount, Error> {
        // In this order: what leaves between the two is then missing twice and never counted twice.
        let unsent = self.store.unsent_minor().await?;
        let balance = self.stripe.balance(None).await.map_err(error_of)?;
        let available = balance
            .available_minor
            .get("usd")
            .copied()
            .unwrap_or_default();
        let left = available.saturating_sub(unsent).max(0);
        Amount::try_new(left, Asset::Usd).map_err(|error| Error::Bug(Box::new(error)))
    }

    async fn plan_page(&self, month: Month, page: Vec<Payable>, pass: Pass) -> Result<Pass, Error> {
        let now = self.clock.now();
        let ids: Vec<String> = page
            .iter()
            .map(|payable| payable.creator_id.clone())
            .collect();
        let accounts = self.store.accounts_of(&ids).await?;
        let mut tx = self.store.begin().await?;
        let planned = self
            .store
            .planned_creators_in_tx(&mut tx, month, &ids)
            .await?;
        let candidates = candidates(page, accounts, &planned.into_iter().collect())?;
        let Plan {
            paid,
            carried,
            rest,
        } = plan(candidates, self.payout_min, pass);
        let payouts = paid.into_iter().map(|(creator_id, amount, account_id)| {
            let new = NewPayout {
                month,
                creator_id,
                sequence: 1,
                amount,
                account_id,
            };
            Payout::planned(new, now)
        });
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
        Ok(rest)
    }
}

/// Those who have no payout in this run yet.
fn candidates(
    page: Vec<Payable>,
    accounts: Vec<Account>,
    planned: &HashSet<String>,
) -> Result<Vec<Candidate>, Error> {
    let mut accounts: HashMap<String, Account> = accounts
        .into_iter()
        .map(|account| (account.creator_id.clone(), account))
        .collect();
    let open = page
        .into_iter()
        .filter(|payable| !planned.contains(&payable.creator_id));
    open.map(|payable| {
        let creator_id: CreatorId = convert::creator_id(&payable.creator_id)?;
        let amount = wire::amount("payable_minor", payable.payable_minor, &payable.currency)?;
        let account = accounts.remove(&payable.creator_id);
        Ok(Candidate {
            creator_id,
            payable: amount,
            account,
        })
    })
    .collect()
}

fn log(month: Month, planned: &[Payout], carried: &[Carried]) {
    tracing::info!(%month, planned = planned.len(), carried = carried.len(), "run planned");
}
