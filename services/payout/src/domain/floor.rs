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

/// Who set the minimum that Stripe keeps to: known from what we told Stripe ourselves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Minimums {
    /// The one that Stripe confirmed last, and those that it was told since.
    pub ours_minor: Vec<i64>,
    /// The last one that somebody else set. It may be higher than the books ask, for reasons that
    /// they do not know, and is never lowered; only whoever set it sets it lower.
    pub by_hand_minor: i64,
}

impl Minimums {
    /// After a look at what Stripe keeps to.
    #[must_use]
    pub fn seen(self, kept_minor: i64) -> Self {
        let by_hand_minor = if self.ours_minor.contains(&kept_minor) {
            self.by_hand_minor
        } else {
            kept_minor.max(0)
        };
        Self {
            by_hand_minor,
            ..self
        }
    }

    /// Before Stripe is told: whether it hears it may never be known.
    #[must_use]
    pub fn telling(mut self, minimum_minor: i64) -> Self {
        if !self.ours_minor.contains(&minimum_minor) {
            self.ours_minor.push(minimum_minor);
        }
        self
    }

    /// After Stripe has confirmed it.
    #[must_use]
    pub fn confirmed(self, minimum_minor: i64) -> Self {
        Self {
            ours_minor: vec![minimum_minor],
            ..self
        }
    }

    /// What Stripe must be told where it keeps to something else.
    #[must_use]
    pub fn settings_for(&self, required_minor: i64) -> Settings {
        Settings {
            is_manual: true,
            minimum_minor: required_minor.max(self.by_hand_minor),
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
        let minimums = Minimums::default();
        assert_eq!(minimums.settings_for(-5).minimum_minor, 0);
        assert_eq!(minimums.settings_for(7).minimum_minor, 7);
    }

    #[test]
    fn what_was_told_is_ours_whether_or_not_it_was_heard() {
        let told = Minimums::default().confirmed(500).telling(700);
        for kept in [500, 700] {
            assert_eq!(told.clone().seen(kept).by_hand_minor, 0);
        }
        assert_eq!(told.clone().seen(600).by_hand_minor, 600);
        // Once another is confirmed, the old ones can only have been set by somebody else.
        assert_eq!(told.confirmed(700).seen(500).by_hand_minor, 500);
    }

    #[test]
    fn the_books_raise_what_was_set_by_hand_and_do_not_lower_it() {
        let minimums = Minimums::default().confirmed(700).seen(5_000);
        assert_eq!(minimums.settings_for(900).minimum_minor, 5_000);
        let raised = minimums.confirmed(6_000).seen(6_000);
        assert_eq!(raised.settings_for(6_001).minimum_minor, 6_001);
        assert_eq!(raised.settings_for(900).minimum_minor, 5_000);
        assert_eq!(raised.seen(100).settings_for(900).minimum_minor, 900);
    }
}
