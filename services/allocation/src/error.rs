//! Refusals as callers see them: stable codes with figures.

use kit::{Error, Rejection};
use ledger::Month;

use crate::domain::Refusal;

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        let text = refusal.to_string();
        let named = |code| Rejection::new(code, text.clone());
        match refusal {
            Refusal::SelfAllocation(_) => Self::Rejected(named("SELF_ALLOCATION")),
            Refusal::MonthLocked { month, open, .. } => {
                let named = named("MONTH_LOCKED").with("month", month);
                Self::Rejected(named.with("open_month", open))
            }
            Refusal::MonthNotOpen { month, open } => {
                let named = named("MONTH_NOT_OPEN").with("month", month);
                Self::Rejected(named.with("open_month", open))
            }
            Refusal::NotEarlier { .. } => invalid("from_month", text),
            Refusal::CreatorUnknown(creator) => {
                Self::NotFound(named("CREATOR_UNKNOWN").with("creator_id", creator))
            }
            Refusal::SubscriptionPastDue(_) => Self::Forbidden(named("SUBSCRIPTION_PAST_DUE")),
            Refusal::SubscriptionRequired(_) => Self::Forbidden(named("SUBSCRIPTION_REQUIRED")),
            Refusal::NothingToCopy { from, .. } => {
                Self::Rejected(named("NOTHING_TO_COPY").with("from_month", from))
            }
            Refusal::InsufficientFunds {
                asked,
                left,
                funded,
                ..
            } => {
                let named = named("INSUFFICIENT_FUNDS").with("left_minor", left.minor());
                let named = named.with("funded_minor", funded.minor());
                Self::Rejected(named.with("asked_minor", asked.minor()))
            }
            Refusal::SumTooLarge { needed, funded } => {
                let named = named("INSUFFICIENT_FUNDS").with("left_minor", funded.minor());
                let named = named.with("funded_minor", funded.minor());
                Self::Rejected(named.with("needed_minor", needed.minor()))
            }
            Refusal::Inconsistent(error) => bug(error),
        }
    }
}

/// Something that cannot be, unless code or stored rows are wrong.
pub fn bug(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Bug(Box::new(error))
}

/// Characters of a reason: one that quotes what was sent may be as long as that, and a refusal
/// travels in headers, of which too long ones break the caller's connection.
const REASON_MAX: usize = 400;

/// Input that is wrong whatever the state, by the name of its field.
pub fn invalid(field: &str, why: impl std::fmt::Display) -> Error {
    let why: String = why.to_string().chars().take(REASON_MAX).collect();
    let refusal = Rejection::new("INVALID_ARGUMENT", format!("{field} is not valid: {why}"));
    Error::Invalid(refusal.with("field", field))
}

/// A month before the first of all.
pub fn month_unknown(month: Month) -> Error {
    Error::NotFound(Rejection::new(
        "MONTH_UNKNOWN",
        format!("{month} is before the first month"),
    ))
}

/// Only in the moments between a first start and the clock's first reading.
pub fn no_month_yet() -> Error {
    Error::unavailable("no month has begun: the business clock was not read yet")
}
