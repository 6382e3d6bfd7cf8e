//! What comes back of a transfer, by our order or by somebody else's hand.

use time::OffsetDateTime;

use super::{Decided, came_back, ended, moved, not_under_way, reason, told as told_of};
use crate::domain::{
    Change, Comeback, Decision, Outcome, Payout, Rejection, Reversal, State, Step,
};

/// Each reversal counts once, whoever ordered it. What it means depends on where the payout is:
/// before the bank has it, the bank gets what is left; afterwards it is recorded.
pub(super) fn reversed(payout: &Payout, told: &Reversal, now: OffsetDateTime) -> Decided {
    if payout
        .reversals
        .iter()
        .any(|id| id == told.reversal.as_str())
    {
        return Ok(Outcome::AlreadyThere);
    }
    if payout.transfer_id.is_none() {
        return Err(if payout.has_ended() {
            ended(payout)
        } else {
            not_under_way(payout)
        });
    }
    if payout.left() < told.amount {
        return Err(Rejection::TooMuchReversed {
            left: payout.left(),
            told: told.amount,
        });
    }
    let reversed = payout
        .reversed
        .checked_add(told.amount)
        .map_err(ledger::LedgerError::from)?;
    let ours =
        payout.step == Step::Reversal && payout.has_begun() && told.attempt == Some(payout.attempt);
    let mut reversals = payout.reversals.clone();
    reversals.push(told.reversal.to_string());
    let counted = Payout {
        reversed,
        reversals,
        ..payout.clone()
    };
    let next = after(&counted, told, ours, now);
    let change = if ours {
        Change::Settled {
            object_id: told.reversal.to_string(),
        }
    } else {
        Change::None
    };
    Ok(Outcome::Moved(Box::new(Decision {
        payout: next,
        change,
        facts: Vec::new(),
        comeback: Some(Comeback {
            reversal: told.reversal.clone(),
            txn: told.txn.clone(),
            amount: told.amount,
            after_paid: payout.state == State::Paid,
        }),
    })))
}

/// `payout` counts the reversal already.
fn after(payout: &Payout, told: &Reversal, ours: bool, now: OffsetDateTime) -> Payout {
    let (amount, left) = (told.amount, payout.left());
    if payout.state == State::Paid {
        let why = format!("paid to the bank; {amount} was taken back at Stripe afterwards");
        return told_of(payout, State::Paid, &why);
    }
    if payout.is_at_the_bank() {
        // The bank says first what it does with the order that it has.
        let why = format!("{}; {amount} was taken back at Stripe", payout.reason);
        return told_of(payout, payout.state, &why);
    }
    if left.is_zero() {
        let mut next = came_back(payout, &ending(payout), now);
        if next.failure_code.is_empty() {
            next.failure_code = "transfer_reversed".to_owned();
        }
        return next;
    }
    if ours {
        // Less came back than was ordered: the rest is ordered anew.
        return Payout {
            attempt: payout.attempt.saturating_add(1),
            next_retry_at: Some(now),
            due_at: Some(now),
            ..moved(payout, State::Reversing, &payout.reason)
        };
    }
    let rest = match payout.step {
        Step::Reversal => "the rest follows".to_owned(),
        Step::Transfer | Step::Bank => format!("the bank gets {left}"),
    };
    let why = format!("{amount} was taken back at Stripe: {rest}");
    told_of(payout, payout.state, &why)
}

/// Why it ends: the bank's refusal where there was one.
fn ending(payout: &Payout) -> String {
    if payout.failure_code.is_empty() {
        return "the transfer was taken back at Stripe: the money is in your balance again"
            .to_owned();
    }
    reason::failed(&payout.failure_code)
}
