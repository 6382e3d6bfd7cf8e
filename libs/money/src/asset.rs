//! What can be counted in the books.

use std::fmt;
use std::str::FromStr;

use crate::MoneyError;

/// A thing that amounts are counted in. Amounts of different assets never meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Asset {
    /// US dollars, counted in cents.
    Usd,
    /// Streaming tokens, counted whole.
    Token,
}

impl Asset {
    pub const ALL: [Self; 2] = [Self::Usd, Self::Token];

    /// The code that databases and messages carry: `USD` or `TOKEN`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Usd => "USD",
            Self::Token => "TOKEN",
        }
    }
}

impl fmt::Display for Asset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl FromStr for Asset {
    type Err = MoneyError;

    /// Reads a code; `usd`, as Stripe writes it, is read as `USD`.
    fn from_str(code: &str) -> Result<Self, MoneyError> {
        match code {
            "USD" | "usd" => Ok(Self::Usd),
            "TOKEN" => Ok(Self::Token),
            _ => Err(MoneyError::UnknownAsset {
                code: code.to_owned(),
            }),
        }
    }
}
