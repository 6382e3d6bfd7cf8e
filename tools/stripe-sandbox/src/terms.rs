//! The first period of a subscription, and what share of a month it costs.

use crate::clock::add_months;
use crate::error::Refusal;

/// The time from the beginning of a subscription to its first anchor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct First {
    pub start: i64,
    pub end: i64,
    pub anchor: i64,
    /// Seconds of the whole month that ends with this period.
    month: i64,
    /// Nothing is charged until the anchor.
    pub free: bool,
}

impl First {
    /// Plans a period that begins now. Without an anchor it is a whole month.
    ///
    /// # Errors
    /// When the anchor is not in the future, or more than a month away.
    pub fn plan(now: i64, anchor: Option<i64>, free: bool) -> Result<Self, Refusal> {
        let whole = add_months(now, 1);
        let Some(anchor) = anchor else {
            return Ok(Self {
                start: now,
                end: whole,
                anchor: now,
                month: whole - now,
                free: false,
            });
        };
        let fault = |message: &str| {
            Refusal::param(
                "invalid_request",
                "subscription_data[billing_cycle_anchor]",
                message,
            )
        };
        if anchor <= now {
            return Err(fault(
                "billing_cycle_anchor must be a timestamp in the future.",
            ));
        }
        if anchor > whole {
            return Err(fault(
                "billing_cycle_anchor cannot be later than next natural billing date.",
            ));
        }
        Ok(Self {
            start: now,
            end: anchor,
            anchor,
            month: anchor - add_months(anchor, -1),
            free,
        })
    }

    pub fn is_prorated(&self) -> bool {
        self.end - self.start != self.month
    }

    /// What this period costs of a monthly amount: by seconds, rounded half up to the cent.
    pub fn share_of(&self, amount: i64) -> i64 {
        if self.free {
            return 0;
        }
        let (seconds, month) = (i128::from(self.end - self.start), i128::from(self.month));
        let share = (i128::from(amount) * seconds * 2 + month).div_euclid(month * 2);
        i64::try_from(share).unwrap_or(amount)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::read;

    fn at(text: &str) -> i64 {
        read(text).expect("the test writes instants")
    }

    #[test]
    fn half_of_a_month_costs_half_rounded_up() {
        let anchor = at("2027-02-01T00:00:00Z");
        let first = First::plan(at("2027-01-16T12:00:00Z"), Some(anchor), false);
        let first = first.expect("the anchor is ahead");
        assert_eq!(first.share_of(1000), 500);
        assert_eq!(first.share_of(1001), 501);
        assert!(first.is_prorated());
    }

    #[test]
    fn a_whole_month_costs_its_price_and_a_free_start_nothing() {
        let now = at("2027-01-01T00:00:00Z");
        let anchor = Some(at("2027-02-01T00:00:00Z"));
        let whole = First::plan(now, anchor, false).expect("a month ahead is allowed");
        assert_eq!((whole.share_of(999), whole.is_prorated()), (999, false));
        let free = First::plan(now, anchor, true).expect("a month ahead is allowed");
        assert_eq!(free.share_of(999), 0);
    }

    #[test]
    fn an_anchor_in_the_past_or_beyond_a_month_is_refused() {
        let now = at("2027-01-10T00:00:00Z");
        assert!(First::plan(now, Some(now), false).is_err());
        assert!(First::plan(now, Some(at("2027-02-10T00:00:01Z")), false).is_err());
    }
}
