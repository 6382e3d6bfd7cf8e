//! The only way a payout moves: lock, decide, save, announce, commit.

use kit::{Error, Rejection as Refusal};
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::Usecases;
use crate::convert;
use crate::domain::{
    Carried, Change, Command, Decision, Outcome, Payout, Rejection, State, decide,
};
use crate::orders::Order;
use crate::store::Mover;

impl Usecases {
    /// Tells a payout what happened. The event that told may be empty.
    ///
    /// # Errors
    /// `Conflict` when the rules refuse it, logged here; the database's.
    pub async fn tell(
        &self,
        payout_id: &str,
        command: &Command,
        event_id: &str,
    ) -> Result<(), Error> {
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        let before = self.store.lock_payout_in_tx(&mut tx, payout_id).await?;
        let before = before.ok_or_else(|| Error::bug("a payout that moves is not there"))?;
        let decision = match decide(&before, command, now) {
            Ok(Outcome::AlreadyThere) => return Ok(()),
            Ok(Outcome::Moved(decision)) => decision,
            Err(rejection) => return Err(refused(&before, command, &rejection)),
        };
        let mover = Mover {
            command: command.name(),
            actor: kit::context::current().actor,
            event_id: event_id.to_owned(),
        };
        self.save_move_in_tx(&mut tx, &before, &decision, &mover, now)
            .await?;
        tx.commit().await?;
        log(&before, &decision.payout);
        Ok(())
    }

    async fn save_move_in_tx(
        &self,
        tx: &mut PgConnection,
        before: &Payout,
        decision: &Decision,
        mover: &Mover,
        now: OffsetDateTime,
    ) -> Result<(), Error> {
        let Decision {
            payout,
            change,
            facts,
        } = decision;
        self.store.save_payout_in_tx(tx, payout).await?;
        self.store
            .record_moves_in_tx(tx, &[(before.state.as_str(), payout)], mover, now)
            .await?;
        if *change == Change::Begun {
            let body = Order::of(payout).to_json()?;
            self.store
                .insert_attempt_in_tx(tx, payout, &body, now)
                .await?;
        } else {
            self.store.change_attempt_in_tx(tx, before, change).await?;
        }
        if payout.state == State::Canceled && payout.replacement.is_none() {
            let carried = Carried {
                creator_id: payout.creator_id.clone(),
                payable: payout.amount,
                reason: payout.reason.clone(),
            };
            self.store
                .carry_over_in_tx(tx, payout.month, &[carried])
                .await?;
        }
        let for_the_books = facts
            .iter()
            .filter_map(|fact| convert::for_the_books(fact, payout, now));
        let facts: Vec<_> = for_the_books
            .chain([convert::payout_changed(payout, now)])
            .collect();
        Ok(self.outbox.enqueue_in_tx(tx, &facts).await?)
    }

    /// Writes planned payouts with their first transitions, and announces those that are new.
    pub(super) async fn plan_in_tx(
        &self,
        tx: &mut PgConnection,
        payouts: Vec<Payout>,
        now: OffsetDateTime,
    ) -> Result<Vec<Payout>, Error> {
        let new = self.store.insert_payouts_in_tx(tx, &payouts).await?;
        let fresh: Vec<Payout> = payouts
            .into_iter()
            .filter(|payout| new.iter().any(|id| id == payout.payout_id.as_str()))
            .collect();
        let moves: Vec<(&str, &Payout)> = fresh.iter().map(|payout| ("", payout)).collect();
        let mover = Mover {
            command: "plan",
            ..Mover::default()
        };
        self.store
            .record_moves_in_tx(tx, &moves, &mover, now)
            .await?;
        let facts: Vec<_> = fresh
            .iter()
            .map(|payout| convert::payout_changed(payout, now))
            .collect();
        self.outbox.enqueue_in_tx(tx, &facts).await?;
        Ok(fresh)
    }
}

/// Money that moved twice, or after the end, pages; the rest is two workers in each other's way.
fn refused(payout: &Payout, command: &Command, rejection: &Rejection) -> Error {
    let (payout_id, name) = (payout.payout_id.as_str(), command.name());
    let alarming = match rejection {
        Rejection::AnotherObject { .. } | Rejection::AttemptEnded { .. } | Rejection::NoFact(_) => {
            true
        }
        Rejection::Ended { .. } => command.tells_of_money(),
        Rejection::AlreadySending | Rejection::TooEarly { .. } | Rejection::NotUnderWay { .. } => {
            false
        }
    };
    if alarming {
        tracing::error!(payout.id = payout_id, command = name, %rejection, "somebody must look");
    } else {
        tracing::warn!(payout.id = payout_id, command = name, %rejection, "not moved");
    }
    Error::Conflict(Refusal::new(rejection.code(), rejection.to_string()))
}

fn log(before: &Payout, after: &Payout) {
    tracing::info!(payout.id = after.payout_id.as_str(), from = before.state.as_str(),
        to = after.state.as_str(), step = %after.step, "payout moved");
    let at_the_bank = before.state == State::Sent && after.state == State::Failed;
    if after.state == State::Returned || at_the_bank {
        tracing::error!(
            payout.id = after.payout_id.as_str(),
            code = after.failure_code,
            "the bank did not keep it: its money lies in the connected account"
        );
    }
}
