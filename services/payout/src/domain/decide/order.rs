//! Outcomes of an order to Stripe: made, refused, or nobody knows.

use ledger::{AttemptRefused, AttemptStep, Fact, LedgerError, StripeId};
use time::{Duration, OffsetDateTime};

use super::{Decided, moved, not_under_way, plain, same_object, settled};
use crate::domain::{
    Change, Decision, Doubt, Errand, Outcome, Payout, Rejection, State, is_retryable,
};

/// How long a refusal of the passing kind waits, by how many there were before.
const RETRY_AFTER: [Duration; 3] = [
    Duration::minutes(5),
    Duration::minutes(10),
    Duration::minutes(20),
];

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
    match under_way(payout, AttemptStep::Transfer, attempt)? {
        Standing::Open => {}
        Standing::Ended => return Err(Rejection::AttemptEnded { attempt }),
    }
    let fact = settled(payout, Some(txn.clone()))?;
    let mut next = moved(payout, State::Sent, "sent to the connected account");
    next.transfer_id = Some(transfer_id.to_owned());
    next.failure_code = String::new();
    next.due_at = Some(now);
    let change = Change::Settled {
        object_id: transfer_id.to_owned(),
    };
    Ok(Outcome::Moved(Box::new(Decision {
        payout: next,
        change,
        facts: vec![fact],
    })))
}

pub(super) fn refused(
    payout: &Payout,
    step: AttemptStep,
    attempt: u32,
    code: &str,
    now: OffsetDateTime,
) -> Decided {
    if is_done(payout, step) {
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
    let pause = usize::try_from(payout.retry_count)
        .ok()
        .and_then(|nth| RETRY_AFTER.get(nth));
    let again = pause
        .filter(|_| is_retryable(code))
        .map(|pause| now.saturating_add(*pause));
    // A refused bank step moves nothing in the books: its money lies in the connected account.
    let facts = match step {
        AttemptStep::Transfer => vec![not_settled(payout, again.is_none())?],
        AttemptStep::Bank => Vec::new(),
    };
    let next = after_refusal(payout, code, again, now);
    let change = Change::Refused {
        code: code.to_owned(),
    };
    Ok(Outcome::Moved(Box::new(Decision {
        payout: next,
        change,
        facts,
    })))
}

fn after_refusal(
    payout: &Payout,
    code: &str,
    again: Option<OffsetDateTime>,
    now: OffsetDateTime,
) -> Payout {
    let (state, reason) = match again {
        Some(_) => (
            State::RetryWait,
            format!("refused ({code}); it will be tried again"),
        ),
        None => (State::Failed, format!("refused ({code})")),
    };
    let mut next = moved(payout, state, &reason);
    next.attempt = payout.attempt.saturating_add(1);
    next.failure_code = code.to_owned();
    next.next_retry_at = again;
    next.due_at = again;
    match (again, payout.step) {
        (Some(_), _) => next.retry_count = payout.retry_count.saturating_add(1),
        // The money is back in the books: everyone who counts on it is told.
        (None, AttemptStep::Transfer) => {
            next.errand = Errand::GiveBack;
            next.due_at = Some(now);
        }
        // It lies in the connected account, and stays reserved until it is taken back.
        (None, AttemptStep::Bank) => {}
    }
    next
}

pub(super) fn unknown(
    payout: &Payout,
    step: AttemptStep,
    attempt: u32,
    doubt: Doubt,
    now: OffsetDateTime,
) -> Decided {
    if is_done(payout, step) {
        return Ok(Outcome::AlreadyThere);
    }
    match under_way(payout, step, attempt)? {
        Standing::Open if payout.state == State::Unknown => return Ok(Outcome::AlreadyThere),
        Standing::Open => {}
        Standing::Ended => return Ok(Outcome::AlreadyThere),
    }
    let mut next = moved(payout, State::Unknown, "sent; waiting for confirmation");
    next.due_at = Some(now);
    Ok(plain(next, Change::Doubted(doubt)))
}

/// Whether the step's object is known, so that nothing is in doubt about it.
const fn is_done(payout: &Payout, step: AttemptStep) -> bool {
    match step {
        AttemptStep::Transfer => payout.transfer_id.is_some(),
        AttemptStep::Bank => payout.bank_payout_id.is_some(),
    }
}

/// Whether an attempt is the one that is open, or one that ended before it.
pub(super) enum Standing {
    Open,
    Ended,
}

pub(super) fn under_way(
    payout: &Payout,
    step: AttemptStep,
    attempt: u32,
) -> Result<Standing, Rejection> {
    if step < payout.step || (step == payout.step && attempt < payout.attempt && !ended(payout)) {
        return Ok(Standing::Ended);
    }
    let here = step == payout.step && attempt == payout.attempt;
    match payout.state {
        State::Sending | State::Unknown if here => Ok(Standing::Open),
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

const fn ended(payout: &Payout) -> bool {
    matches!(
        payout.state,
        State::Paid | State::Canceled | State::Failed | State::Rejected
    )
}

fn not_settled(payout: &Payout, is_final: bool) -> Result<Fact, LedgerError> {
    Fact::try_new(AttemptRefused {
        payout: payout.payout_id.clone(),
        creator: payout.creator_id.clone(),
        step: payout.step,
        attempt: payout.attempt,
        amount: payout.amount,
        is_final,
    })
}
