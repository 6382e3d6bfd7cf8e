//! What a request costs: tokens of its caller's bucket, by the mark of its route.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::config::Limits;

/// The document's mark for a write that costs more than one token.
pub const COST: &str = "x-cost";

/// By what a route is priced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Price {
    /// One token, as every read and most writes.
    One,
    /// It makes calls to Stripe, whose limit the whole platform shares.
    Stripe,
    /// It writes a set whose size is not known before.
    Copy,
    /// It writes as much as its body names.
    Lines,
}

/// A body that names lines.
#[derive(Deserialize)]
struct Lines {
    allocations: Vec<IgnoredAny>,
}

impl Price {
    /// A word that is not known must not be cheap.
    pub fn of(operation: &Value) -> Self {
        match operation.get(COST).map(Value::as_str) {
            None => Self::One,
            Some(Some("lines")) => Self::Lines,
            Some(Some("copy")) => Self::Copy,
            Some(_) => Self::Stripe,
        }
    }

    /// At least one.
    pub fn tokens(self, limits: &Limits, body: &[u8]) -> u64 {
        match self {
            Self::One => 1,
            Self::Stripe => limits.stripe_cost,
            Self::Copy => limits.copy_cost,
            Self::Lines => lines(body).div_ceil(limits.lines_per_token).max(1),
        }
    }
}

/// A body that cannot be read names nothing: its handler will refuse it.
fn lines(body: &[u8]) -> u64 {
    let read = serde_json::from_slice::<Lines>(body);
    let count = read.map_or(0, |read| read.allocations.len());
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const LIMITS: Limits = Limits {
        reads_per_second: 1,
        reads_burst: 1,
        writes_per_second: 1,
        writes_burst: 100,
        stripe_cost: 5,
        copy_cost: 7,
        lines_per_token: 10,
    };

    #[test]
    fn a_route_costs_by_its_mark_and_one_whose_mark_is_not_known_is_not_cheap() {
        let cost = |operation: Value| Price::of(&operation).tokens(&LIMITS, b"{}");
        assert_eq!(cost(json!({})), 1);
        assert_eq!(cost(json!({ COST: "stripe" })), 5);
        assert_eq!(cost(json!({ COST: "copy" })), 7);
        assert_eq!(cost(json!({ COST: "lines" })), 1);
        assert_eq!(cost(json!({ COST: "strpie" })), 5);
        assert_eq!(cost(json!({ COST: 1 })), 5);
    }

    #[test]
    fn ten_lines_cost_a_token_and_a_body_that_cannot_be_read_costs_one() {
        let cost = |body: &str| Price::Lines.tokens(&LIMITS, body.as_bytes());
        let of = |count: usize| cost(&json!({ "allocations": vec![0; count] }).to_string());
        let costs = [0, 1, 10, 11, 100, 1_000].map(of);
        assert_eq!(costs, [1, 1, 1, 2, 10, 100]);
        assert_eq!(cost(r#"{"allocations": [1, "#), 1);
        assert_eq!(cost("[]"), 1);
    }
}
