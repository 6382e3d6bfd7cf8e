//! Rates in hundredths of a per cent.

use std::fmt;

use crate::MoneyError;

/// A share of a whole in basis points, 0 to 10 000: 700 is 7 %.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BasisPoints(u16);

impl BasisPoints {
    pub const ZERO: Self = Self(0);
    /// All of it: 10 000 basis points.
    pub const WHOLE: Self = Self(10_000);

    /// Errors: `BasisPointsOutOfRange` above 10 000.
    pub fn try_new(bps: u32) -> Result<Self, MoneyError> {
        u16::try_from(bps)
            .ok()
            .filter(|bps| *bps <= Self::WHOLE.0)
            .map(Self)
            .ok_or(MoneyError::BasisPointsOutOfRange { bps })
    }

    pub fn get(self) -> u32 {
        u32::from(self.0)
    }

    /// What is left of the whole: of 700, 9 300.
    pub const fn complement(self) -> Self {
        Self(Self::WHOLE.0.saturating_sub(self.0))
    }
}

/// `700 bps`
impl fmt::Display for BasisPoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bps", self.0)
    }
}
