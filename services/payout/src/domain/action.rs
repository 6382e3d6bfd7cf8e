//! What a worker does next for a payout that is due.

use ledger::AttemptStep;
use time::{Duration, OffsetDateTime};

use super::word::words;
use super::{Errand, Payout, State};

/// Stripe forgets a key after 24 hours. An hour before, the same key stops being a safe repetition.
pub const KEY_LIFE: Duration = Duration::hours(23);

/// A bank that should have answered by then is looked after: webhooks get lost.
pub const READ_BACK_AFTER: Duration = Duration::hours(1);

/// And again after this long, until it has answered.
pub const READ_AGAIN: Duration = Duration::hours(24);

/// Refusals of the kind that passes. Told apart by code, never by message.
const RETRYABLE: [&str; 8] = [
    "account_closed",
    "insufficient_funds",
    "balance_insufficient",
    "debit_not_authorized",
    "generic_decline",
    "processing_error",
    "rate_limit",
    LOST,
];

/// Our own word for an order that Stripe is proven never to have carried out.
pub const LOST: &str = "lost_on_the_way";

#[must_use]
pub fn is_retryable(code: &str) -> bool {
    RETRYABLE.contains(&code)
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
    Begin(AttemptStep),
    /// Pass the point of no return in the books, then order the transfer.
    Transfer,
    /// Order the bank payout.
    PayBank,
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
        (State::Reserved, step) | (State::RetryWait, step) => Action::Begin(step),
        (State::Sending, AttemptStep::Transfer) => Action::Transfer,
        (State::Sending, AttemptStep::Bank) => Action::PayBank,
        (State::Unknown, _) => Action::Resolve,
        (State::Sent, AttemptStep::Transfer) => Action::Begin(AttemptStep::Bank),
        (State::Sent, AttemptStep::Bank) => Action::ReadBank,
        (
            State::PendingApproval
            | State::Paid
            | State::Reversing
            | State::Returned
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
    fn only_codes_of_the_passing_kind_are_tried_again() {
        assert!(is_retryable("insufficient_funds"));
        assert!(!is_retryable("no_account"));
        assert!(!is_retryable(""));
    }
}
