//! What a part of a period costs, by seconds. Nothing but arithmetic.

/// `amount * part / whole`, rounded half up; a negative amount mirrors its opposite, so that a
/// charge and its credit cancel out.
pub fn share(amount: i64, part: i64, whole: i64) -> i64 {
    if whole <= 0 {
        return amount;
    }
    let (part, whole) = (i128::from(part), i128::from(whole));
    let positive = (i128::from(amount.abs()) * part * 2 + whole).div_euclid(whole * 2);
    let rounded = i64::try_from(positive).unwrap_or(amount.abs());
    if amount < 0 { -rounded } else { rounded }
}

/// A span of time, in unix seconds; `end` is not part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub start: i64,
    pub end: i64,
}

impl Span {
    pub fn seconds(self) -> i64 {
        self.end - self.start
    }

    pub fn holds(self, instant: i64) -> bool {
        self.start <= instant && instant < self.end
    }
}

/// What a change of price in the middle of a month costs.
#[derive(Debug, Clone, Copy)]
pub struct Change {
    /// When the new price begins to count.
    pub at: i64,
    /// The whole month that the running period is part of.
    pub month: Span,
    /// What was billed for the running time, after discounts, and for which time.
    pub billed: Option<(i64, Span)>,
    /// What a whole month costs from now on.
    pub new: i64,
}

impl Change {
    /// What is given back for the time that was billed and will not be used: never positive.
    pub fn credit(&self) -> i64 {
        self.billed.map_or(0, |(amount, span)| {
            -share(amount, span.end - self.at, span.seconds())
        })
    }

    /// What the rest of the month costs at the new price.
    pub fn debit(&self) -> i64 {
        share(self.new, self.month.end - self.at, self.month.seconds())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400;

    fn days(start: i64, end: i64) -> Span {
        Span {
            start: start * DAY,
            end: end * DAY,
        }
    }

    #[test]
    fn shares_are_rounded_half_up_and_mirrored_below_zero() {
        for (amount, part, whole, expected) in [
            (1000, 1, 2, 500),
            (1001, 1, 2, 501),
            (-1001, 1, 2, -501),
            (1000, 1, 3, 333),
            (2000, 1, 3, 667),
            (0, 5, 7, 0),
            (999, 31, 31, 999),
            (100, 1, 0, 100),
        ] {
            assert_eq!(
                share(amount, part, whole),
                expected,
                "{amount}*{part}/{whole}"
            );
        }
    }

    #[test]
    fn every_change_gives_back_what_is_unused_and_charges_what_is_left() {
        let month = days(0, 30);
        for (at, billed, new, credit, debit) in [
            // A whole month at 10.00, changed to 20.00 in the middle, at once, at the last day.
            (15, Some((1000, month)), 2000, -500, 1000),
            (0, Some((1000, month)), 2000, -1000, 2000),
            (29, Some((1000, month)), 2000, -33, 67),
            // Down again: the credit is the greater.
            (10, Some((2000, month)), 500, -1333, 333),
            // A half month was billed, with its own span.
            (20, Some((500, days(15, 30))), 2000, -333, 667),
            // Nothing was billed: nothing comes back.
            (15, None, 2000, 0, 1000),
            // A free month was billed with nothing.
            (15, Some((0, month)), 999, 0, 500),
        ] {
            let at = at * DAY;
            let change = Change {
                at,
                month,
                billed,
                new,
            };
            assert_eq!(
                (change.credit(), change.debit()),
                (credit, debit),
                "{change:?}"
            );
        }
    }

    #[test]
    fn changes_at_one_instant_cancel_out() {
        let month = days(0, 31);
        for second in [1, 12_345, 30 * DAY + 86_399] {
            let up = Change {
                at: second,
                month,
                billed: Some((777, month)),
                new: 1999,
            };
            let rest = Span {
                start: second,
                end: month.end,
            };
            let down = Change {
                at: second,
                month,
                billed: Some((up.debit(), rest)),
                new: 777,
            };
            assert_eq!(up.credit() + up.debit() + down.credit() + down.debit(), 0);
        }
    }
}
