//! The only way a payout moves: lock, decide, save, announce, commit.

use kit::{Error, Rejection as Refusal};
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::Usecases;
use super::reserve::NOT_THERE;
use crate::announce;
use crate::domain::{
    Carried, Change, Command, Decision, Outcome, Payout, Rejection, State, Step, cause, decide,
    next_midnight, rest_follows,
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
        self.save_move_in_tx(&mut tx, &before, (command, &decision), &mover, now)
            .await?;
        tx.commit().await?;
        log(&before, &decision.payout);
        Ok(())
    }

    async fn save_move_in_tx(
        &self,
        tx: &mut PgConnection,
        before: &Payout,
        (command, decision): (&Command, &Decision),
        mover: &Mover,
        now: OffsetDateTime,
    ) -> Result<(), Error> {
        let Decision {
            payout,
            change,
            facts,
            comeback,
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
        if before.state != payout.state {
            self.say_why_not_paid_in_tx(tx, payout, command, now)
                .await?;
        }
        let for_the_books = facts
            .iter()
            .filter_map(|fact| announce::for_the_books(fact, payout, now));
        let back = comeback
            .iter()
            .map(|comeback| announce::came_back(comeback, payout, now));
        let facts: Vec<_> = for_the_books
            .chain(back)
            .chain([announce::payout_changed(payout, now)])
            .collect();
        Ok(self.outbox.enqueue_in_tx(tx, &facts).await?)
    }

    /// A run's payout that ends without being paid leaves its creator with the money and a reason,
    /// in the newest run. What a limit cut off is planned again the next day.
    async fn say_why_not_paid_in_tx(
        &self,
        tx: &mut PgConnection,
        payout: &Payout,
        command: &Command,
        now: OffsetDateTime,
    ) -> Result<(), Error> {
        let Some(month) = payout.month else {
            return Ok(());
        };
        let Some(carried) = not_paid(payout, command, now) else {
            return Ok(());
        };
        let newest = self.store.newest_run_in_tx(tx).await?;
        let month = newest.unwrap_or(month);
        if let Some(again_at) = carried.again_at {
            self.store.go_on_in_tx(tx, month, again_at).await?;
        }
        Ok(self.store.carry_over_in_tx(tx, month, &[carried]).await?)
    }

    /// Writes new payouts with their first transitions, and announces those that are new.
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
            actor: kit::context::current().actor,
            event_id: String::new(),
        };
        self.store
            .record_moves_in_tx(tx, &moves, &mover, now)
            .await?;
        let facts: Vec<_> = fresh
            .iter()
            .map(|payout| announce::payout_changed(payout, now))
            .collect();
        self.outbox.enqueue_in_tx(tx, &facts).await?;
        Ok(fresh)
    }
}

/// What carries over of a payout of a run that has just moved, if anything, and why.
fn not_paid(payout: &Payout, command: &Command, now: OffsetDateTime) -> Option<Carried> {
    let carried = |payable, reason| Carried {
        creator_id: payout.creator_id.clone(),
        payable,
        reason,
        expected_on: None,
        again_at: None,
    };
    match (payout.state, payout.replacement, command) {
        (State::Canceled, None, _) => Some(carried(payout.amount, payout.reason.clone())),
        // What the books do not have is no rest: only a limit leaves one.
        (State::Canceled, Some(_), _) if payout.failure_code == NOT_THERE => None,
        (State::Canceled, Some(smaller), Command::Cancel { reason: limit, .. }) => {
            let rest = payout.amount.checked_sub(smaller).ok()?;
            let at = next_midnight(now);
            Some(Carried {
                expected_on: Some(at),
                again_at: Some(at),
                ..carried(rest, rest_follows(limit, at))
            })
        }
        (State::Failed, ..) => {
            let why = cause(&payout.failure_code);
            let reason = format!("the payout failed: {why}; the next run pays, or a request");
            Some(carried(payout.amount, reason))
        }
        (
            State::Planned
            | State::Reserved
            | State::PendingApproval
            | State::Sending
            | State::Sent
            | State::Paid
            | State::Unknown
            | State::RetryWait
            | State::Reversing
            | State::Returned
            | State::Canceled
            | State::Rejected,
            ..,
        ) => None,
    }
}

/// Money that moved twice, or after the end, pages; the rest is two workers in each other's way.
fn refused(payout: &Payout, command: &Command, rejection: &Rejection) -> Error {
    let (payout_id, name) = (payout.payout_id.as_str(), command.name());
    let alarming = match rejection {
        Rejection::AnotherObject { .. }
        | Rejection::AttemptEnded { .. }
        | Rejection::TooMuchReversed { .. }
        | Rejection::NoFact(_) => true,
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
    let payout_id = after.payout_id.as_str();
    tracing::info!(payout.id = payout_id, from = before.state.as_str(),
        to = after.state.as_str(), step = %after.step, "payout moved");
    let code = after.failure_code.as_str();
    if after.state == State::Returned {
        tracing::error!(
            payout.id = payout_id,
            code,
            "the bank sent back what it had paid"
        );
    }
    let stuck = after.state == State::Reversing && after.next_retry_at > before.next_retry_at;
    if stuck && before.step == after.step {
        tracing::error!(
            payout.id = payout_id,
            reason = after.reason,
            "a reversal is impossible: money lies in a connected account"
        );
    }
    if after.reversed != before.reversed && before.step != Step::Reversal {
        tracing::error!(payout.id = payout_id, reversed = %after.reversed,
            "a transfer was taken back by somebody else");
    }
}
