//! How a subscription begins: what happens to the days before its first whole month.

use ledger::Month;
use time::{Duration, OffsetDateTime};

use super::plan::Plan;

/// Less than this is not charged for a part of a month: most of it would be Stripe's.
const PART_MIN_MINOR: i64 = 100;
/// Stripe wants a trial to end 48 hours ahead; one more, for the way there.
const TRIAL_MIN: Duration = Duration::hours(49);

/// Stripe closes a page after half an hour at the earliest and a day at the latest, by its own
/// clock; five minutes are for the difference to ours.
const PAGE_MIN: Duration = Duration::minutes(35);
const PAGE_MAX: Duration = Duration::minutes(24 * 60 - 5);

/// How a subscription begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begins {
    /// Nothing is charged before the anchor, and it may be cancelled until then for nothing.
    Trial,
    /// The days before the anchor are charged in proportion.
    Prorated,
    /// The days before the anchor are charged as a whole month.
    Full,
    /// The days before the anchor cost nothing: they come to too little.
    Free,
}

/// A beginning, and the first of a month on which the first whole period begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    pub begins: Begins,
    pub anchor_at: OffsetDateTime,
}

impl Begins {
    /// The word in the column.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trial => "trial",
            Self::Prorated => "prorated",
            Self::Full => "full",
            Self::Free => "free",
        }
    }

    /// Reads a column.
    #[must_use]
    pub fn from_column(text: &str) -> Option<Self> {
        [Self::Trial, Self::Prorated, Self::Full, Self::Free]
            .into_iter()
            .find(|begins| begins.as_str() == text)
    }
}

/// How a subscription to this plan begins that is ordered now.
#[must_use]
pub fn start(plan: &Plan, amount_minor: i64, now: OffsetDateTime) -> Start {
    let anchor_at = next_first(now);
    if plan.trial_days > 0 {
        let earliest = now + Duration::days(plan.trial_days.into()).max(TRIAL_MIN);
        return Start {
            begins: Begins::Trial,
            anchor_at: first_from(earliest),
        };
    }
    let part = part_of_month(amount_minor, now, anchor_at);
    let begins = match plan.prorate {
        // Its page will outlive the month, so it is for the next one, whenever it is paid.
        _ if anchor_at < now + PAGE_MIN => Begins::Free,
        false => Begins::Full,
        true if part < amount_minor.min(PART_MIN_MINOR) => Begins::Free,
        true => Begins::Prorated,
    };
    Start { begins, anchor_at }
}

impl Start {
    /// When a page that is made now is to be closed. Paid after its anchor, a first month that is
    /// charged whole would be charged on top of the month that began meanwhile.
    #[must_use]
    pub fn page_closes_at(&self, now: OffsetDateTime) -> OffsetDateTime {
        self.anchor_at.min(now + PAGE_MAX).max(now + PAGE_MIN)
    }
}

/// The first of the next month: always later than now, also at the first instant of a month.
fn next_first(now: OffsetDateTime) -> OffsetDateTime {
    Month::of(now).next().first_instant()
}

/// The first of a month that is not before an instant.
fn first_from(instant: OffsetDateTime) -> OffsetDateTime {
    let first = Month::of(instant).first_instant();
    if first == instant {
        first
    } else {
        next_first(instant)
    }
}

/// What is left of a month, by seconds and rounded half up, as Stripe does it.
fn part_of_month(amount_minor: i64, now: OffsetDateTime, end: OffsetDateTime) -> i64 {
    let seconds = |span: Duration| i128::from(span.whole_seconds());
    let whole = seconds(end - Month::of(now).first_instant());
    let left = seconds(end - now);
    let doubled = i128::from(amount_minor) * left * 2 + whole;
    i64::try_from(doubled.div_euclid(whole * 2)).unwrap_or(amount_minor)
}

#[cfg(test)]
mod tests {
    use super::super::plan::Price;
    use super::*;
    use ledger::Program;
    use time::macros::datetime;

    fn plan(trial_days: i32, prorate: bool) -> Plan {
        Plan {
            plan_id: "plan".into(),
            name: "Plan".into(),
            program: Program::Allocation,
            price: Price::Chosen {
                min_minor: 1,
                max_minor: 50_000,
            },
            trial_days,
            prorate,
        }
    }

    #[test]
    fn billing_starts_on_the_first_of_the_next_month_even_when_today_is_a_first() {
        let next = datetime!(2027-02-01 00:00 UTC);
        for (now, anchor_at) in [
            (datetime!(2027-01-01 00:00 UTC), next),
            (datetime!(2027-01-31 23:59:59 UTC), next),
            (next, datetime!(2027-03-01 00:00 UTC)),
        ] {
            assert_eq!(start(&plan(0, true), 50_000, now).anchor_at, anchor_at);
        }
    }

    /// $5.00 over the 31 days of January is a dollar for 6.2 days.
    #[test]
    fn a_part_of_a_month_below_a_dollar_is_free() {
        use Begins::{Free, Full, Prorated};
        for (now, amount, prorate, begins) in [
            (datetime!(2027-01-01 00:00 UTC), 500, true, Prorated),
            (datetime!(2027-01-25 19:12 UTC), 500, true, Prorated),
            (datetime!(2027-01-25 21:00 UTC), 500, true, Free),
            (datetime!(2027-01-25 21:00 UTC), 1_000, true, Prorated),
            (datetime!(2027-01-31 22:00 UTC), 50_000, true, Prorated),
            (datetime!(2027-01-31 23:59:59 UTC), 50_000, true, Free),
            (datetime!(2027-01-31 23:25 UTC), 500, false, Full),
            // No page is so short that it could only be paid before midnight.
            (datetime!(2027-01-31 23:25:01 UTC), 500, false, Free),
            // A whole month is charged, however little it costs.
            (datetime!(2027-01-01 00:00 UTC), 50, true, Prorated),
        ] {
            let start = start(&plan(0, prorate), amount, now);
            assert_eq!(start.begins, begins, "{now} {amount} {prorate}");
        }
    }

    #[test]
    fn a_trial_ends_on_the_first_first_that_is_far_enough_away() {
        for (now, days, ends) in [
            (
                datetime!(2027-01-10 08:00 UTC),
                7,
                datetime!(2027-02-01 00:00 UTC),
            ),
            (
                datetime!(2027-01-25 00:00 UTC),
                7,
                datetime!(2027-02-01 00:00 UTC),
            ),
            (
                datetime!(2027-01-25 00:00:01 UTC),
                7,
                datetime!(2027-03-01 00:00 UTC),
            ),
            // Stripe takes none that ends within two days.
            (
                datetime!(2027-01-30 12:00 UTC),
                1,
                datetime!(2027-03-01 00:00 UTC),
            ),
            (
                datetime!(2027-01-10 00:00 UTC),
                30,
                datetime!(2027-03-01 00:00 UTC),
            ),
        ] {
            let start = start(&plan(days, false), 500, now);
            assert_eq!(
                (start.begins, start.anchor_at),
                (Begins::Trial, ends),
                "{now}"
            );
        }
    }

    #[test]
    fn a_page_lasts_a_day_but_not_beyond_its_anchor_and_half_an_hour_at_least() {
        let anchor_at = datetime!(2027-02-01 00:00 UTC);
        for (now, closes_at) in [
            (
                datetime!(2027-01-31 00:04 UTC),
                datetime!(2027-01-31 23:59 UTC),
            ),
            (datetime!(2027-01-31 00:06 UTC), anchor_at),
            (datetime!(2027-01-31 23:25 UTC), anchor_at),
            (
                datetime!(2027-01-31 23:59 UTC),
                datetime!(2027-02-01 00:34 UTC),
            ),
        ] {
            let start = Start {
                begins: Begins::Full,
                anchor_at,
            };
            assert_eq!(start.page_closes_at(now), closes_at, "{now}");
        }
    }
}
