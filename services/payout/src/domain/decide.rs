//! What a command does to a payout in each state: the whole saga in one place.
//!
//! Replay comes before rules: a command told twice hears that it was done, even where it would be
//! refused today.

mod bank;
mod begin;
mod order;
mod reversal;

use ledger::{AttemptSettled, Fact, LedgerError, StripeId};
use money::Amount;
use time::OffsetDateTime;

use super::{Change, Command, Decision, Errand, Outcome, Payout, Rejection, State, Step, reason};

type Decided = Result<Outcome, Rejection>;

/// # Errors
/// A [`Rejection`].
pub fn decide(payout: &Payout, command: &Command, now: OffsetDateTime) -> Decided {
    match command {
        Command::RecordReserved => reserved(payout, now),
        Command::BeginAttempt { step, attempt } => begin::begin(payout, *step, *attempt, now),
        Command::RecordHoldLost => hold_lost(payout, now),
        Command::RecordSent {
            attempt,
            transfer_id,
            txn,
        } => order::sent(payout, *attempt, transfer_id, txn, now),
        Command::RecordRefused {
            step,
            attempt,
            code,
        } => order::refused(payout, *step, *attempt, code, now),
        Command::RecordUnknown {
            step,
            attempt,
            doubt,
        } => order::unknown(payout, *step, *attempt, *doubt, now),
        Command::RecordBankSubmitted {
            attempt,
            bank_payout_id,
            arrival,
        } => bank::submitted(payout, *attempt, bank_payout_id, *arrival),
        Command::RecordBankPaid {
            attempt,
            bank_payout_id,
        } => bank::paid(payout, *attempt, bank_payout_id, now),
        Command::RecordBankFailed {
            attempt,
            bank_payout_id,
            code,
        } => bank::failed(payout, *attempt, bank_payout_id, code, now),
        Command::RecordReversed(told) => reversal::reversed(payout, told, now),
        Command::RetryNow => begin::retry_now(payout, now),
        Command::Cancel {
            reason,
            code,
            replacement,
        } => cancel(payout, reason, code, *replacement, now),
    }
}

fn reserved(payout: &Payout, now: OffsetDateTime) -> Decided {
    match payout.state {
        State::Planned => {
            let mut next = moved(payout, State::Reserved, "the money is set aside");
            next.due_at = Some(now);
            Ok(plain(next, Change::None))
        }
        State::Reserved
        | State::PendingApproval
        | State::Sending
        | State::Sent
        | State::Paid
        | State::Unknown
        | State::RetryWait
        | State::Reversing
        | State::Returned
        | State::Failed => Ok(Outcome::AlreadyThere),
        State::Canceled | State::Rejected => Err(ended(payout)),
    }
}

fn hold_lost(payout: &Payout, now: OffsetDateTime) -> Decided {
    match (payout.state, payout.step) {
        // The books never committed it, so no order has left.
        (State::Sending, Step::Transfer) => {
            let reason = "the money is disputed and no longer set aside";
            let code = "HOLD_LOST".to_owned();
            let change = Change::Refused { code: code.clone() };
            Ok(canceled(payout, reason, &code, None, now, change))
        }
        (State::Canceled, _) => Ok(Outcome::AlreadyThere),
        (State::Paid | State::Failed | State::Rejected, _) => Err(ended(payout)),
        (State::Sending, Step::Bank | Step::Reversal)
        | (
            State::Planned
            | State::Reserved
            | State::PendingApproval
            | State::Sent
            | State::Unknown
            | State::RetryWait
            | State::Reversing
            | State::Returned,
            _,
        ) => Err(not_under_way(payout)),
    }
}

fn cancel(
    payout: &Payout,
    reason: &str,
    code: &str,
    replacement: Option<Amount>,
    now: OffsetDateTime,
) -> Decided {
    match payout.state {
        State::Planned | State::Reserved | State::PendingApproval => Ok(canceled(
            payout,
            reason,
            code,
            replacement,
            now,
            Change::None,
        )),
        State::Canceled => Ok(Outcome::AlreadyThere),
        State::Sending
        | State::Sent
        | State::Unknown
        | State::RetryWait
        | State::Reversing
        | State::Returned => Err(Rejection::AlreadySending),
        State::Paid | State::Failed | State::Rejected => Err(ended(payout)),
    }
}

fn canceled(
    payout: &Payout,
    reason: &str,
    code: &str,
    replacement: Option<Amount>,
    now: OffsetDateTime,
    change: Change,
) -> Outcome {
    let mut next = moved(payout, State::Canceled, reason);
    if let Some(smaller) = replacement {
        next.reason = format!("{reason}: {smaller} is paid instead");
    }
    next.failure_code = code.to_owned();
    next.errand = Errand::GiveBack;
    next.replacement = replacement;
    next.due_at = Some(now);
    plain(next, change)
}

/// The end of a payout whose money is at the platform again, by reversals that the books have
/// heard of: only the limits still count on it.
fn came_back(payout: &Payout, reason: &str, now: OffsetDateTime) -> Payout {
    let mut next = moved(payout, State::Failed, reason);
    next.next_retry_at = None;
    next.expected_arrival_at = None;
    next.paid_at = None;
    next.errand = Errand::Release;
    next.due_at = Some(now);
    next
}

/// `Some` when the object is the one that is known, `None` when none is.
fn same_object(known: Option<&str>, told: &str) -> Result<Option<Outcome>, Rejection> {
    match known {
        None => Ok(None),
        Some(known) if known == told => Ok(Some(Outcome::AlreadyThere)),
        Some(known) => Err(Rejection::AnotherObject {
            known: known.into(),
            told: told.into(),
        }),
    }
}

/// The payout after a move, waiting for facts unless the caller says otherwise.
fn moved(payout: &Payout, state: State, reason: &str) -> Payout {
    Payout {
        due_at: None,
        ..told(payout, state, reason)
    }
}

/// The payout after it was told something that does not change what is done next, or when.
fn told(payout: &Payout, state: State, reason: &str) -> Payout {
    Payout {
        state,
        reason: reason.to_owned(),
        version: payout.version.saturating_add(1),
        ..payout.clone()
    }
}

fn plain(payout: Payout, change: Change) -> Outcome {
    with_facts(payout, change, Vec::new())
}

fn with_facts(payout: Payout, change: Change, facts: Vec<Fact>) -> Outcome {
    Outcome::Moved(Box::new(Decision {
        payout,
        change,
        facts,
        comeback: None,
    }))
}

fn ended(payout: &Payout) -> Rejection {
    Rejection::Ended {
        state: payout.state,
    }
}

fn not_under_way(payout: &Payout) -> Rejection {
    Rejection::NotUnderWay {
        state: payout.state,
        step: payout.step,
    }
}

/// What a step moved of this payout: the transfer all of it, the bank what did not come back.
/// Nothing at all is no fact.
fn settled(payout: &Payout, txn: Option<StripeId>) -> Result<Vec<Fact>, LedgerError> {
    let (Some(step), amount) = (
        payout.step.in_the_books(),
        match payout.step {
            Step::Transfer => payout.amount,
            Step::Bank | Step::Reversal => payout.left(),
        },
    ) else {
        return Ok(Vec::new());
    };
    if amount.is_zero() {
        return Ok(Vec::new());
    }
    let fact = Fact::try_new(AttemptSettled {
        payout: payout.payout_id.clone(),
        creator: payout.creator_id.clone(),
        step,
        attempt: payout.attempt,
        amount,
        txn,
    })?;
    Ok(vec![fact])
}
