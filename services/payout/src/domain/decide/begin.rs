//! The moment before an order: from here on it may have left.

use time::OffsetDateTime;

use super::{Decided, ended, moved, not_under_way, plain, told};
use crate::domain::{Change, Outcome, Payout, Rejection, State, Step};

pub(super) fn begin(payout: &Payout, step: Step, attempt: u32, now: OffsetDateTime) -> Decided {
    let (asked, current) = ((step, attempt), (payout.step, payout.attempt));
    if asked < current || (asked == current && payout.has_begun()) {
        return Ok(Outcome::AlreadyThere);
    }
    let here = asked == current;
    let to_bank = payout.step == Step::Transfer && asked == (Step::Bank, 0);
    let back = payout.next_retry_at.is_none() && asked == (Step::Reversal, 0);
    match payout.state {
        State::Reserved if here => Ok(begun(payout, step, attempt, now)),
        State::RetryWait | State::Reversing | State::Returned if here => {
            match payout.next_retry_at {
                Some(until) if now < until => Err(Rejection::TooEarly { until }),
                Some(_) => Ok(begun(payout, step, attempt, now)),
                None => Err(not_under_way(payout)),
            }
        }
        State::Sent if to_bank => Ok(begun(payout, step, attempt, now)),
        // The bank sent it back, and no other try is worth it.
        State::Returned if back => Ok(begun(payout, step, attempt, now)),
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

fn begun(payout: &Payout, step: Step, attempt: u32, now: OffsetDateTime) -> Outcome {
    let (state, reason) = match step {
        Step::Transfer => (State::Sending, "on its way"),
        Step::Bank => (State::Sending, "on its way to the bank"),
        // Says still why: the bank's refusal is what the creator wants to know.
        Step::Reversal => (State::Reversing, payout.reason.as_str()),
    };
    let mut next = moved(payout, state, reason);
    (next.step, next.attempt) = (step, attempt);
    next.next_retry_at = None;
    next.due_at = Some(now);
    plain(next, Change::Begun)
}

/// What waits for its hour is due at once.
pub(super) fn retry_now(payout: &Payout, now: OffsetDateTime) -> Decided {
    match payout.state {
        State::RetryWait | State::Reversing | State::Returned => match payout.next_retry_at {
            Some(until) if now < until => {
                let reason = "what was in the way is gone: it is tried again now";
                let mut next = told(payout, payout.state, reason);
                next.next_retry_at = Some(now);
                next.due_at = Some(now);
                Ok(plain(next, Change::None))
            }
            Some(_) | None => Ok(Outcome::AlreadyThere),
        },
        State::Planned
        | State::Reserved
        | State::PendingApproval
        | State::Sending
        | State::Sent
        | State::Unknown => Err(not_under_way(payout)),
        State::Paid | State::Canceled | State::Failed | State::Rejected => Err(ended(payout)),
    }
}
