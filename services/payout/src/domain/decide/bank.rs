//! What the bank does with it.

use ledger::AttemptStep;
use time::OffsetDateTime;

use super::order::{Standing, under_way};
use super::{Decided, moved, not_under_way, plain, same_object, settled};
use crate::domain::{Change, Decision, Errand, Outcome, Payout, READ_BACK_AFTER, Rejection, State};

pub(super) fn submitted(
    payout: &Payout,
    attempt: u32,
    bank_payout_id: &str,
    arrival: OffsetDateTime,
) -> Decided {
    if let Some(replay) = same_object(payout.bank_payout_id.as_deref(), bank_payout_id)? {
        return Ok(replay);
    }
    match under_way(payout, AttemptStep::Bank, attempt)? {
        Standing::Open => {}
        Standing::Ended => return Err(Rejection::AttemptEnded { attempt }),
    }
    let reason = format!(
        "sent to the bank, which should have it by {}",
        arrival.date()
    );
    let mut next = moved(payout, State::Sent, &reason);
    next.bank_payout_id = Some(bank_payout_id.to_owned());
    next.expected_arrival_at = Some(arrival);
    next.failure_code = String::new();
    // Not a timer for the payout, only for us: a webhook that was lost is not waited for.
    next.due_at = Some(arrival.saturating_add(READ_BACK_AFTER));
    Ok(plain(
        next,
        Change::Submitted {
            object_id: bank_payout_id.to_owned(),
        },
    ))
}

pub(super) fn paid(payout: &Payout, bank_payout_id: &str, now: OffsetDateTime) -> Decided {
    let known = same_object(payout.bank_payout_id.as_deref(), bank_payout_id)?.is_some();
    match (payout.state, payout.step) {
        (State::Paid | State::Returned, _) if known => Ok(Outcome::AlreadyThere),
        (State::Sent, AttemptStep::Bank) if known => {
            let fact = settled(payout, None)?;
            let mut next = moved(payout, State::Paid, "paid to the bank");
            next.paid_at = Some(now);
            next.errand = Errand::Confirm;
            next.due_at = Some(now);
            let change = Change::Settled {
                object_id: bank_payout_id.to_owned(),
            };
            Ok(Outcome::Moved(Box::new(Decision {
                payout: next,
                change,
                facts: vec![fact],
            })))
        }
        (State::Canceled | State::Failed | State::Rejected, _) => Err(Rejection::Ended {
            state: payout.state,
        }),
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
            | State::Returned,
            _,
        ) => Err(not_under_way(payout)),
    }
}

pub(super) fn failed(payout: &Payout, bank_payout_id: &str, code: &str) -> Decided {
    let known = same_object(payout.bank_payout_id.as_deref(), bank_payout_id)?.is_some();
    let (state, reason) = match (payout.state, payout.step) {
        (State::Failed | State::Returned, _) if known => return Ok(Outcome::AlreadyThere),
        (State::Sent, AttemptStep::Bank) if known => {
            (State::Failed, format!("the bank refused it ({code})"))
        }
        (State::Paid, _) if known => (State::Returned, format!("the bank sent it back ({code})")),
        (State::Canceled | State::Failed | State::Rejected, _) => {
            return Err(Rejection::Ended {
                state: payout.state,
            });
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
            | State::Returned,
            _,
        ) => return Err(not_under_way(payout)),
    };
    let mut next = moved(payout, state, &reason);
    next.failure_code = code.to_owned();
    if next.errand != Errand::None {
        // A bank that is so fast leaves nobody else to be told late, or never.
        next.due_at = payout.due_at;
    }
    Ok(plain(
        next,
        Change::Refused {
            code: code.to_owned(),
        },
    ))
}
