//! Begin, load, decide, save, announce, commit.

use kit::{Clock, Error, Rejection};
use mailbox::{Fact, Outbox};
use wire::fraud_limits::v1::PayoutBlocked;

use crate::domain::{self, Decision, Limit, Limits, Request};
use crate::store::Store;

/// What this service does, whoever asks.
#[derive(Clone)]
pub struct Usecases {
    pub store: Store,
    pub outbox: Outbox,
    pub clock: Clock,
    pub limits: Limits,
}

impl Usecases {
    /// Checks and records in one step. The same payout asked for again, with the same
    /// amount, is told what was decided.
    ///
    /// # Errors
    /// `Conflict` for another amount of a payout that went out, and for one that was given back:
    /// a payout that is planned anew has an id of its own; the database's.
    pub async fn reserve(&self, request: Request) -> Result<Decision, Error> {
        let mut tx = self.store.begin().await?;
        self.store
            .lock_creator_in_tx(&mut tx, &request.creator_id)
            .await?;
        let known = self
            .store
            .find_reservation_in_tx(&mut tx, &request.payout_id)
            .await?;
        match known {
            Some(known) if known.state == "released" => return Err(given_back()),
            Some(known) if known.amount_minor == request.amount.minor() => {
                return Ok(Decision::Allowed);
            }
            Some(known) if known.state == "confirmed" => return Err(went_out(known.amount_minor)),
            Some(_) | None => {}
        }
        let now = self.clock.now();
        let decision = domain::decide(self.limits, &request);
        match decision.blocked() {
            None => {
                self.store
                    .save_reservation_in_tx(&mut tx, &request, now)
                    .await?;
            }
            Some((limit, reason)) => {
                let first = self
                    .store
                    .save_blocked_in_tx(&mut tx, &request, limit, reason, now)
                    .await?;
                if first {
                    let fact = self.announce_blocked(&request, limit, reason);
                    self.outbox.enqueue_in_tx(&mut tx, &[fact]).await?;
                }
            }
        }
        tx.commit().await?;
        Ok(decision)
    }

    /// The payout went out.
    ///
    /// # Errors
    /// The database's.
    pub async fn confirm(&self, payout_id: &str) -> Result<(), Error> {
        Ok(self.store.end_reservation(payout_id, "confirmed").await?)
    }

    /// The payout will not go out, or it came back after it had: it no longer counts.
    ///
    /// # Errors
    /// The database's.
    pub async fn release(&self, payout_id: &str) -> Result<(), Error> {
        Ok(self.store.end_reservation(payout_id, "released").await?)
    }

    fn announce_blocked(&self, request: &Request, limit: Limit, reason: &str) -> Fact {
        let event = PayoutBlocked {
            payout_id: request.payout_id.clone(),
            creator_id: request.creator_id.clone(),
            amount_minor: request.amount.minor(),
            currency: request.amount.asset().code().to_owned(),
            code: limit.code().to_owned(),
            reason: reason.to_owned(),
        };
        let fact_id = format!("blocked:{}:{}", request.payout_id, limit.code());
        Fact::new(fact_id, &request.payout_id, 1, self.clock.now(), &event)
    }
}

fn given_back() -> Error {
    let message = "this payout's reservation was given back; plan it anew under another id";
    Error::Conflict(Rejection::new("PAYOUT_RELEASED", message))
}

fn went_out(amount_minor: i64) -> Error {
    let text = "this payout went out with another amount";
    Error::Conflict(Rejection::new("PAYOUT_CONFIRMED", text).with("amount_minor", amount_minor))
}
