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
    /// Too large for a scheduled payout, which may ask again with `allowed_minor` at most.
    Capped {
        limit: Limit,
        allowed_minor: i64,
        reason: String,
    },
    /// Too large for a payout that its creator asked for: nobody is paid less than asked.
    Refused {
        limit: Limit,
        reason: String,
    },
}

impl Decision {
    /// The limit that was met, with the sentence that says so.
    #[must_use]
    pub fn blocked(&self) -> Option<(Limit, &str)> {
        match self {
            Self::Allowed => None,
            Self::Capped { limit, reason, .. } | Self::Refused { limit, reason } => {
                Some((*limit, reason))
            }
        }
    }
}

/// Checks a payout against the limits.
#[must_use]
pub fn decide(limits: Limits, request: &Request) -> Decision {
    let asset = request.amount.asset();
    // A limit that is none lets nothing pass.
    let most = Amount::try_new(limits.single_payout_max_minor, asset);
    let most = most.unwrap_or(Amount::zero(asset));
    if request.amount <= most {
        return Decision::Allowed;
    }
    let limit = Limit::SinglePayout;
    let reason = format!("over the limit of {} for one payout", grouped(most));
    if request.scheduled {
        let allowed_minor = most.minor();
        Decision::Capped {
            limit,
            allowed_minor,
            reason,
        }
    } else {
        Decision::Refused { limit, reason }
    }
}

/// `$10,000.00`: limits are large, and people read them.
fn grouped(amount: Amount) -> String {
    let text = amount.to_string();
    let whole = text.split('.').next().unwrap_or_default();
    let digits = whole.chars().filter(char::is_ascii_digit).count();
    let mut left = digits;
    let mut grouped = String::new();
    for sign in text.chars() {
        let is_third = left > 0 && left < digits && left.is_multiple_of(3);
        if sign.is_ascii_digit() && is_third {
            grouped.push(',');
        }
        left = left.saturating_sub(usize::from(sign.is_ascii_digit()));
        grouped.push(sign);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;
    use money::Asset;

    fn asked(minor: i64, scheduled: bool) -> Decision {
        let request = Request {
            payout_id: "po_1".into(),
            creator_id: "alice".into(),
            amount: Amount::try_new(minor, Asset::Usd).unwrap(),
            scheduled,
        };
        decide(
            Limits {
                single_payout_max_minor: 1_000_000,
            },
            &request,
        )
    }

    #[test]
    fn of_a_scheduled_payout_ten_thousand_dollars_pass_and_a_cent_more_is_capped() {
        assert_eq!(asked(1_000_000, true), Decision::Allowed);
        let capped = Decision::Capped {
            limit: Limit::SinglePayout,
            allowed_minor: 1_000_000,
            reason: "over the limit of $10,000.00 for one payout".into(),
        };
        assert_eq!(asked(1_000_001, true), capped);
    }

    #[test]
    fn a_limit_is_written_in_groups_of_three() {
        let of = |minor| grouped(Amount::try_new(minor, Asset::Usd).unwrap());
        assert_eq!(of(99_999), "$999.99");
        assert_eq!(of(100_000), "$1,000.00");
        assert_eq!(of(123_456_789), "$1,234,567.89");
    }

    #[test]
    fn a_requested_payout_is_refused_where_a_scheduled_one_is_capped() {
        assert_eq!(asked(1_000_000, false), Decision::Allowed);
        let refused = Decision::Refused {
            limit: Limit::SinglePayout,
            reason: "over the limit of $10,000.00 for one payout".into(),
        };
        assert_eq!(asked(1_000_001, false), refused);
    }
}
