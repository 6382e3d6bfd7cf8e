//! The three ways to earn.

use std::fmt;
use std::str::FromStr;

use crate::LedgerError;

/// A way in which a subscriber's money is attributed to creators. Ordered as their names are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Program {
    /// Cents of a monthly plan, directed by the subscriber.
    Allocation,
    /// A fixed price for a subscriber's first copy of a premium flow in a month.
    Copies,
    /// Tokens, bought ahead and spent by the minute.
    Streaming,
}

impl Program {
    pub const ALL: [Self; 3] = [Self::Allocation, Self::Copies, Self::Streaming];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allocation => "allocation",
            Self::Copies => "copies",
            Self::Streaming => "streaming",
        }
    }

    /// Whether the program has pools: funded by charges, directed, closed with the month.
    pub const fn has_pools(self) -> bool {
        match self {
            Self::Allocation | Self::Copies => true,
            Self::Streaming => false,
        }
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Program {
    type Err = LedgerError;

    fn from_str(text: &str) -> Result<Self, LedgerError> {
        let found = Self::ALL
            .into_iter()
            .find(|program| program.as_str() == text);
        found.ok_or_else(|| LedgerError::ProgramUnknown {
            text: text.to_owned(),
        })
    }
}
