//! Reading back from Stripe what its events name, and writing down what is found.
//!
//! An event only says where to look: they come late, twice and out of order. Stripe is asked
//! outside any transaction, under a lease; the answer is recorded in one, if the lease still
//! stands.

use std::time::Duration;

use futures::StreamExt;
use kit::{Error, Turn};
use stripe::{Doubt, Failure, Settlement};
use tokio::sync::mpsc;

use super::Usecases;
use super::recording::{Snapshot, Unread};
use crate::domain::charge::Unclaimed;
use crate::domain::event::WorkKind;
use crate::store::Claim;

/// Objects leased at once.
const CLAIMS_MAX: i64 = 48;
/// Calls to Stripe at once.
const READERS: usize = 16;
/// Answers written down at once.
const ANSWERS_MAX: usize = 48;
/// How often leases are renewed while Stripe is asked, who may take minutes: a lease that ran out
/// would go to another replica, and both readings would be in vain, again and again.
const RENEWAL: Duration = Duration::from_secs(5);
/// Between looks while all that is left is leased by others or waits to be tried again.
const PAUSE: Duration = Duration::from_millis(100);
/// After this many failures in a row, about ten seconds, somebody should look.
const FAILURES_ALARMING: i32 = 6;

/// What Stripe says of an object.
pub(super) enum Reading {
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
        tokio::select! {
            () = self.ask_and_record(claims) => {}
            () = self.keep_leases(lease_id, &objects) => {}
        }
    }

    /// What was answered while the last answers were written down is written down next, in one
    /// transaction: nobody waits for the slowest call, and busy times make few transactions.
    async fn ask_and_record(&self, claims: Vec<Claim>) {
        let (answers, mut answered) = mpsc::channel(claims.len().max(1));
        let asking = async move {
            let answers = &answers;
            futures::stream::iter(claims)
                .for_each_concurrent(READERS, |claim| async move {
                    let answer = self.ask(&claim).await;
                    // The receiver outlives every sender.
                    let _ = answers.send((claim, answer)).await;
                })
                .await;
        };
        let recording = async {
            let mut some = Vec::new();
            while answered.recv_many(&mut some, ANSWERS_MAX).await > 0 {
                self.record_some(std::mem::take(&mut some)).await;
            }
        };
        tokio::join!(asking, recording);
    }

    async fn record_some(&self, answers: Vec<(Claim, Result<Reading, String>)>) {
        let mut read = Vec::new();
        for (claim, answer) in answers {
            match answer {
                Ok(reading) => read.push((claim, reading)),
                Err(failure) => self.put_off(&claim, &failure).await,
            }
        }
        for (claim, failure) in self.record(read).await {
            self.put_off(&claim, &failure).await;
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

    async fn put_off(&self, claim: &Claim, failure: &str) {
        match self.store.postpone_claim(claim, failure).await {
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
