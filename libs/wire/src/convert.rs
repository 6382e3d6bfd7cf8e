//! Between protobuf's shapes and ours. Each direction refuses rather than guesses.

use money::{Amount, Asset};
use prost_types::Timestamp;
use time::OffsetDateTime;

use crate::money::v1::Money;

/// Why a message could not become a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConvertError {
    #[error("{0} is missing")]
    Missing(&'static str),
    #[error("{field} is not valid: {why}")]
    Invalid { field: &'static str, why: String },
}

/// A protobuf timestamp as an instant in UTC.
///
/// # Errors
/// `Missing` when absent, `Invalid` when out of range.
pub fn instant(
    field: &'static str,
    value: Option<Timestamp>,
) -> Result<OffsetDateTime, ConvertError> {
    let value = value.ok_or(ConvertError::Missing(field))?;
    let whole = OffsetDateTime::from_unix_timestamp(value.seconds)
        .map_err(|error| invalid(field, &error))?;
    let nanos = u32::try_from(value.nanos).map_err(|error| invalid(field, &error))?;
    whole
        .replace_nanosecond(nanos)
        .map_err(|error| invalid(field, &error))
}

/// An instant as a protobuf timestamp.
#[must_use]
pub fn timestamp(instant: OffsetDateTime) -> Timestamp {
    Timestamp {
        seconds: instant.unix_timestamp(),
        nanos: i32::try_from(instant.nanosecond()).unwrap_or(0),
    }
}

/// Minor units and a currency code as an amount.
///
/// # Errors
/// `Invalid` for a negative number or an unknown currency.
pub fn amount(field: &'static str, minor: i64, currency: &str) -> Result<Amount, ConvertError> {
    let asset: Asset = currency
        .parse()
        .map_err(|error: money::MoneyError| invalid(field, &error))?;
    Amount::try_new(minor, asset).map_err(|error| invalid(field, &error))
}

/// An amount as a message.
#[must_use]
pub fn money(amount: Amount) -> Money {
    Money {
        minor_units: amount.minor(),
        currency: amount.asset().code().to_owned(),
    }
}

fn invalid(field: &'static str, why: &dyn std::fmt::Display) -> ConvertError {
    ConvertError::Invalid {
        field,
        why: why.to_string(),
    }
}
