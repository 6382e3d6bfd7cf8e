//! Months: which there are, and where each stands.

use ledger::Month;

/// How far from now a charge's month may lie. A month further away is a mistake of somebody's,
/// and would fill the calendar with months that nobody ever ends.
const MONTHS_APART_MAX: i32 = 120;

/// What a month's row says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MonthState {
    Open,
    /// Subscribers' changes are over; charges may still fund it.
    Locked,
    /// Nothing is ever stamped with it again.
    Sealed,
}

impl MonthState {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Locked => "locked",
            Self::Sealed => "sealed",
        }
    }

    /// Reads a column; `None` for a word that is no state.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Open, Self::Locked, Self::Sealed]
            .into_iter()
            .find(|state| state.as_str() == text)
    }
}

/// Where a month stands for those who ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The open month is an earlier one.
    Future,
    Open,
    Locked,
    Sealed,
    /// Before the first month of all.
    Unknown,
}

impl Standing {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Future => "future",
            Self::Open => "open",
            Self::Locked => "locked",
            Self::Sealed => "sealed",
            Self::Unknown => "unknown",
        }
    }
}

/// Where `month` stands, by its row, if it has one, and by the earliest open month.
#[must_use]
pub fn standing(month: Month, row: Option<MonthState>, open: Month) -> Standing {
    match row {
        Some(MonthState::Sealed) => Standing::Sealed,
        Some(MonthState::Locked) => Standing::Locked,
        Some(MonthState::Open) if month == open => Standing::Open,
        Some(MonthState::Open) => Standing::Future,
        None if month > open => Standing::Future,
        None => Standing::Unknown,
    }
}

/// The months that have rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub first: Month,
    pub last: Month,
    /// Whether any of them is sealed.
    pub sealed: bool,
}

/// The rows to add before charges that paid for `periods` can be stamped, in order.
///
/// After the last month: open, up to the latest. Before the first: locked, because the first was
/// the clock's month once; but none when something is sealed, for then the past is settled and
/// its late charges fund what comes after.
#[must_use]
pub fn missing(span: Span, periods: &[Month]) -> Vec<(Month, MonthState)> {
    let earliest = periods.iter().copied().min().unwrap_or(span.first);
    let latest = periods.iter().copied().max().unwrap_or(span.last);
    let before = if span.sealed { span.first } else { earliest };
    let locked = from(before).take_while(|month| *month < span.first);
    let open = from(span.last.next()).take_while(|month| *month <= latest);
    let locked = locked.map(|month| (month, MonthState::Locked));
    locked
        .chain(open.map(|month| (month, MonthState::Open)))
        .collect()
}

/// Whether a charge of today can have paid for `period`.
#[must_use]
pub fn is_plausible(period: Month, today: Month) -> bool {
    let number = |month: Month| month.year() * 12 + i32::from(month.month());
    (number(period) - number(today)).abs() <= MONTHS_APART_MAX
}

/// Ends with the calendar, whose last month is its own successor.
fn from(first: Month) -> impl Iterator<Item = Month> {
    let next = |month: &Month| Some(month.next()).filter(|next| next > month);
    std::iter::successors(Some(first), next)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn month(text: &str) -> Month {
        text.parse().unwrap()
    }

    fn added(sealed: bool, periods: &[&str]) -> Vec<String> {
        let span = Span {
            first: month("2027-01"),
            last: month("2027-02"),
            sealed,
        };
        let periods: Vec<Month> = periods.iter().map(|text| month(text)).collect();
        let rows = missing(span, &periods);
        rows.iter()
            .map(|(month, state)| format!("{month} {}", state.as_str()))
            .collect()
    }

    #[test]
    fn months_that_have_rows_need_none() {
        assert!(added(false, &["2027-01", "2027-02"]).is_empty());
        assert!(added(false, &[]).is_empty());
    }

    #[test]
    fn a_charge_that_comes_early_opens_every_month_up_to_its_own() {
        assert_eq!(added(true, &["2027-04"]), ["2027-03 open", "2027-04 open"]);
    }

    #[test]
    fn an_earlier_month_is_added_locked_while_nothing_is_sealed() {
        assert_eq!(
            added(false, &["2026-11"]),
            ["2026-11 locked", "2026-12 locked"]
        );
        assert!(added(true, &["2026-11"]).is_empty());
    }

    #[test]
    fn only_the_earliest_open_month_is_open_to_subscribers() {
        let open = month("2027-02");
        let stands = |text, row| standing(month(text), row, open).as_str();
        assert_eq!(stands("2027-02", Some(MonthState::Open)), "open");
        assert_eq!(stands("2027-03", Some(MonthState::Open)), "future");
        assert_eq!(stands("2027-09", None), "future");
        assert_eq!(stands("2027-01", Some(MonthState::Locked)), "locked");
        assert_eq!(stands("2027-01", Some(MonthState::Sealed)), "sealed");
        assert_eq!(stands("2026-01", None), "unknown");
    }

    #[test]
    fn ten_years_are_the_most_that_a_charge_may_be_away() {
        let today = month("2027-01");
        assert!(is_plausible(month("2037-01"), today) && is_plausible(month("2017-01"), today));
        assert!(!is_plausible(month("2037-02"), today) && !is_plausible(month("2016-12"), today));
    }
}
