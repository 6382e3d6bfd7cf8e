//! Reading back from Stripe what its events name, and writing down what is found.
//!
//! An event only says where to look: they come late, twice and out of order. Stripe is asked
//! outside any transaction, under a lease; the answer is recorded in one, if the lease still
//! stands.

use std::time::Duration;

use futures::StreamExt;
use kit::{Error, Turn};
use sqlx::PgConnection;
use stripe::{Doubt, Failure, Settlement};

use super::Usecases;
use super::recording::{Recorded, Snapshot, Unread};
use crate::convert;
use crate::domain::charge::{self, Unclaimed};
use crate::domain::event::WorkKind;
use crate::domain::month::first_open;
use crate::store::{Claim, UnclaimedObject};

/// Objects leased at once.
const CLAIMS_MAX: i64 = 48;
/// Calls to Stripe at once.
const READERS: usize = 16;
/// How often leases are renewed while Stripe is asked, who may take minutes: a lease that ran out
/// would go to another replica, and both readings would be in vain, again and again.
const RENEWAL: Duration = Duration::from_secs(5);
/// Between looks while all that is left is leased by others or waits to be tried again.
const PAUSE: Duration = Duration::from_millis(100);
/// After this many failures in a row, about ten seconds, somebody should look.
const FAILURES_ALARMING: i32 = 6;

/// What Stripe says of an object.
enum Reading {
    Subscription(Box<Snapshot>),
    Settlement(Box<Settlement>),
    /// An invoice for which nobody was charged, or a page that needs nothing written down.
    Nothing,
    Unclaimed(Unclaimed),
}

impl Usecases {
    /// Reads a portion of what is to be read.
    ///
    /// # Errors
    /// The database's.
    pub async fn read_some(&self) -> Result<Turn, Error> {
        let lease_id = kit::ids::fresh("lease");
        let claims = self.store.claim_work(&lease_id, CLAIMS_MAX).await?;
        if !claims.is_empty() {
            self.read_all(&lease_id, claims).await;
            return Ok(Turn::AGAIN);
        }
        if !self.store.has_pending_work().await? {
            return Ok(Turn::IDLE);
        }
        // Work in hand, though not ours yet: this service is not idle.
        tokio::time::sleep(PAUSE).await;
        Ok(Turn::AGAIN)
    }

    async fn read_all(&self, lease_id: &str, claims: Vec<Claim>) {
        let object = |claim: &Claim| (claim.kind, claim.object_id.clone());
        let objects: Vec<_> = claims.iter().map(object).collect();
        let readings = futures::stream::iter(claims)
            .for_each_concurrent(READERS, |claim| self.read_one(claim));
        tokio::select! {
            () = readings => {}
            () = self.keep_leases(lease_id, &objects) => {}
        }
    }

    /// Goes on for ever.
    async fn keep_leases(&self, lease_id: &str, objects: &[(WorkKind, String)]) {
        loop {
            tokio::time::sleep(RENEWAL).await;
            if let Err(error) = self.store.renew_leases(lease_id, objects).await {
                tracing::warn!(%error, "leases could not be renewed");
            }
        }
    }

    async fn read_one(&self, claim: Claim) {
        let failure = match self.ask(&claim).await {
            Ok(reading) => match self.record(&claim, reading).await {
                Ok(()) => return,
                Err(error) => chain(&error),
            },
            Err(failure) => failure,
        };
        match self.store.postpone_claim(&claim, &failure).await {
            Ok(Some(count)) if count >= FAILURES_ALARMING => tracing::error!(
                object_id = claim.object_id,
                failures = count,
                failure,
                "an object cannot be read; its month cannot be cut"
            ),
            Ok(failures) => tracing::warn!(
                object_id = claim.object_id,
                ?failures,
                failure,
                "a reading is put off"
            ),
            // The lease runs out by itself.
            Err(error) => tracing::warn!(object_id = claim.object_id, %error, failure,
                "a reading failed"),
        }
    }

    /// What cannot get better by asking again is an answer, too: a person looks at it.
    async fn ask(&self, claim: &Claim) -> Result<Reading, String> {
        match self.read(claim.kind, &claim.object_id).await {
            Err(Unread::Stripe(failure))
                if failure.is_not_found()
                    || matches!(failure, Failure::Mismatch { .. })
                    || is_foreign(claim, &failure) =>
            {
                Ok(Reading::Unclaimed(Unclaimed(failure.to_string())))
            }
            Err(Unread::Stripe(failure)) => Err(failure.to_string()),
            Err(Unread::Store(error)) => Err(error.to_string()),
            Ok(reading) => Ok(reading),
        }
    }

    async fn read(&self, kind: WorkKind, id: &str) -> Result<Reading, Unread> {
        match kind {
            WorkKind::Subscription => {
                let snapshot = self.read_subscription(id).await?;
                Ok(Reading::Subscription(Box::new(snapshot)))
            }
            WorkKind::Unpaid => match self.stripe.retrieve_invoice(id).await?.subscription {
                Some(subscription) => {
                    let snapshot = self.read_subscription(&subscription).await?;
                    Ok(Reading::Subscription(Box::new(snapshot)))
                }
                None => Ok(Reading::Nothing),
            },
            WorkKind::Paid => {
                self.close_others(id).await?;
                Ok(Reading::Nothing)
            }
            WorkKind::Invoice => {
                let settlement = self.stripe.invoice_settlement(id).await?;
                Ok(settlement.map_or(Reading::Nothing, |it| Reading::Settlement(Box::new(it))))
            }
        }
    }

    async fn record(&self, claim: &Claim, reading: Reading) -> Result<(), Error> {
        let mut tx = self.store.begin().await?;
        self.store.lock_months_shared_in_tx(&mut tx).await?;
        if !self.store.lock_claim_in_tx(&mut tx, claim).await? {
            return Ok(());
        }
        match reading {
            Reading::Subscription(it) => self.subscription_in_tx(&mut tx, claim, &it).await?,
            Reading::Settlement(it) => self.charge_in_tx(&mut tx, claim, &it).await?,
            Reading::Unclaimed(why) => self.unclaimed_in_tx(&mut tx, claim, &why, None).await?,
            Reading::Nothing => {}
        }
        self.store.finish_claim_in_tx(&mut tx, claim).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn subscription_in_tx(
        &self,
        tx: &mut PgConnection,
        claim: &Claim,
        snapshot: &Snapshot,
    ) -> Result<(), Error> {
        let kind = claim.kind.as_str();
        match self.record_subscription_in_tx(tx, snapshot).await? {
            Recorded::Ours(_) => Ok(self
                .store
                .resolve_unclaimed_in_tx(tx, kind, &claim.object_id)
                .await?),
            // Its own events tell of it, too.
            Recorded::Foreign(_) if claim.kind == WorkKind::Unpaid => Ok(()),
            Recorded::Foreign(why) => self.unclaimed_in_tx(tx, claim, &why, None).await,
            Recorded::Stale => Err(Error::unavailable("it was changed meanwhile")),
        }
    }

    async fn charge_in_tx(
        &self,
        tx: &mut PgConnection,
        claim: &Claim,
        settlement: &Settlement,
    ) -> Result<(), Error> {
        let last_cut = self
            .store
            .find_last_cut_in_tx(tx)
            .await?
            .map(|(month, _)| month);
        let first_event = self.store.find_first_event_in_tx(tx).await?;
        let open = first_open(last_cut, first_event);
        let month = charge::funded_month(settlement.period_start, open);
        let owner = charge::owner(&settlement.subscription_metadata);
        let (body, fact) = match owner.and_then(|owner| charge::fact(settlement, &owner, month)) {
            Ok(made) => made,
            Err(why) => {
                return self
                    .unclaimed_in_tx(tx, claim, &why, Some(settlement))
                    .await;
            }
        };
        let subscription_id = settlement.subscription.as_deref().unwrap_or_default();
        let invoice_id = settlement.invoice.as_str();
        let is_new = self
            .store
            .save_charge_in_tx(tx, &body, &fact, subscription_id, invoice_id)
            .await?;
        self.store
            .resolve_unclaimed_in_tx(tx, claim.kind.as_str(), &claim.object_id)
            .await?;
        if !is_new {
            return Ok(());
        }
        let key = fact.key().to_string();
        let announced = convert::charge_fact(&body, &key, subscription_id, invoice_id);
        Ok(self.outbox.enqueue_in_tx(tx, &[announced]).await?)
    }

    /// Written down and shouted about; what it is for is decided by a person.
    async fn unclaimed_in_tx(
        &self,
        tx: &mut PgConnection,
        claim: &Claim,
        why: &Unclaimed,
        settlement: Option<&Settlement>,
    ) -> Result<(), Error> {
        let unclaimed = UnclaimedObject {
            kind: claim.kind.as_str(),
            object_id: &claim.object_id,
            reason: &why.0,
            charge_id: settlement.map_or("", |it| &it.charge),
            gross_minor: settlement.map_or(0, |it| it.gross_minor),
            currency: settlement.map_or("", |it| &it.currency),
        };
        tracing::error!(
            object_id = claim.object_id,
            charge_id = unclaimed.charge_id,
            gross_minor = unclaimed.gross_minor,
            reason = why.0,
            "unclaimed at Stripe"
        );
        Ok(self
            .store
            .save_unclaimed_in_tx(tx, &unclaimed, self.clock.now())
            .await?)
    }
}

/// A subscription whose shape is none of ours, such as one priced by fractions of a cent, that
/// somebody else sold on the same account. It brings no money in by itself, so no month waits for
/// it as one waits for an invoice.
fn is_foreign(claim: &Claim, failure: &Failure) -> bool {
    let failures = claim.failure_count.saturating_add(1);
    let unreadable = matches!(
        failure,
        Failure::Unknown {
            why: Doubt::Unreadable,
            ..
        }
    );
    claim.kind == WorkKind::Subscription && unreadable && failures >= FAILURES_ALARMING
}

fn chain(error: &Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
