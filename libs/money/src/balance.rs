//! Balances: figures that are derived from entries, and may be below zero.

use std::fmt;

use crate::{Amount, Asset, MoneyError};

/// A signed figure in one asset. It can be read and compared, and never moved: what moves is
/// an [`Amount`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Balance {
    minor: i64,
    asset: Asset,
}

impl Balance {
    pub const fn new(minor: i64, asset: Asset) -> Self {
        Self { minor, asset }
    }

    pub const fn zero(asset: Asset) -> Self {
        Self { minor: 0, asset }
    }

    /// The signed count of minor units.
    pub const fn minor(self) -> i64 {
        self.minor
    }

    pub const fn asset(self) -> Asset {
        self.asset
    }

    pub const fn is_zero(self) -> bool {
        self.minor == 0
    }

    pub const fn is_negative(self) -> bool {
        self.minor < 0
    }

    /// Errors: `AssetMismatch`, `Overflow`.
    pub fn checked_add(self, rhs: Self) -> Result<Self, MoneyError> {
        self.combine(rhs, i64::checked_add)
    }

    /// Errors: `AssetMismatch`, `Overflow`.
    pub fn checked_sub(self, rhs: Self) -> Result<Self, MoneyError> {
        self.combine(rhs, i64::checked_sub)
    }

    /// How far from zero, without the sign. Errors: `Overflow`.
    pub fn magnitude(self) -> Result<Amount, MoneyError> {
        let minor = self.minor.checked_abs().ok_or(MoneyError::Overflow)?;
        Amount::try_new(minor, self.asset)
    }

    /// The same figure as an amount to be moved. Errors: `Negative`.
    pub fn to_amount(self) -> Result<Amount, MoneyError> {
        Amount::try_new(self.minor, self.asset)
    }

    fn combine(self, rhs: Self, op: fn(i64, i64) -> Option<i64>) -> Result<Self, MoneyError> {
        if self.asset != rhs.asset {
            return Err(MoneyError::AssetMismatch {
                left: self.asset,
                right: rhs.asset,
            });
        }
        let minor = op(self.minor, rhs.minor).ok_or(MoneyError::Overflow)?;
        Ok(Self { minor, ..self })
    }
}

impl From<Amount> for Balance {
    fn from(amount: Amount) -> Self {
        Self {
            minor: amount.minor(),
            asset: amount.asset(),
        }
    }
}

/// `$12.34`, `-$0.10`, or `5 tokens`.
impl fmt::Display for Balance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_minor(f, self.minor, self.asset)
    }
}

pub(crate) fn write_minor(f: &mut fmt::Formatter<'_>, minor: i64, asset: Asset) -> fmt::Result {
    let sign = if minor < 0 { "-" } else { "" };
    let size = minor.unsigned_abs();
    match asset {
        Asset::Usd => {
            // A hundred is not zero, so neither half of the division can fail.
            let dollars = size.checked_div(100).unwrap_or_default();
            let cents = size.checked_rem(100).unwrap_or_default();
            write!(f, "{sign}${dollars}.{cents:02}")
        }
        Asset::Token if size == 1 => write!(f, "{sign}1 token"),
        Asset::Token => write!(f, "{sign}{size} tokens"),
    }
}
