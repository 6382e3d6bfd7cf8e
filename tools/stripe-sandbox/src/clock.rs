//! Business time: a clock that stands still, and moves only when it is told to.
//!
//! Also the calendar that Stripe's promises are made in: months of an anchor day, midnights
//! in UTC and business days. All instants are whole unix seconds.

use std::time::{SystemTime, UNIX_EPOCH};

use time::format_description::well_known::Rfc3339;
use time::{Date, Duration, OffsetDateTime, UtcDateTime, Weekday};

pub const MINUTE: i64 = 60;
pub const HOUR: i64 = 60 * MINUTE;
pub const DAY: i64 = 24 * HOUR;

/// Wall time in unix seconds; only signatures of webhooks may use it.
pub fn wall_seconds() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

fn utc(instant: i64) -> UtcDateTime {
    UtcDateTime::from_unix_timestamp(instant).unwrap_or(UtcDateTime::UNIX_EPOCH)
}

/// An instant as `2027-01-01T00:00:00Z`.
pub fn show(instant: i64) -> String {
    utc(instant).format(&Rfc3339).unwrap_or_default()
}

/// Reads an RFC 3339 instant; `None` when it is none.
pub fn read(text: &str) -> Option<i64> {
    OffsetDateTime::parse(text, &Rfc3339)
        .ok()
        .map(OffsetDateTime::unix_timestamp)
}

/// The day of an instant, as people read it on an invoice.
pub fn show_day(instant: i64) -> String {
    utc(instant).date().to_string()
}

/// `months` months after (or before) the anchor, on the anchor's day of the month, or on the
/// month's last day where that day does not exist.
pub fn add_months(anchor: i64, months: i32) -> i64 {
    let from = utc(anchor);
    let count = from.year() * 12 + i32::from(u8::from(from.month())) - 1 + months;
    let (year, index) = (count.div_euclid(12), count.rem_euclid(12));
    let month = u8::try_from(index + 1)
        .ok()
        .and_then(|month| time::Month::try_from(month).ok());
    let month = month.unwrap_or(time::Month::January);
    let day = from.day().min(month.length(year));
    let date = Date::from_calendar_date(year, month, day).unwrap_or(from.date());
    from.replace_date(date).unix_timestamp()
}

/// The first instant after `after` that lies a whole number of months from the anchor.
pub fn next_anchor(anchor: i64, after: i64) -> i64 {
    let reached = |months: &i32| add_months(anchor, *months) > after;
    // The estimate is a month short at most, so that a clock far ahead costs no long walk.
    let (from, to) = (utc(anchor), utc(after));
    let apart = (to.year() - from.year()) * 12 + i32::from(u8::from(to.month()))
        - i32::from(u8::from(from.month()));
    let months = (apart.max(0)..).find(reached).unwrap_or(apart);
    add_months(anchor, months)
}

/// The instant one month before `end`, which lies a whole number of months from the anchor.
pub fn month_before(anchor: i64, end: i64) -> i64 {
    let (from, to) = (utc(anchor), utc(end));
    let apart = (to.year() - from.year()) * 12 + i32::from(u8::from(to.month()))
        - i32::from(u8::from(from.month()));
    add_months(anchor, apart - 1)
}

/// The day of the week of an instant, in lower case.
pub fn weekday(instant: i64) -> String {
    utc(instant).weekday().to_string().to_lowercase()
}

/// The day of the month of an instant, and the last day of that month.
pub fn day_of_month(instant: i64) -> (u64, u64) {
    let date = utc(instant).date();
    let last = date.month().length(date.year());
    (u64::from(date.day()), u64::from(last))
}

/// The first midnight at or after an instant.
pub fn midnight_from(instant: i64) -> i64 {
    instant + (-instant).rem_euclid(DAY)
}

/// The first midnight after an instant.
pub fn next_midnight(instant: i64) -> i64 {
    midnight_from(instant + 1)
}

/// Midnight of the day that is `count` business days after an instant's day.
pub fn add_business_days(instant: i64, count: u32) -> i64 {
    let mut date = utc(instant).date();
    let mut left = count;
    while left > 0 {
        date = date.saturating_add(Duration::DAY);
        if !matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday) {
            left -= 1;
        }
    }
    date.midnight().assume_utc().unix_timestamp()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> i64 {
        read(text).expect("the test writes instants")
    }

    #[test]
    fn a_month_from_the_31st_ends_on_the_last_day_and_returns_to_the_31st() {
        let anchor = at("2027-01-31T10:00:00Z");
        assert_eq!(show(add_months(anchor, 1)), "2027-02-28T10:00:00Z");
        assert_eq!(show(add_months(anchor, 2)), "2027-03-31T10:00:00Z");
        assert_eq!(show(add_months(anchor, -1)), "2026-12-31T10:00:00Z");
        assert_eq!(
            next_anchor(anchor, at("2027-02-28T10:00:00Z")),
            add_months(anchor, 2)
        );
        assert_eq!(
            month_before(anchor, add_months(anchor, 2)),
            add_months(anchor, 1)
        );
    }

    #[test]
    fn two_business_days_from_friday_are_tuesday() {
        let friday = at("2027-01-01T15:00:00Z");
        assert_eq!(show(add_business_days(friday, 2)), "2027-01-05T00:00:00Z");
    }

    #[test]
    fn midnight_itself_needs_no_rounding() {
        let midnight = at("2027-01-03T00:00:00Z");
        assert_eq!(midnight_from(midnight), midnight);
        assert_eq!(midnight_from(midnight + 1), midnight + DAY);
        assert_eq!(next_midnight(midnight), midnight + DAY);
    }
}
