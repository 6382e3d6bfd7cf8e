//! Charges fund pools, a batch at a time.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use kit::Error;
use ledger::Month;
use mailbox::Fact as Announcement;
use sqlx::PgConnection;
use time::OffsetDateTime;
use wire::allocation::v1 as contract;

use super::Usecases;
use crate::domain::{Charge, Funding, MonthState, missing};
use crate::error::{bug, no_month_yet};
use crate::store::NewFunding;

impl Usecases {
    /// The month of the business clock; `None` before its first reading.
    #[must_use]
    pub fn today(&self) -> Option<Month> {
        self.clock.is_read().then(|| Month::of(self.clock.now()))
    }

    /// Funds a pool with each charge that did not fund one before, and announces it.
    ///
    /// # Errors
    /// `Unavailable` before the first month has begun; the database's.
    pub async fn fund_in_tx(&self, tx: &mut PgConnection, charges: &[Charge]) -> Result<(), Error> {
        if charges.is_empty() {
            return Ok(());
        }
        let now = self.clock.now();
        let stamps = self.stamps_in_tx(tx, charges, now).await?;
        let mut rows = Vec::with_capacity(charges.len());
        let mut fundings = Vec::with_capacity(charges.len());
        for charge in charges {
            let month = stamps.get(&charge.settled().period_month);
            let month = *month.ok_or_else(|| Error::bug("a charge's month was not entered"))?;
            let funding = charge.fund(month).map_err(bug)?;
            rows.push(row(charge, &funding));
            fundings.push(funding);
        }
        let fresh = self.store.save_fundings_in_tx(tx, &rows, now).await?;
        self.store.fund_pools_in_tx(tx, &fresh).await?;
        self.store.count_charges_in_tx(tx, &fresh).await?;
        let fresh: HashSet<String> = fresh.into_iter().collect();
        let announced = announcements(&fundings, &fresh, now);
        self.outbox.enqueue_in_tx(tx, &announced).await?;
        Ok(())
    }

    /// For each month that was paid for, the one that is funded: the first that is not sealed,
    /// from there on. Its shared lock is held from here to the transaction's end.
    async fn stamps_in_tx(
        &self,
        tx: &mut PgConnection,
        charges: &[Charge],
        now: OffsetDateTime,
    ) -> Result<BTreeMap<Month, Month>, Error> {
        let periods: BTreeSet<Month> = charges
            .iter()
            .map(|charge| charge.settled().period_month)
            .collect();
        let periods: Vec<Month> = periods.into_iter().collect();
        self.extend_calendar_in_tx(tx, &periods, now).await?;
        let mut stamps = BTreeMap::new();
        for period in periods {
            stamps.insert(period, self.enter_unsealed_in_tx(tx, period).await?);
        }
        Ok(stamps)
    }

    async fn extend_calendar_in_tx(
        &self,
        tx: &mut PgConnection,
        periods: &[Month],
        now: OffsetDateTime,
    ) -> Result<(), Error> {
        let span = self
            .store
            .find_span_in_tx(tx)
            .await?
            .ok_or_else(no_month_yet)?;
        if missing(span, periods).is_empty() {
            return Ok(());
        }
        self.store.lock_calendar_in_tx(tx).await?;
        let span = self
            .store
            .find_span_in_tx(tx)
            .await?
            .ok_or_else(no_month_yet)?;
        self.store
            .add_months_in_tx(tx, &missing(span, periods), now)
            .await?;
        Ok(())
    }

    async fn enter_unsealed_in_tx(
        &self,
        tx: &mut PgConnection,
        period: Month,
    ) -> Result<Month, Error> {
        loop {
            let month = self.store.find_unsealed_in_tx(tx, period).await?;
            let month = month.ok_or_else(|| Error::bug("every month is sealed"))?;
            self.store.share_month_in_tx(tx, month).await?;
            // It may have been sealed while we waited. Each month is sealed once, so this ends.
            if self.store.find_state_in_tx(tx, month).await? != Some(MonthState::Sealed) {
                return Ok(month);
            }
        }
    }
}

fn row(charge: &Charge, funding: &Funding) -> NewFunding {
    let settled = charge.settled();
    NewFunding {
        charge: settled.charge.to_string(),
        subscriber: settled.subscriber.to_string(),
        program: settled.program.as_str(),
        month: funding.attributed.month,
        amount_minor: funding.attributed.amount.minor(),
        digest: funding.digest,
        period_month: settled.period_month,
        gross_minor: settled.gross.minor(),
        charge_digest: charge.digest(),
    }
}

/// What the books must hear of: new charges that brought more than tax.
fn announcements(
    fundings: &[Funding],
    fresh: &HashSet<String>,
    now: OffsetDateTime,
) -> Vec<Announcement> {
    let told = fundings.iter().map(|funding| &funding.attributed);
    let told = told.filter(|told| fresh.contains(told.charge.as_str()) && !told.amount.is_zero());
    told.map(|told| {
        let event = contract::FundingAttributed::from(told);
        Announcement::new(
            format!("funding:{}", told.charge),
            told.charge.as_str(),
            1,
            now,
            &event,
        )
    })
    .collect()
}
