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
    /// Free to be paid, late earnings that are paid with this month included; zero until closed.
    pub payable_minor: i64,
    /// In holds, or committed and not yet at the bank.
    pub in_payout_minor: i64,
    /// Net of the fee.
    pub frozen_minor: i64,
}

/// Money whose own month was sealed before it was free.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Late {
    /// The month that it is paid with.
    pub month: Month,
    pub origin_month: Month,
    pub program: Program,
    pub gross_minor: i64,
    pub net_minor: i64,
    /// The dispute or refund that made it free.
    pub cause: String,
    pub at: OffsetDateTime,
}

/// What one payout took of one month and has not come back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    pub payout_id: String,
    pub month: Month,
    pub program: Program,
    pub minor: i64,
    pub place: Place,
}

/// Where a payout's money is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Held, and not committed.
    Reserved,
    InTransit,
    /// At the bank.
    Paid,
}

/// One creator, as of one snapshot of the books.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    pub lines: BTreeMap<(Month, Program), Line>,
    /// Newest first.
    pub late: Vec<Late>,
    /// Oldest hold first.
    pub shares: Vec<Share>,
    pub reserved_minor: i64,
    pub debt_minor: i64,
    /// Months that are sealed, closed ones included, and of those the newest that is closed.
    pub sealed: Vec<Month>,
    pub closed_newest: Option<Month>,
    pub closed: Vec<Month>,
}

/// A month's status, in the order in which one hides another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// A dispute holds some of it.
    Frozen,
    /// Subscribers may still direct money.
    Open,
    /// Over or sealed, and not yet closed.
    Locked,
    /// Closed, and some of it is in a payout that is not at the bank.
    InPayout,
    /// Closed, with nothing left that could be paid.
    Paid,
    /// Left over when a later month was closed, and so by that month's run.
    CarriedOver,
    /// Closed last, and free to be paid.
    Payable,
}

impl Status {
    /// As messages say it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Frozen => "frozen",
            Self::Open => "open",
            Self::Locked => "locked",
            Self::InPayout => "in_payout",
            Self::Paid => "paid",
            Self::CarriedOver => "carried_over",
            Self::Payable => "payable",
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

    /// Keeps what a payout took, with the month that it took it from.
    pub fn add_share(&mut self, share: Share) {
        let line = self.lines.entry((share.month, share.program)).or_default();
        match share.place {
            Place::Reserved | Place::InTransit => {
                line.in_payout_minor = line.in_payout_minor.saturating_add(share.minor);
            }
            Place::Paid => {}
        }
        self.shares.push(share);
    }

    /// Payouts' money that is in one place.
    pub fn placed(&self, place: Place) -> i64 {
        let there = self.shares.iter().filter(|share| share.place == place);
        sum(there.map(|share| share.minor))
    }

    /// Net of all closed months, with the late earnings that are paid with them.
    pub fn lifetime_minor(&self) -> i64 {
        let late = self.late.iter();
        let late = late.filter(|late| self.closed.contains(&late.month));
        self.sum(|line| line.net_minor)
            .saturating_add(sum(late.map(|late| late.net_minor)))
    }

    /// The sum of one figure over all months.
    pub fn sum(&self, read: fn(&Line) -> i64) -> i64 {
        sum(self.lines.values().map(read))
    }
}

/// Saturating, as no creator comes near the edge.
fn sum(parts: impl Iterator<Item = i64>) -> i64 {
    parts.fold(0, i64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const PENDING: Line = Line {
        pending_minor: 100,
        gross_minor: 0,
        fee_minor: 0,
        net_minor: 0,
        payable_minor: 0,
        in_payout_minor: 0,
        frozen_minor: 0,
    };
    const FREE: Line = Line {
        pending_minor: 0,
        gross_minor: 100,
        fee_minor: 7,
        net_minor: 93,
        payable_minor: 93,
        ..PENDING
    };
    const HELD: Line = Line {
        payable_minor: 43,
        in_payout_minor: 50,
        ..FREE
    };
    const GONE: Line = Line {
        payable_minor: 0,
        ..FREE
    };

    fn month(text: &str) -> Month {
        text.parse().unwrap()
    }

    /// January's status, by what is known of January and by which months are sealed and closed.
    #[test]
    fn a_months_status_says_where_its_money_is() {
        let (early, late) = (
            datetime!(2027-01-31 23:59:59 UTC),
            datetime!(2027-02-01 00:00 UTC),
        );
        let frozen = |line| Line {
            frozen_minor: 1,
            ..line
        };
        let (none, january): (&[&str], &[&str]) = (&[], &["2027-01"]);
        let both: &[&str] = &["2027-01", "2027-02"];
        type Case<'a> = (Line, OffsetDateTime, &'a [&'a str], &'a [&'a str], &'a str);
        let table: [Case; 17] = [
            (PENDING, early, none, none, "open"),
            (PENDING, early, january, none, "locked"),
            (PENDING, late, none, none, "locked"),
            (PENDING, late, january, none, "locked"),
            (frozen(PENDING), early, none, none, "frozen"),
            (FREE, late, january, january, "payable"),
            (FREE, late, both, january, "payable"),
            (FREE, late, both, both, "carried_over"),
            (HELD, late, january, january, "in_payout"),
            (HELD, late, both, both, "in_payout"),
            (GONE, late, january, january, "paid"),
            (GONE, late, both, both, "paid"),
            (frozen(FREE), late, january, january, "frozen"),
            (frozen(HELD), late, both, both, "frozen"),
            (frozen(GONE), late, both, both, "frozen"),
            // Another month's close says nothing of one that is open.
            (PENDING, early, &["2026-12"], &["2026-12"], "open"),
            (FREE, late, january, &["2026-12", "2027-01"], "payable"),
        ];
        for (line, now, sealed, closed, wanted) in table {
            let history = History {
                sealed: sealed.iter().map(|text| month(text)).collect(),
                closed: closed.iter().map(|text| month(text)).collect(),
                closed_newest: closed.iter().map(|text| month(text)).max(),
                ..History::default()
            };
            let status = history.status(month("2027-01"), &line, now);
            assert_eq!(
                status.as_str(),
                wanted,
                "{line:?}, sealed {sealed:?}, closed {closed:?}"
            );
        }
    }

    #[test]
    fn a_payouts_money_is_counted_where_it_is() {
        let mut history = History::default();
        for (place, minor) in [
            (Place::Reserved, 1),
            (Place::InTransit, 20),
            (Place::Paid, 300),
            (Place::Paid, 4_000),
        ] {
            history.add_share(Share {
                payout_id: "po_1".into(),
                month: month("2027-01"),
                program: Program::Allocation,
                minor,
                place,
            });
        }
        let placed = [Place::Reserved, Place::InTransit, Place::Paid].map(|p| history.placed(p));
        assert_eq!(placed, [1, 20, 4_300]);
        assert_eq!(history.sum(|line| line.in_payout_minor), 21);
    }
}
