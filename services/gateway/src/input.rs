//! What callers write, checked by name: cents, months, ids, instants, pages.

use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use utoipa::IntoParams;

use crate::problem::{Fault, Problem};

/// A million dollars: more than any plan or payout, far below what could overflow.
pub const AMOUNT_CENTS_MAX: i64 = 100_000_000;

/// # Errors
/// A negative or huge amount.
pub fn cents(field: impl Into<String>, value: i64) -> Result<i64, Fault> {
    if (0..=AMOUNT_CENTS_MAX).contains(&value) {
        return Ok(value);
    }
    let detail = format!("write a whole number of cents from 0 to {AMOUNT_CENTS_MAX}");
    Err(Fault::invalid(field, detail))
}

/// # Errors
/// Anything but `2027-01`.
pub fn month(field: impl Into<String>, text: &str) -> Result<String, Fault> {
    match text.parse::<ledger::Month>() {
        Ok(month) => Ok(month.to_string()),
        Err(_) => Err(Fault::invalid(field, "write the month as 2027-01")),
    }
}

/// # Errors
/// What cannot be anybody's id.
pub fn creator_id(field: impl Into<String>, text: &str) -> Result<String, Fault> {
    let detail = "write 1 to 64 letters, digits, '_' or '-'";
    ledger::CreatorId::try_new(text).map_err(|_| Fault::invalid(field, detail))?;
    Ok(text.to_owned())
}

/// The id of a payout, a subscription or a notice.
///
/// # Errors
/// Other characters than those that ids are made of, or none, or too many.
pub fn id(field: impl Into<String>, text: &str) -> Result<String, Fault> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if (1..=64).contains(&text.len()) && text.chars().all(is_plain) {
        return Ok(text.to_owned());
    }
    let detail = "write 1 to 64 letters, digits, '_' or '-'";
    Err(Fault::invalid(field, detail))
}

/// The name of an account, a program or a fact: ids joined by slashes, colons and dots.
///
/// # Errors
/// Other characters, or none, or too many.
pub fn name(field: impl Into<String>, text: &str) -> Result<String, Fault> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_/:.".contains(c);
    if (1..=200).contains(&text.len()) && text.chars().all(is_plain) {
        return Ok(text.to_owned());
    }
    let detail = "write 1 to 200 letters, digits, '_', '-', '/', ':' or '.'";
    Err(Fault::invalid(field, detail))
}

/// Words that people read or that Stripe knows.
///
/// # Errors
/// Control characters, nothing but blanks, or more than `max` characters.
pub fn words(field: impl Into<String>, text: &str, max: usize) -> Result<String, Fault> {
    let text = text.trim();
    let length = text.chars().count();
    if (1..=max).contains(&length) && !text.chars().any(char::is_control) {
        return Ok(text.to_owned());
    }
    let detail = format!("write 1 to {max} characters, none of them a control character");
    Err(Fault::invalid(field, detail))
}

/// # Errors
/// Anything but RFC 3339.
pub fn instant(field: impl Into<String>, text: &str) -> Result<OffsetDateTime, Fault> {
    let detail = "write the time as 2027-02-01T00:00:00Z";
    OffsetDateTime::parse(text, &Rfc3339).map_err(|_| Fault::invalid(field, detail))
}

/// # Errors
/// Anything but `true` and `false`.
pub fn flag(field: impl Into<String>, text: &str) -> Result<bool, Fault> {
    text.parse::<bool>()
        .map_err(|_| Fault::invalid(field, "write true or false"))
}

/// # Errors
/// A word that is not on the list.
pub fn one_of(field: impl Into<String>, text: &str, allowed: &[&str]) -> Result<String, Fault> {
    if allowed.contains(&text) {
        return Ok(text.to_owned());
    }
    let detail = format!("write one of: {}", allowed.join(", "));
    Err(Fault::invalid(field, detail))
}

/// What an optional parameter says; its type's nothing when it is absent.
///
/// # Errors
/// As `read`.
pub fn given<T: Default>(
    text: Option<&str>,
    read: impl FnOnce(&str) -> Result<T, Fault>,
) -> Result<T, Fault> {
    text.map_or_else(|| Ok(T::default()), read)
}

/// Which page of a list.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// How many entries, at most; unless told, 10, or 100 of lists that are short by nature.
    #[param(value_type = Option<i32>, minimum = 1, maximum = 100, example = 10)]
    pub limit: Option<String>,
    /// The next_cursor of the page before.
    #[param(example = "po_01m05v1nke8g5r0xhqyx8fn2ak")]
    pub starting_after: Option<String>,
}

/// The largest page.
pub const PAGE_MAX: i32 = 100;

/// A page that was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    pub limit: i32,
    /// Empty for the first page.
    pub starting_after: String,
}

impl PageQuery {
    /// A page of a list that may be long.
    ///
    /// # Errors
    /// A limit that is no number from 1 to 100, or a cursor that cannot be one.
    pub fn page(self) -> Result<Page, Fault> {
        self.page_or(10)
    }

    /// A page of a list that is short by nature.
    ///
    /// # Errors
    /// As [`PageQuery::page`].
    pub fn page_of_short(self) -> Result<Page, Fault> {
        self.page_or(PAGE_MAX)
    }

    fn page_or(self, unless_told: i32) -> Result<Page, Fault> {
        Ok(Page {
            limit: limit(self.limit.as_deref(), unless_told)?,
            starting_after: given(self.starting_after.as_deref(), |text| {
                name("starting_after", text)
            })?,
        })
    }

    /// A page of things that are numbered, and the number to start after.
    ///
    /// # Errors
    /// As [`PageQuery::page`], and a cursor that is no number.
    pub fn numbered(self) -> Result<(Page, i64), Fault> {
        let page = self.page()?;
        if page.starting_after.is_empty() {
            return Ok((page, 0));
        }
        match page.starting_after.parse::<i64>() {
            Ok(number) if number > 0 => Ok((page, number)),
            _ => Err(Fault::invalid(
                "starting_after",
                "write the next_cursor of the page before",
            )),
        }
    }
}

fn limit(text: Option<&str>, unless_told: i32) -> Result<i32, Fault> {
    let Some(text) = text else {
        return Ok(unless_told);
    };
    match text.parse::<i32>() {
        Ok(limit) if (1..=PAGE_MAX).contains(&limit) => Ok(limit),
        _ => {
            let detail = format!("write a whole number from 1 to {PAGE_MAX}");
            Err(Fault::invalid("limit", detail))
        }
    }
}

/// A month of the path.
///
/// # Errors
/// 400 when it is malformed.
pub fn month_of_path(text: &str) -> Result<String, Problem> {
    Ok(month("month", text)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_month_is_a_month() {
        assert_eq!(month("month", "2027-01").as_deref(), Ok("2027-01"));
        for bad in [
            "",
            "2027",
            "2027-13",
            "2027-1",
            "27-01",
            "2027-01-01",
            " 2027-01",
        ] {
            assert!(month("month", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_amount_is_neither_negative_nor_huge() {
        assert_eq!(cents("amount_cents", 0), Ok(0));
        assert_eq!(
            cents("amount_cents", AMOUNT_CENTS_MAX),
            Ok(AMOUNT_CENTS_MAX)
        );
        for bad in [-1, AMOUNT_CENTS_MAX + 1, i64::MIN, i64::MAX] {
            assert!(cents("amount_cents", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_id_has_the_characters_of_ids_alone() {
        for good in ["a", "po_01k", "A-9", &"x".repeat(64)] {
            assert!(id("id", good).is_ok(), "{good}");
        }
        for bad in ["", "a/b", "a b", "ä", "a\n", &"x".repeat(65)] {
            assert!(id("id", bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_page_has_from_one_to_a_hundred_entries_and_ten_unless_told() {
        let page = |limit: Option<&str>| {
            let limit = limit.map(ToOwned::to_owned);
            PageQuery {
                limit,
                starting_after: None,
            }
            .page()
            .map(|page| page.limit)
        };
        assert_eq!(
            (page(None), page(Some("1")), page(Some("100"))),
            (Ok(10), Ok(1), Ok(100))
        );
        for bad in ["0", "101", "-1", "x", "1.5", ""] {
            assert_eq!(page(Some(bad)).unwrap_err().field, "limit", "{bad}");
        }
    }
}
