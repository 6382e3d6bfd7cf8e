//! What the bank does with it.

use ledger::{AttemptReturned, Fact, LedgerError};
use time::OffsetDateTime;

use super::order::{Standing, bank_refused, under_way};
use super::{
    Decided, came_back, ended, moved, not_under_way, plain, reason, same_object, settled,
    with_facts,
};
use crate::domain::{
    Change, Errand, Outcome, Payout, READ_BACK_AFTER, Rejection, State, Step, retry_at,
};

pub(super) fn submitted(
    payout: &Payout,
    attempt: u32,
    bank_payout_id: &str,
    arrival: OffsetDateTime,
) -> Decided {
    if let Some(replay) = known(payout, attempt, bank_payout_id)? {
        return Ok(replay);
    }
    match under_way(payout, Step::Bank, attempt)? {
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

/// A replay, where the attempt is the one whose object is known. Also of the one before it, which
/// is the newest until the next is made.
fn known(payout: &Payout, attempt: u32, told: &str) -> Result<Option<Outcome>, Rejection> {
    let here = (payout.step, payout.attempt) == (Step::Bank, attempt);
    match payout.state {
        State::Sent | State::Paid if here => same_object(payout.bank_payout_id.as_deref(), told),
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
        | State::Failed
        | State::Rejected => {
            let newest = !here && payout.bank_payout_id.as_deref() == Some(told);
            Ok(newest.then_some(Outcome::AlreadyThere))
        }
    }
}

pub(super) fn paid(
    payout: &Payout,
    attempt: u32,
    bank_payout_id: &str,
    now: OffsetDateTime,
) -> Decided {
    let here = (payout.step, payout.attempt) == (Step::Bank, attempt);
    match payout.state {
        State::Sent | State::Paid if here => {
            same_object(payout.bank_payout_id.as_deref(), bank_payout_id)?;
        }
        State::Canceled | State::Rejected | State::Failed => return Err(ended(payout)),
        State::Planned
        | State::Reserved
        | State::PendingApproval
        | State::Sending
        | State::Sent
        | State::Paid
        | State::Unknown
        | State::RetryWait
        | State::Reversing
        | State::Returned => {
            // The bank has what we believe to lie in the connected account.
            let over = (Step::Bank, attempt) < (payout.step, payout.attempt);
            return Err(if over {
                Rejection::AttemptEnded { attempt }
            } else {
                not_under_way(payout)
            });
        }
    }
    if payout.state == State::Paid {
        return Ok(Outcome::AlreadyThere);
    }
    let facts = settled(payout, None)?;
    let mut next = moved(payout, State::Paid, "paid to the bank");
    if payout.left() < payout.amount {
        next.reason = format!(
            "paid to the bank; {} was taken back before",
            payout.reversed
        );
    }
    next.paid_at = Some(now);
    next.errand = Errand::Confirm;
    next.due_at = Some(now);
    let change = Change::Settled {
        object_id: bank_payout_id.to_owned(),
    };
    Ok(with_facts(next, change, facts))
}

pub(super) fn failed(
    payout: &Payout,
    attempt: u32,
    bank_payout_id: &str,
    code: &str,
    now: OffsetDateTime,
) -> Decided {
    if (Step::Bank, attempt) < (payout.step, payout.attempt) {
        return Ok(Outcome::AlreadyThere);
    }
    let here = (payout.step, payout.attempt) == (Step::Bank, attempt);
    match payout.state {
        State::Sent | State::Paid if here => {
            same_object(payout.bank_payout_id.as_deref(), bank_payout_id)?;
        }
        State::Canceled | State::Failed | State::Rejected => return Err(ended(payout)),
        State::Planned
        | State::Reserved
        | State::PendingApproval
        | State::Sending
        | State::Sent
        | State::Paid
        | State::Unknown
        | State::RetryWait
        | State::Reversing
        | State::Returned => return Err(not_under_way(payout)),
    }
    let code_told = code.to_owned();
    if payout.state == State::Sent {
        let change = Change::Refused { code: code_told };
        return Ok(plain(bank_refused(payout, code, now), change));
    }
    let change = Change::Returned { code: code_told };
    Ok(with_facts(
        returned(payout, code, now),
        change,
        sent_back(payout)?,
    ))
}

/// The bank had it and sent it back: on with the next attempt, or back to the platform.
fn returned(payout: &Payout, code: &str, now: OffsetDateTime) -> Payout {
    let again = retry_at(payout, code, now);
    let why = match again {
        Some(at) => reason::tried_again(code, at),
        None => reason::taken_back(code),
    };
    let why = format!("the bank sent it back: {why}");
    let mut next = if payout.left().is_zero() {
        came_back(payout, &reason::failed(code), now)
    } else {
        moved(payout, State::Returned, &why)
    };
    if next.state == State::Returned {
        next.next_retry_at = again;
        next.due_at = Some(again.unwrap_or(now));
        next.retry_count = payout
            .retry_count
            .saturating_add(u32::from(again.is_some()));
        if next.errand != Errand::None {
            // A bank that is so fast leaves nobody else to be told late, or never.
            next.due_at = Some(now);
        }
    }
    next.attempt = payout.attempt.saturating_add(1);
    next.failure_code = code.to_owned();
    (next.paid_at, next.expected_arrival_at) = (None, None);
    next
}

/// What lies in the connected account again. What was taken back since it was paid does not: that
/// came from there, and is in the creator's balance already.
fn sent_back(payout: &Payout) -> Result<Vec<Fact>, LedgerError> {
    let amount = payout.left();
    if amount.is_zero() {
        return Ok(Vec::new());
    }
    let fact = Fact::try_new(AttemptReturned {
        payout: payout.payout_id.clone(),
        creator: payout.creator_id.clone(),
        attempt: payout.attempt,
        amount,
    })?;
    Ok(vec![fact])
}
