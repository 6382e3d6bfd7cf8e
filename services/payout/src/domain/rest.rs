//! What payouts leave that are not paid, for a run to plan.

use money::Amount;
use time::OffsetDateTime;

use super::{Carried, Payout, State, next_midnight};

/// Said when money is there again that a run could not see.
const BACK: &str = "a payout that was asked for was not paid: its money is planned now";

/// The limits that are whole again another day: a run's payout that meets one is made smaller, and
/// what it leaves is planned again.
pub const AMOUNT_LIMITS: [&str; 4] = [
    "EXCEEDS_SINGLE_LIMIT",
    "EXCEEDS_NEW_ACCOUNT_LIMIT",
    "EXCEEDS_DAILY_AMOUNT",
    "EXCEEDS_MONTHLY_AMOUNT",
];

/// What is said of the rest of a payout that a limit cut off.
#[must_use]
pub fn rest_follows(limit: &str, at: OffsetDateTime) -> String {
    format!("{limit}: the rest follows on {}", at.date())
}

/// What a limit leaves of a run's payout that was canceled at `at`, the whole of it if nothing is
/// paid in its place: planned again on the next day.
#[must_use]
pub fn left_by_a_limit(payout: &Payout, at: OffsetDateTime) -> Option<Carried> {
    let limited = AMOUNT_LIMITS.contains(&payout.failure_code.as_str());
    if payout.state != State::Canceled || payout.month.is_none() || !limited {
        return None;
    }
    let instead = payout.replacement;
    let instead = instead.unwrap_or(Amount::zero(payout.amount.asset()));
    let again_at = next_midnight(at);
    let reason = match payout.replacement {
        Some(_) => format!("{}; the rest follows on {}", payout.reason, again_at.date()),
        None => format!(
            "{}: it is planned again on {}",
            payout.reason,
            again_at.date()
        ),
    };
    Some(Carried {
        creator_id: payout.creator_id.clone(),
        payable: payout.amount.checked_sub(instead).ok()?,
        reason,
        expected_on: Some(again_at),
        again_at: Some(again_at),
    })
}

/// What a payout that was asked for held while a run went by: looked at now.
#[must_use]
pub fn back_after_a_run(payout: &Payout, now: OffsetDateTime) -> Carried {
    Carried {
        creator_id: payout.creator_id.clone(),
        payable: payout.amount,
        reason: BACK.to_owned(),
        expected_on: None,
        again_at: Some(now),
    }
}
