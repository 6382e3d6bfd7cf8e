//! The accounting period: a calendar month in UTC.

use std::fmt;
use std::str::FromStr;

use time::{Date, OffsetDateTime, Time, UtcOffset};

use crate::LedgerError;

const YEAR_MAX: i32 = 9999;

/// A UTC calendar month, from 0001-01 to 9999-12. Ordered by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Month {
    year: i32,
    month: u8,
}

impl Month {
    /// `month` counts from 1. Errors: `MonthMalformed`.
    pub fn try_new(year: i32, month: u8) -> Result<Self, LedgerError> {
        if (1..=YEAR_MAX).contains(&year) && (1..=12).contains(&month) {
            return Ok(Self { year, month });
        }
        Err(LedgerError::MonthMalformed {
            text: format!("{year}-{month}"),
        })
    }

    /// The month in which an instant lies, by its UTC date. Times before year 1 or after year
    /// 9999, which no business clock shows, fall into the first or last month.
    pub fn of(instant: OffsetDateTime) -> Self {
        let utc = instant.checked_to_offset(UtcOffset::UTC).unwrap_or(instant);
        Self::from_date(utc.date())
    }

    /// The month of a UTC date.
    pub fn from_date(date: Date) -> Self {
        Self {
            year: date.year().clamp(1, YEAR_MAX),
            month: u8::from(date.month()),
        }
    }

    pub const fn year(self) -> i32 {
        self.year
    }

    /// 1 to 12.
    pub const fn month(self) -> u8 {
        self.month
    }

    /// 00:00 UTC on the 1st.
    pub fn first_instant(self) -> OffsetDateTime {
        let month = time::Month::try_from(self.month).expect("a month is 1 to 12");
        let date = Date::from_calendar_date(self.year, month, 1).expect("year is 1 to 9999");
        date.with_time(Time::MIDNIGHT).assume_utc()
    }

    /// The month after; of 9999-12, itself.
    pub fn next(self) -> Self {
        match self {
            Self {
                year: YEAR_MAX,
                month: 12,
            } => self,
            Self { year, month: 12 } => Self {
                year: year.saturating_add(1),
                month: 1,
            },
            Self { year, month } => Self {
                year,
                month: month.saturating_add(1),
            },
        }
    }

    /// The month before; of 0001-01, itself.
    pub fn prev(self) -> Self {
        match self {
            Self { year: 1, month: 1 } => self,
            Self { year, month: 1 } => Self {
                year: year.saturating_sub(1),
                month: 12,
            },
            Self { year, month } => Self {
                year,
                month: month.saturating_sub(1),
            },
        }
    }

    /// As a column holds it: 2027-01 is 202701.
    pub fn to_i32(self) -> i32 {
        self.year
            .saturating_mul(100)
            .saturating_add(i32::from(self.month))
    }

    /// Reads a column. Errors: `MonthMalformed`.
    pub fn from_i32(number: i32) -> Result<Self, LedgerError> {
        let malformed = || LedgerError::MonthMalformed {
            text: number.to_string(),
        };
        let month = u8::try_from(number.rem_euclid(100)).map_err(|_| malformed())?;
        Self::try_new(number.div_euclid(100), month).map_err(|_| malformed())
    }
}

/// `2027-01`
impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

impl FromStr for Month {
    type Err = LedgerError;

    /// Reads exactly what `Display` writes: four digits, a dash, two digits.
    fn from_str(text: &str) -> Result<Self, LedgerError> {
        let digits = |part: &str, count| {
            part.len() == count && part.bytes().all(|byte| byte.is_ascii_digit())
        };
        text.split_once('-')
            .filter(|(year, month)| digits(year, 4) && digits(month, 2))
            .and_then(|(year, month)| Some((year.parse().ok()?, month.parse().ok()?)))
            .and_then(|(year, month)| Self::try_new(year, month).ok())
            .ok_or_else(|| LedgerError::MonthMalformed {
                text: text.to_owned(),
            })
    }
}
