//! What a subscriber's subscriptions of a program say about directing money.

/// The strongest of a subscriber's subscriptions, strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subscribed {
    /// Active, or in trial.
    Live,
    /// The last invoice is not paid, and may still be.
    PastDue,
    /// Given up for want of payment, paused, or in a state that nobody told us about.
    Suspended,
    /// None runs: cancelled, never begun, or not heard of yet. What is in the pool was paid all
    /// the same, for facts come in any order.
    No,
}

impl Subscribed {
    /// Reads Stripe's statuses, of all subscriptions of one program.
    #[must_use]
    pub fn of<S: AsRef<str>>(statuses: &[S]) -> Self {
        let each = statuses.iter().map(|status| Self::of_one(status.as_ref()));
        each.min().unwrap_or(Self::No)
    }

    fn of_one(status: &str) -> Self {
        match status {
            "active" | "trialing" => Self::Live,
            "past_due" => Self::PastDue,
            "canceled" | "incomplete" | "incomplete_expired" => Self::No,
            _ => Self::Suspended,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_of_several_subscriptions_counts() {
        assert_eq!(
            Subscribed::of(&["canceled", "active", "unpaid"]),
            Subscribed::Live
        );
        assert_eq!(
            Subscribed::of(&["canceled", "past_due"]),
            Subscribed::PastDue
        );
        assert_eq!(
            Subscribed::of(&["canceled", "unpaid"]),
            Subscribed::Suspended
        );
    }

    #[test]
    fn every_status_of_stripe_has_its_place() {
        let of = |status| Subscribed::of(&[status]);
        assert_eq!([of("active"), of("trialing")], [Subscribed::Live; 2]);
        assert_eq!(of("past_due"), Subscribed::PastDue);
        assert_eq!([of("unpaid"), of("paused")], [Subscribed::Suspended; 2]);
        let none = [of("canceled"), of("incomplete"), of("incomplete_expired")];
        assert_eq!(none, [Subscribed::No; 3]);
        assert_eq!(Subscribed::of::<&str>(&[]), Subscribed::No);
    }

    #[test]
    fn a_status_that_is_new_to_us_directs_nothing() {
        assert_eq!(Subscribed::of(&["on_the_moon"]), Subscribed::Suspended);
    }
}
