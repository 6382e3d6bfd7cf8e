//! The limits as pure rules, in the order in which they are checked.

use money::Amount;

/// The figures in force, in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub single_payout_max_minor: i64,
}

/// A payout that asks for leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub payout_id: String,
    pub creator_id: String,
    pub amount: Amount,
    pub scheduled: bool,
}

/// The limit that was met first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    SinglePayout,
}

impl Limit {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::SinglePayout => "EXCEEDS_SINGLE_LIMIT",
        }
    }
}

/// What the limits say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    Allowed,
    /// Refused; `allowed` is the most that would pass, so that a scheduled payout is capped
    /// by asking again with it.
    Refused {
        limit: Limit,
        allowed_minor: i64,
        reason: String,
    },
}

/// Checks a payout against the limits.
#[must_use]
pub fn decide(limits: Limits, request: &Request) -> Decision {
    let most = limits.single_payout_max_minor;
    if request.amount.minor() <= most {
        return Decision::Allowed;
    }
    Decision::Refused {
        limit: Limit::SinglePayout,
        allowed_minor: most,
        reason: format!("{} is more than the limit for one payout", request.amount),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use money::Asset;

    fn asked(minor: i64) -> Decision {
        let request = Request {
            payout_id: "po_1".into(),
            creator_id: "alice".into(),
            amount: Amount::try_new(minor, Asset::Usd).unwrap(),
            scheduled: true,
        };
        decide(
            Limits {
                single_payout_max_minor: 1_000_000,
            },
            &request,
        )
    }

    #[test]
    fn ten_thousand_dollars_pass_and_a_cent_more_is_refused() {
        assert_eq!(asked(1_000_000), Decision::Allowed);
        let Decision::Refused {
            limit,
            allowed_minor,
            ..
        } = asked(1_000_001)
        else {
            panic!("a payout above the limit was allowed")
        };
        assert_eq!(
            (limit.code(), allowed_minor),
            ("EXCEEDS_SINGLE_LIMIT", 1_000_000)
        );
    }
}
