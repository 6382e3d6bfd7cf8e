//! A subscription as Stripe tells it, in our words.

use stripe::SubscriptionStatus;

/// Stripe's own word for a status.
#[must_use]
pub fn status_word(status: &SubscriptionStatus) -> &str {
    match status {
        SubscriptionStatus::Incomplete => "incomplete",
        SubscriptionStatus::IncompleteExpired => "incomplete_expired",
        SubscriptionStatus::Trialing => "trialing",
        SubscriptionStatus::Active => "active",
        SubscriptionStatus::PastDue => "past_due",
        SubscriptionStatus::Canceled => "canceled",
        SubscriptionStatus::Unpaid => "unpaid",
        SubscriptionStatus::Paused => "paused",
        SubscriptionStatus::Other(word) => word,
    }
}
