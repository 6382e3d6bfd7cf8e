//! What a command does to a payout in each state: the whole saga in one place.
//!
//! Replay comes before rules: a command told twice hears that it was done, even where it would be
//! refused today.

mod bank;
mod order;

use ledger::{AttemptSettled, AttemptStep, Fact, LedgerError, StripeId};
use money::Amount;
use time::OffsetDateTime;

use super::{Change, Command, Decision, Errand, Outcome, Payout, Rejection, State};

type Decided = Result<Outcome, Rejection>;

/// # Errors
/// A [`Rejection`].
pub fn decide(payout: &Payout, command: &Command, now: OffsetDateTime) -> Decided {
    match command {
        Command::RecordReserved => reserved(payout, now),
        Command::BeginAttempt { step, attempt } => begin(payout, *step, *attempt, now),
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
        Command::RecordBankPaid { bank_payout_id } => bank::paid(payout, bank_payout_id, now),
        Command::RecordBankFailed {
            bank_payout_id,
            code,
        } => bank::failed(payout, bank_payout_id, code),
        Command::Cancel {
            reason,
            replacement,
        } => cancel(payout, reason, *replacement, now),
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
        State::Canceled | State::Rejected => Err(Rejection::Ended {
            state: payout.state,
        }),
    }
}

fn begin(payout: &Payout, step: AttemptStep, attempt: u32, now: OffsetDateTime) -> Decided {
    let (asked, current) = ((step, attempt), (payout.step, payout.attempt));
    if asked < current || (asked == current && has_begun(payout.state)) {
        return Ok(Outcome::AlreadyThere);
    }
    let here = asked == current;
    let to_bank = payout.step == AttemptStep::Transfer && asked == (AttemptStep::Bank, 0);
    match payout.state {
        State::Reserved if here => Ok(begun(payout, now)),
        State::RetryWait if here => match payout.next_retry_at {
            Some(until) if now < until => Err(Rejection::TooEarly { until }),
            Some(_) | None => Ok(begun(payout, now)),
        },
        State::Sent if to_bank => {
            let fresh = Payout {
                step,
                attempt,
                retry_count: 0,
                ..payout.clone()
            };
            Ok(begun(&fresh, now))
        }
        State::Planned
        | State::Reserved
        | State::PendingApproval
        | State::Sending
        | State::Sent
        | State::Unknown
        | State::RetryWait
        | State::Reversing
        | State::Returned => Err(not_under_way(payout)),
        State::Paid | State::Canceled | State::Failed | State::Rejected => Err(Rejection::Ended {
            state: payout.state,
        }),
    }
}

/// Whether the order of the current attempt is written.
const fn has_begun(state: State) -> bool {
    match state {
        State::Sending
        | State::Sent
        | State::Unknown
        | State::Paid
        | State::Reversing
        | State::Returned => true,
        State::Planned
        | State::Reserved
        | State::PendingApproval
        | State::RetryWait
        | State::Canceled
        | State::Failed
        | State::Rejected => false,
    }
}

fn begun(payout: &Payout, now: OffsetDateTime) -> Outcome {
    let reason = match payout.step {
        AttemptStep::Transfer => "on its way",
        AttemptStep::Bank => "on its way to the bank",
    };
    let mut next = moved(payout, State::Sending, reason);
    next.next_retry_at = None;
    next.due_at = Some(now);
    plain(next, Change::Begun)
}

fn hold_lost(payout: &Payout, now: OffsetDateTime) -> Decided {
    match (payout.state, payout.step) {
        // The books never committed it, so no order has left.
        (State::Sending, AttemptStep::Transfer) => {
            let reason = "the money is disputed and no longer set aside";
            Ok(canceled(
                payout,
                reason,
                None,
                now,
                Change::Refused {
                    code: "hold_lost".into(),
                },
            ))
        }
        (State::Canceled, _) => Ok(Outcome::AlreadyThere),
        (State::Paid | State::Failed | State::Rejected, _) => Err(Rejection::Ended {
            state: payout.state,
        }),
        (State::Sending, AttemptStep::Bank)
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
    replacement: Option<Amount>,
    now: OffsetDateTime,
) -> Decided {
    match payout.state {
        State::Planned | State::Reserved | State::PendingApproval => {
            Ok(canceled(payout, reason, replacement, now, Change::None))
        }
        State::Canceled => Ok(Outcome::AlreadyThere),
        State::Sending
        | State::Sent
        | State::Unknown
        | State::RetryWait
        | State::Reversing
        | State::Returned => Err(Rejection::AlreadySending),
        State::Paid | State::Failed | State::Rejected => Err(Rejection::Ended {
            state: payout.state,
        }),
    }
}

fn canceled(
    payout: &Payout,
    reason: &str,
    replacement: Option<Amount>,
    now: OffsetDateTime,
    change: Change,
) -> Outcome {
    let mut next = moved(payout, State::Canceled, reason);
    next.errand = Errand::GiveBack;
    next.replacement = replacement;
    next.due_at = Some(now);
    plain(next, change)
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
        state,
        reason: reason.to_owned(),
        version: payout.version.saturating_add(1),
        due_at: None,
        ..payout.clone()
    }
}

fn plain(payout: Payout, change: Change) -> Outcome {
    Outcome::Moved(Box::new(Decision {
        payout,
        change,
        facts: Vec::new(),
    }))
}

fn not_under_way(payout: &Payout) -> Rejection {
    Rejection::NotUnderWay {
        state: payout.state,
        step: payout.step,
    }
}

fn settled(payout: &Payout, txn: Option<StripeId>) -> Result<Fact, LedgerError> {
    Fact::try_new(AttemptSettled {
        payout: payout.payout_id.clone(),
        creator: payout.creator_id.clone(),
        step: payout.step,
        attempt: payout.attempt,
        amount: payout.amount,
        txn,
    })
}
