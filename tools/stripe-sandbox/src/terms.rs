//! The first period of a subscription: a trial, a part of a month, or a whole month.

use crate::clock::{add_months, month_before, next_anchor};
use crate::error::Refusal;
use crate::proration::{Span, share};

/// What somebody wishes for the beginning of a subscription.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wish {
    /// The day of the month to bill on.
    pub anchor: Option<i64>,
    /// Nothing is charged until the anchor.
    pub free: bool,
    pub trial_end: Option<i64>,
}

/// The time from the beginning of a subscription to its first renewal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct First {
    pub span: Span,
    pub anchor: i64,
    /// The whole month that this period is part of.
    month: Span,
    /// Nothing is charged until the anchor, and there is no invoice.
    pub free: bool,
    /// Nothing is charged until then, and an invoice says so.
    pub trial_end: Option<i64>,
}

impl First {
    /// Plans a period that begins now. Without an anchor it is a whole month.
    ///
    /// # Errors
    /// When the anchor is not in the future, or more than a month away (from the trial's end,
    /// if there is one).
    pub fn plan(now: i64, wish: Wish) -> Result<Self, Refusal> {
        let begin = wish.trial_end.unwrap_or(now);
        if let Some(anchor) = wish.anchor {
            check_anchor(begin, anchor)?;
        }
        Ok(Self::begin(now, wish))
    }

    /// The period of a session that is paid now, maybe after the anchor it was made with: then
    /// the whole month from the anchor on is charged. A trial that is over is none.
    pub fn begin(now: i64, wish: Wish) -> Self {
        if let Some(trial_end) = wish.trial_end.filter(|end| *end > now) {
            let span = Span {
                start: now,
                end: trial_end,
            };
            let anchor = wish.anchor.unwrap_or(trial_end);
            return Self {
                span,
                anchor,
                month: span,
                free: false,
                trial_end: Some(trial_end),
            };
        }
        let anchor = wish.anchor.unwrap_or(now);
        let end = next_anchor(anchor, now);
        let month = Span {
            start: month_before(anchor, end),
            end,
        };
        let ahead = anchor > now;
        let span = if ahead {
            Span { start: now, end }
        } else {
            month
        };
        Self {
            span,
            anchor,
            month,
            free: wish.free && ahead,
            trial_end: None,
        }
    }

    pub fn is_prorated(&self) -> bool {
        self.span != self.month
    }

    /// What this period costs of a monthly amount: by seconds, rounded half up to the cent.
    pub fn share_of(&self, amount: i64) -> i64 {
        if self.free || self.trial_end.is_some() {
            return 0;
        }
        share(amount, self.span.seconds(), self.month.seconds())
    }
}

fn check_anchor(begin: i64, anchor: i64) -> Result<(), Refusal> {
    let fault = |message: &str| {
        Err(Refusal::param(
            "invalid_request",
            "subscription_data[billing_cycle_anchor]",
            message,
        ))
    };
    if anchor <= begin {
        return fault("billing_cycle_anchor must be a timestamp in the future.");
    }
    if anchor > add_months(begin, 1) {
        return fault("billing_cycle_anchor cannot be later than next natural billing date.");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::read;

    fn at(text: &str) -> i64 {
        read(text).expect("the test writes instants")
    }

    fn to_anchor(text: &str) -> Wish {
        Wish {
            anchor: Some(at(text)),
            ..Wish::default()
        }
    }

    #[test]
    fn half_of_a_month_costs_half_rounded_up() {
        let first = First::plan(
            at("2027-01-16T12:00:00Z"),
            to_anchor("2027-02-01T00:00:00Z"),
        );
        let first = first.expect("the anchor is ahead");
        assert_eq!(first.share_of(1000), 500);
        assert_eq!(first.share_of(1001), 501);
        assert!(first.is_prorated());
    }

    #[test]
    fn a_whole_month_costs_its_price_and_a_free_start_or_a_trial_nothing() {
        let now = at("2027-01-01T00:00:00Z");
        let wish = to_anchor("2027-02-01T00:00:00Z");
        let whole = First::plan(now, wish).expect("a month ahead is allowed");
        assert_eq!((whole.share_of(999), whole.is_prorated()), (999, false));
        let free = First::plan(now, Wish { free: true, ..wish }).expect("allowed");
        assert_eq!((free.share_of(999), free.free), (0, true));
        let trial_end = Some(at("2027-01-08T00:00:00Z"));
        let trial = First::plan(
            now,
            Wish {
                trial_end,
                ..Wish::default()
            },
        )
        .expect("allowed");
        assert_eq!((trial.share_of(999), trial.anchor), (0, trial.span.end));
    }

    #[test]
    fn an_anchor_in_the_past_or_beyond_a_month_is_refused() {
        let now = at("2027-01-10T00:00:00Z");
        let wish = Wish {
            anchor: Some(now),
            ..Wish::default()
        };
        assert!(First::plan(now, wish).is_err());
        assert!(First::plan(now, to_anchor("2027-02-10T00:00:01Z")).is_err());
    }

    #[test]
    fn who_pays_after_the_anchor_pays_the_month_that_began_at_it() {
        let wish = Wish {
            free: true,
            ..to_anchor("2027-02-01T00:00:00Z")
        };
        let first = First::begin(at("2027-02-01T00:10:00Z"), wish);
        assert_eq!(first.span.start, at("2027-02-01T00:00:00Z"));
        assert_eq!(first.span.end, at("2027-03-01T00:00:00Z"));
        assert_eq!((first.share_of(999), first.is_prorated()), (999, false));
    }
}
