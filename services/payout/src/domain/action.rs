//! What a worker does next for a payout that is due.

use time::{Duration, OffsetDateTime};

use super::word::words;
use super::{Errand, Payout, State, Step};

/// Stripe forgets a key after 24 hours. An hour before, the same key stops being a safe repetition.
pub const KEY_LIFE: Duration = Duration::hours(23);

/// How far apart two looks are that prove an absence: the first may come too early to see what was
/// sent a moment before. After a key's life, so that the second is where Stripe's 24 hours end.
pub const LOOK_AGAIN: Duration = Duration::hours(1);

/// A bank that should have answered by then is looked after: webhooks get lost.
pub const READ_BACK_AFTER: Duration = Duration::hours(1);

/// And again after this long, until it has answered.
pub const READ_AGAIN: Duration = Duration::hours(24);

/// How often a payout is tried again, over all its steps, and after how long.
pub const RETRY_AFTER: [Duration; 3] = [
    Duration::minutes(5),
    Duration::minutes(10),
    Duration::minutes(20),
];

/// A reversal that cannot be made is looked at again after this long, for ever: the money is not
/// given up.
pub const REVERSE_AGAIN: Duration = Duration::hours(24);

/// The account is disabled, for now: tried again like other refusals of the kind, and at once when
/// the account is enabled again.
pub const NOT_ALLOWED: &str = "payouts_not_allowed";

/// Stripe's word for a connected account that does not let the platform in, or no more. No try is
/// worth it until its owner comes back.
pub const OUT_OF_REACH: &str = "account_invalid";

/// What is to be taken is not there.
const NO_MONEY: [&str; 2] = ["balance_insufficient", "insufficient_funds"];

/// Refusals of the kind that passes. Told apart by code, never by message.
const RETRYABLE: [&str; 11] = [
    "account_closed",
    "insufficient_funds",
    "balance_insufficient",
    "debit_not_authorized",
    "generic_decline",
    "processing_error",
    "rate_limit",
    "could_not_process",
    "lock_timeout",
    NOT_ALLOWED,
    LOST,
];

/// Our own word for an order that Stripe is proven never to have carried out.
pub const LOST: &str = "lost_on_the_way";

#[must_use]
pub fn is_retryable(code: &str) -> bool {
    RETRYABLE.contains(&code)
}

/// When a refusal with this code is tried again, if it is.
#[must_use]
pub fn retry_at(payout: &Payout, code: &str, now: OffsetDateTime) -> Option<OffsetDateTime> {
    let nth = usize::try_from(payout.retry_count).ok()?;
    let pause = RETRY_AFTER.get(nth).filter(|_| is_retryable(code))?;
    Some(now.saturating_add(*pause))
}

/// When a refused reversal is tried again soon; none when a day is let pass. Reversals have three
/// tries of their own: the bank may have used up the payout's. A balance that is gone is not waited
/// for by the minute.
#[must_use]
pub fn reverse_at(payout: &Payout, code: &str, now: OffsetDateTime) -> Option<OffsetDateTime> {
    let nth = usize::try_from(payout.attempt).ok()?;
    let passes = is_retryable(code) && !NO_MONEY.contains(&code);
    let pause = RETRY_AFTER.get(nth).filter(|_| passes)?;
    Some(now.saturating_add(*pause))
}

/// The key of an attempt: the same for as long as the attempt is the same.
#[must_use]
pub fn idempotency_key(payout: &Payout) -> String {
    format!("{}:{}:{}", payout.step, payout.payout_id, payout.attempt)
}

/// The next thing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Hold the money and reserve its share of the limits.
    Reserve,
    /// Commit an order for this step, so that it can be sent.
    Begin(Step),
    /// Pass the point of no return in the books, then order the transfer.
    Transfer,
    /// Order the bank payout.
    PayBank,
    /// Order the reversal.
    Reverse,
    /// Find out what became of an order.
    Resolve,
    /// Read the bank payout back.
    ReadBank,
    Run(Errand),
    Rest,
}

/// What follows from where a payout stands.
#[must_use]
pub fn next_action(payout: &Payout) -> Action {
    if payout.errand != Errand::None {
        return Action::Run(payout.errand);
    }
    match (payout.state, payout.step) {
        (State::Planned, _) => Action::Reserve,
        (State::Reserved | State::RetryWait, step) => Action::Begin(step),
        (State::Sending, Step::Transfer) => Action::Transfer,
        (State::Sending, Step::Bank) => Action::PayBank,
        (State::Unknown, _) => Action::Resolve,
        (State::Sent, Step::Transfer) => Action::Begin(Step::Bank),
        (State::Sent, Step::Bank) => Action::ReadBank,
        (State::Returned, step) if payout.next_retry_at.is_some() => Action::Begin(step),
        (State::Returned, _) => Action::Begin(Step::Reversal),
        (State::Reversing, _) if payout.has_begun() => Action::Reverse,
        (State::Reversing, _) => Action::Begin(Step::Reversal),
        // A reversal is sent from `reversing` and does not rest in between.
        (State::Sending | State::Sent, Step::Reversal)
        | (
            State::PendingApproval
            | State::Paid
            | State::Canceled
            | State::Failed
            | State::Rejected,
            _,
        ) => Action::Rest,
    }
}

words! {
    /// What an unknown outcome allows.
    Doubt {
        None => "none",
        /// The same order may be sent again under its key.
        Open => "open",
        /// The key will only repeat what it said: look instead.
        Spent => "spent",
        /// Something else was done than was asked, or asked under another's key: for people.
        Alarm => "alarm",
    }
}

/// How an unknown outcome is cleared up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    SendAgain,
    /// Ask Stripe for the object. What is not there before `absent_from` may still be on its way.
    LookUp {
        absent_from: OffsetDateTime,
    },
    /// Look, and conclude nothing from an absence.
    LookOnly,
}

#[must_use]
pub fn remedy(doubt: Doubt, first_sent_at: OffsetDateTime, now: OffsetDateTime) -> Remedy {
    let absent_from = first_sent_at.saturating_add(KEY_LIFE);
    match doubt {
        Doubt::None | Doubt::Open if now < absent_from => Remedy::SendAgain,
        Doubt::None | Doubt::Open | Doubt::Spent => Remedy::LookUp { absent_from },
        Doubt::Alarm => Remedy::LookOnly,
    }
}

/// When an absence that was first seen at `absent_since` is believed: no key may be alive, and the
/// second look must be [`LOOK_AGAIN`] later.
#[must_use]
pub fn believed_from(absent_from: OffsetDateTime, absent_since: OffsetDateTime) -> OffsetDateTime {
    absent_from.max(absent_since.saturating_add(LOOK_AGAIN))
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const SENT: OffsetDateTime = datetime!(2027-02-01 00:00 UTC);

    #[test]
    fn a_key_is_used_again_for_twenty_three_hours_and_never_after() {
        let last = SENT + Duration::hours(23) - Duration::SECOND;
        assert_eq!(remedy(Doubt::Open, SENT, last), Remedy::SendAgain);
        let absent_from = SENT + Duration::hours(23);
        assert_eq!(
            remedy(Doubt::Open, SENT, absent_from),
            Remedy::LookUp { absent_from }
        );
    }

    #[test]
    fn a_spent_key_is_never_sent_again_and_an_alarm_concludes_nothing() {
        let absent_from = SENT + Duration::hours(23);
        assert_eq!(
            remedy(Doubt::Spent, SENT, SENT),
            Remedy::LookUp { absent_from }
        );
        assert_eq!(
            remedy(Doubt::Alarm, SENT, SENT + Duration::hours(99)),
            Remedy::LookOnly
        );
    }

    #[test]
    fn an_absence_is_believed_at_a_second_look_an_hour_later_and_never_while_the_key_lives() {
        let absent_from = SENT + KEY_LIFE;
        let late = absent_from + Duration::hours(5);
        for (seen, believed) in [
            (absent_from, SENT + Duration::hours(24)),
            (late, late + Duration::HOUR),
            (SENT, absent_from),
        ] {
            assert_eq!(believed_from(absent_from, seen), believed);
        }
    }

    #[test]
    fn only_codes_of_the_passing_kind_are_tried_again() {
        assert!(is_retryable("insufficient_funds"));
        assert!(!is_retryable("no_account"));
        assert!(!is_retryable(""));
    }
}
