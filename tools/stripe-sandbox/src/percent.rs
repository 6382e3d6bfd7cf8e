//! Percentages as Stripe writes them (`12.5`, at most four decimals), kept as whole numbers.

use serde_json::Value;

use crate::error::Refusal;
use crate::form::Params;
use crate::proration::share;

/// Parts of one per cent that are told apart.
const PARTS: i64 = 10_000;
/// Parts of a whole.
pub const WHOLE: i64 = 100 * PARTS;
const DECIMALS: usize = 4;

/// A percentage between 0 and 100, in ten-thousandths of a per cent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Percent(i64);

impl Percent {
    /// Reads `12.5`; `None` when it is no number between 0 and 100 with at most four decimals.
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !digits(whole) || !digits(decimals) || decimals.len() > DECIMALS {
            return None;
        }
        let whole: i64 = whole.parse().ok().filter(|whole| *whole <= 100)?;
        let parts: i64 = format!("{decimals:0<DECIMALS$}").parse().ok()?;
        Some(whole * PARTS + parts)
            .filter(|parts| *parts <= WHOLE)
            .map(Self)
    }

    /// The percentage that an object carries as a number.
    pub fn of(value: &Value) -> Option<Self> {
        Self::parse(&value.to_string())
    }

    /// Reads a parameter; absent is `None`.
    pub fn read(params: &Params, name: &str) -> Result<Option<Self>, Refusal> {
        let Some(text) = params.get(name) else {
            return Ok(None);
        };
        let fault = || {
            let message = format!("Invalid percentage: {text}. It must be between 0 and 100.");
            Refusal::invalid(name, message)
        };
        Self::parse(text).map(Some).ok_or_else(fault)
    }

    pub fn parts(self) -> i64 {
        self.0
    }

    /// This part of an amount, rounded half up.
    pub fn share_of(self, amount: i64) -> i64 {
        share(amount, self.0, WHOLE)
    }

    /// As a number of JSON: `25`, `8.875`.
    pub fn to_json(self) -> Value {
        let text = format!("{}.{:04}", self.0 / PARTS, self.0 % PARTS);
        let text = text.trim_end_matches('0').trim_end_matches('.');
        serde_json::from_str(text).unwrap_or(Value::Null)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_are_read_and_shown_without_loss() {
        for text in ["0", "25", "8.875", "12.5", "100", "0.0001"] {
            let percent = Percent::parse(text).expect(text);
            assert_eq!(percent.to_json().to_string(), text);
            assert_eq!(Percent::of(&percent.to_json()), Some(percent));
        }
        for text in ["", "-1", "100.1", "101", "1.00001", "x", "1e1", ".5"] {
            assert_eq!(Percent::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_share_is_rounded_half_up() {
        let eight = Percent::parse("8.875").expect("a percentage");
        assert_eq!(eight.share_of(1000), 89);
        assert_eq!(Percent::parse("50").expect("half").share_of(1), 1);
    }
}
