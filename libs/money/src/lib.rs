//! Money as the books know it: whole minor units of one asset, and the ways to divide them.
//!
//! There is no `impl Add`: adding money can fail, so it says so. There is no rounding either:
//! [`Amount::split`] is the only way to divide, and it loses nothing. An [`Amount`] is moved and
//! is never negative; a [`Balance`] is derived and may be.
#![deny(
    clippy::arithmetic_side_effects,
    clippy::float_arithmetic,
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::integer_division,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm
)]

mod amount;
mod asset;
mod balance;
mod basis_points;
mod error;
mod split;

pub use amount::Amount;
pub use asset::Asset;
pub use balance::Balance;
pub use basis_points::BasisPoints;
pub use error::MoneyError;
pub use split::{Fee, split_fee};
