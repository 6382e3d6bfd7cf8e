//! What a creator is shown of each month.

use std::collections::BTreeMap;

use ledger::{Month, Program};
use time::OffsetDateTime;

/// What is known of one creator's month in one program.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Line {
    /// Before the fee; zero once closed.
    pub pending_minor: i64,
    /// By the close.
    pub gross_minor: i64,
    pub fee_minor: i64,
    pub net_minor: i64,
    /// Of net: free to be paid.
    pub payable_minor: i64,
    /// Of net: in holds, or committed and not yet at the bank.
    pub in_payout_minor: i64,
    pub frozen_minor: i64,
}

/// One creator, as of one snapshot of the books.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    pub lines: BTreeMap<(Month, Program), Line>,
    pub reserved_minor: i64,
    pub in_transit_minor: i64,
    pub paid_minor: i64,
    /// Months that are sealed, closed ones included, and of those the newest that is closed.
    pub sealed: Vec<Month>,
    pub closed_newest: Option<Month>,
    pub closed: Vec<Month>,
}

/// A month's status, in the order in which one hides another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Frozen,
    /// Subscribers may still direct money.
    Open,
    /// Over or sealed, and not yet closed.
    Locked,
    InPayout,
    /// Closed last, and free to be paid.
    Payable,
    /// Left over when a later month was closed.
    CarriedOver,
    Paid,
}

impl Status {
    /// As messages say it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Frozen => "frozen",
            Self::Open => "open",
            Self::Locked => "locked",
            Self::InPayout => "in_payout",
            Self::Payable => "payable",
            Self::CarriedOver => "carried_over",
            Self::Paid => "paid",
        }
    }
}

impl History {
    pub fn status(&self, month: Month, line: &Line, now: OffsetDateTime) -> Status {
        if line.frozen_minor != 0 {
            Status::Frozen
        } else if !self.closed.contains(&month) {
            let over = now >= month.next().first_instant() || self.sealed.contains(&month);
            if over { Status::Locked } else { Status::Open }
        } else if line.in_payout_minor > 0 {
            Status::InPayout
        } else if line.payable_minor == 0 {
            Status::Paid
        } else if self.closed_newest > Some(month) {
            Status::CarriedOver
        } else {
            Status::Payable
        }
    }

    /// The sum of one figure over all months; saturating, as no creator comes near the edge.
    pub fn sum(&self, read: fn(&Line) -> i64) -> i64 {
        self.lines.values().map(read).fold(0, i64::saturating_add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    fn month(text: &str) -> Month {
        text.parse().unwrap()
    }

    #[test]
    fn a_months_status_says_where_its_money_is() {
        let (january, february) = (month("2027-01"), month("2027-02"));
        let now = datetime!(2027-02-10 00:00 UTC);
        let mut history = History::default();
        let line = Line {
            pending_minor: 100,
            ..Line::default()
        };
        assert_eq!(history.status(february, &line, now), Status::Open);
        assert_eq!(history.status(january, &line, now), Status::Locked);
        history.sealed = vec![february];
        assert_eq!(history.status(february, &line, now), Status::Locked);

        history.closed = vec![january];
        history.closed_newest = Some(january);
        let line = Line {
            net_minor: 93,
            payable_minor: 93,
            ..Line::default()
        };
        assert_eq!(history.status(january, &line, now), Status::Payable);
        let held = Line {
            in_payout_minor: 50,
            ..line
        };
        assert_eq!(history.status(january, &held, now), Status::InPayout);
        let paid = Line {
            payable_minor: 0,
            ..line
        };
        assert_eq!(history.status(january, &paid, now), Status::Paid);
        history.closed = vec![january, february];
        history.closed_newest = Some(february);
        assert_eq!(history.status(january, &line, now), Status::CarriedOver);
        let frozen = Line {
            frozen_minor: 1,
            ..line
        };
        assert_eq!(history.status(january, &frozen, now), Status::Frozen);
    }
}
