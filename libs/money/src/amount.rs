//! Amounts: money that is moved.

use std::cmp::Ordering;
use std::fmt;

use crate::balance::write_minor;
use crate::{Asset, MoneyError};

/// Money on its way from one account to another; never negative.
///
/// Direction is not a sign: an entry says debit or credit. For a figure that may fall below
/// zero see [`Balance`](crate::Balance), which can be read but not moved.
///
/// The count lies in `0..=i64::MAX` by construction, so that a `bigint` column and an `int64`
/// field always have room for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Amount {
    minor: i64,
    asset: Asset,
}

impl Amount {
    /// Takes a count of minor units from outside. Errors: `Negative`.
    pub const fn try_new(minor: i64, asset: Asset) -> Result<Self, MoneyError> {
        if minor < 0 {
            return Err(MoneyError::Negative);
        }
        Ok(Self { minor, asset })
    }

    /// US dollars from a literal number of cents.
    pub const fn usd(cents: u32) -> Self {
        Self {
            minor: widen(cents),
            asset: Asset::Usd,
        }
    }

    /// Streaming tokens from a literal number.
    pub const fn tokens(count: u32) -> Self {
        Self {
            minor: widen(count),
            asset: Asset::Token,
        }
    }

    pub const fn zero(asset: Asset) -> Self {
        Self { minor: 0, asset }
    }

    /// The count of minor units, never negative.
    pub const fn minor(self) -> i64 {
        self.minor
    }

    pub const fn asset(self) -> Asset {
        self.asset
    }

    pub const fn is_zero(self) -> bool {
        self.minor == 0
    }

    /// Errors: `AssetMismatch`, `Overflow`.
    pub fn checked_add(self, rhs: Self) -> Result<Self, MoneyError> {
        self.same_asset(rhs)?;
        let minor = self
            .minor
            .checked_add(rhs.minor)
            .ok_or(MoneyError::Overflow)?;
        Ok(Self { minor, ..self })
    }

    /// Errors: `AssetMismatch`, `Negative`.
    pub fn checked_sub(self, rhs: Self) -> Result<Self, MoneyError> {
        self.same_asset(rhs)?;
        // Both sides are at least zero, so the difference cannot leave an i64.
        let minor = self
            .minor
            .checked_sub(rhs.minor)
            .ok_or(MoneyError::Overflow)?;
        Self::try_new(minor, self.asset)
    }

    /// Adds up amounts of one asset; of none at all, zero. Errors: `AssetMismatch`, `Overflow`.
    pub fn checked_sum(
        asset: Asset,
        amounts: impl IntoIterator<Item = Self>,
    ) -> Result<Self, MoneyError> {
        amounts
            .into_iter()
            .try_fold(Self::zero(asset), Self::checked_add)
    }

    /// The smaller of two amounts. Errors: `AssetMismatch`.
    pub fn min(self, rhs: Self) -> Result<Self, MoneyError> {
        self.same_asset(rhs)?;
        Ok(if rhs.minor < self.minor { rhs } else { self })
    }

    pub(crate) fn same_asset(self, rhs: Self) -> Result<(), MoneyError> {
        if self.asset == rhs.asset {
            return Ok(());
        }
        Err(MoneyError::AssetMismatch {
            left: self.asset,
            right: rhs.asset,
        })
    }
}

/// Amounts of one asset are ordered; amounts of two assets are neither less nor greater.
impl PartialOrd for Amount {
    fn partial_cmp(&self, rhs: &Self) -> Option<Ordering> {
        (self.asset == rhs.asset).then(|| self.minor.cmp(&rhs.minor))
    }
}

/// `$12.34`, or `5 tokens`.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_minor(f, self.minor, self.asset)
    }
}

/// `i64::from` is not yet callable in a constant; bytes are, and need no `as`.
const fn widen(count: u32) -> i64 {
    let [a, b, c, d] = count.to_be_bytes();
    i64::from_be_bytes([0, 0, 0, 0, a, b, c, d])
}
