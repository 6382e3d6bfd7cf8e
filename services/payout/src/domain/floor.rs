//! The platform's floor: what an automatic payout of the platform must never take.
//!
//! Money that is owed to others lies in the platform's own balance at Stripe. There it is safe from
//! one thing alone: that Stripe pays the platform out. So Stripe is told to pay out by our order
//! only, and to leave behind what the books say is not ours.

use time::Duration;

/// How often the books are read, besides at the start and after each month's close.
pub const FLOOR_EVERY: Duration = Duration::minutes(15);

/// Stripe's settings of the platform, as far as the floor goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    pub is_manual: bool,
    pub minimum_minor: i64,
}

impl Settings {
    /// What Stripe must be told where it keeps to something else.
    #[must_use]
    pub fn for_required(required_minor: i64) -> Self {
        Self {
            is_manual: true,
            minimum_minor: required_minor.max(0),
        }
    }
}

/// One look at the floor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Floor {
    pub required_minor: i64,
    /// The books' snapshot.
    pub cut: String,
    pub settings: Settings,
    pub set_at: time::OffsetDateTime,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn books_that_ask_for_less_than_nothing_ask_for_nothing() {
        assert_eq!(Settings::for_required(-5).minimum_minor, 0);
        assert_eq!(Settings::for_required(7).minimum_minor, 7);
    }
}
