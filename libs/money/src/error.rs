//! Every reason for which money refuses to be made, added, or divided.

use crate::Asset;

/// A refusal. Where several apply, the one that stands first here is given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// The text names no asset of the books.
    #[error("unknown asset {code:?}: known are USD and TOKEN")]
    UnknownAsset { code: String },
    /// Two assets meet where one is needed.
    #[error("{left} and {right} are different assets")]
    AssetMismatch { left: Asset, right: Asset },
    /// A rate outside 0 to 10 000 basis points.
    #[error("{bps} basis points are not between 0 and 10000")]
    BasisPointsOutOfRange { bps: u32 },
    /// Nobody to divide among: no weight is above zero.
    #[error("an amount cannot be split when no weight is above zero")]
    NoWeights,
    /// An amount would fall below zero.
    #[error("an amount cannot be negative")]
    Negative,
    /// A figure would leave the range of a 64-bit integer.
    #[error("the figure is too large to be counted in minor units")]
    Overflow,
}
