//! Outcomes of an order to Stripe: made, refused, or nobody knows.

use ledger::{AttemptRefused, AttemptStep, Fact, LedgerError, StripeId};
use time::OffsetDateTime;

use super::{
    Decided, came_back, ended, moved, not_under_way, plain, reason, same_object, settled,
    with_facts,
};
use crate::domain::{
    Change, Doubt, Errand, Outcome, Payout, REVERSE_AGAIN, Rejection, State, Step, retry_at,
    reverse_at,
};

pub(super) fn sent(
    payout: &Payout,
    attempt: u32,
    transfer_id: &str,
    txn: &StripeId,
    now: OffsetDateTime,
) -> Decided {
    if let Some(replay) = same_object(payout.transfer_id.as_deref(), transfer_id)? {
        return Ok(replay);
    }
    match under_way(payout, Step::Transfer, attempt)? {
        Standing::Open => {}
        Standing::Ended => return Err(Rejection::AttemptEnded { attempt }),
    }
    let facts = settled(payout, Some(txn.clone()))?;
    let mut next = moved(payout, State::Sent, "sent to the connected account");
    next.transfer_id = Some(transfer_id.to_owned());
    next.failure_code = String::new();
    next.due_at = Some(now);
    let change = Change::Settled {
        object_id: transfer_id.to_owned(),
    };
    Ok(with_facts(next, change, facts))
}

pub(super) fn refused(
    payout: &Payout,
    step: Step,
    attempt: u32,
    code: &str,
    now: OffsetDateTime,
) -> Decided {
    if is_done(payout, step, attempt) {
        // Stripe did it, and now says that it did not.
        return Err(Rejection::AttemptEnded { attempt });
    }
    match under_way(payout, step, attempt) {
        Ok(Standing::Open) => {}
        Ok(Standing::Ended) => return Ok(Outcome::AlreadyThere),
        // The last refusal is the one that the payout failed by.
        Err(Rejection::Ended {
            state: State::Failed,
        }) if payout.step == step && payout.attempt == attempt.saturating_add(1) => {
            return Ok(Outcome::AlreadyThere);
        }
        Err(rejection) => return Err(rejection),
    }
    let change = Change::Refused {
        code: code.to_owned(),
    };
    let again = retry_at(payout, code, now);
    Ok(match step {
        Step::Transfer => {
            let facts = vec![not_settled(payout, again.is_none())?];
            with_facts(transfer_refused(payout, code, again, now), change, facts)
        }
        // It moves nothing in the books: its money lies in the connected account.
        Step::Bank => plain(bank_refused(payout, code, now), change),
        Step::Reversal => plain(reversal_refused(payout, code, now), change),
    })
}

fn transfer_refused(
    payout: &Payout,
    code: &str,
    again: Option<OffsetDateTime>,
    now: OffsetDateTime,
) -> Payout {
    let mut next = match again {
        Some(at) => waiting(payout, code, at),
        // The money is back in the books: everyone who counts on it is told.
        None => Payout {
            errand: Errand::GiveBack,
            due_at: Some(now),
            ..moved(payout, State::Failed, &reason::failed(code))
        },
    };
    next.attempt = payout.attempt.saturating_add(1);
    next.failure_code = code.to_owned();
    next
}

/// The bank does not have it and will not get it by this attempt: its order was refused, or its
/// bank payout failed. What is left lies in the connected account.
pub(super) fn bank_refused(payout: &Payout, code: &str, now: OffsetDateTime) -> Payout {
    let attempt = payout.attempt.saturating_add(1);
    let mut next = if payout.left().is_zero() {
        // All of it was taken back while the bank had the order.
        Payout {
            attempt,
            ..came_back(payout, &reason::failed(code), now)
        }
    } else if let Some(at) = retry_at(payout, code, now) {
        Payout {
            attempt,
            ..waiting(payout, code, at)
        }
    } else {
        Payout {
            step: Step::Reversal,
            attempt: 0,
            next_retry_at: Some(now),
            due_at: Some(now),
            ..moved(payout, State::Reversing, &reason::taken_back(code))
        }
    };
    next.failure_code = code.to_owned();
    next.expected_arrival_at = None;
    next
}

/// The money stays where it is, and is asked for again: in minutes while that may help, else daily.
/// The failure's code stays the bank's, which is why the payout ends.
fn reversal_refused(payout: &Payout, code: &str, now: OffsetDateTime) -> Payout {
    let mut next = match reverse_at(payout, code, now) {
        Some(at) => waiting(payout, code, at),
        None => {
            let at = now.saturating_add(REVERSE_AGAIN);
            Payout {
                next_retry_at: Some(at),
                due_at: Some(at),
                ..moved(payout, State::Reversing, &reason::stuck(code, at))
            }
        }
    };
    next.attempt = payout.attempt.saturating_add(1);
    next
}

fn waiting(payout: &Payout, code: &str, at: OffsetDateTime) -> Payout {
    Payout {
        retry_count: payout.retry_count.saturating_add(1),
        next_retry_at: Some(at),
        due_at: Some(at),
        ..moved(payout, State::RetryWait, &reason::tried_again(code, at))
    }
}

pub(super) fn unknown(
    payout: &Payout,
    step: Step,
    attempt: u32,
    doubt: Doubt,
    now: OffsetDateTime,
) -> Decided {
    if is_done(payout, step, attempt) {
        return Ok(Outcome::AlreadyThere);
    }
    match under_way(payout, step, attempt)? {
        Standing::Open if payout.state == State::Unknown => return Ok(Outcome::AlreadyThere),
        Standing::Open => {}
        Standing::Ended => return Ok(Outcome::AlreadyThere),
    }
    let reason = match step {
        Step::Transfer | Step::Bank => "sent; waiting for confirmation",
        Step::Reversal => "being taken back; waiting for confirmation",
    };
    let mut next = moved(payout, State::Unknown, reason);
    next.due_at = Some(now);
    Ok(plain(next, Change::Doubted(doubt)))
}

/// Whether the attempt's object is known, so that nothing is in doubt about it.
fn is_done(payout: &Payout, step: Step, attempt: u32) -> bool {
    let here = (payout.step, payout.attempt) == (step, attempt);
    match step {
        Step::Transfer => payout.transfer_id.is_some() && (here || payout.step != step),
        Step::Bank => here && matches!(payout.state, State::Sent | State::Paid),
        // Reversals are known by themselves.
        Step::Reversal => false,
    }
}

/// Whether an attempt is the one that is open, or one that ended before it.
pub(super) enum Standing {
    Open,
    Ended,
}

pub(super) fn under_way(payout: &Payout, step: Step, attempt: u32) -> Result<Standing, Rejection> {
    let before = step == payout.step && attempt < payout.attempt && !payout.has_ended();
    if step < payout.step || before {
        return Ok(Standing::Ended);
    }
    let here = (step, attempt) == (payout.step, payout.attempt);
    match payout.state {
        State::Sending | State::Unknown if here => Ok(Standing::Open),
        State::Reversing if here && payout.has_begun() => Ok(Standing::Open),
        State::Planned
        | State::Reserved
        | State::PendingApproval
        | State::Sending
        | State::Sent
        | State::Unknown
        | State::RetryWait
        | State::Reversing
        | State::Returned => Err(not_under_way(payout)),
        State::Paid | State::Canceled | State::Failed | State::Rejected => Err(ended(payout)),
    }
}

fn not_settled(payout: &Payout, is_final: bool) -> Result<Fact, LedgerError> {
    Fact::try_new(AttemptRefused {
        payout: payout.payout_id.clone(),
        creator: payout.creator_id.clone(),
        step: AttemptStep::Transfer,
        attempt: payout.attempt,
        amount: payout.amount,
        is_final,
    })
}
