//! The rules of this service, as functions of their arguments. Those of the books themselves
//! are libs/ledger's.
#![deny(
    clippy::arithmetic_side_effects,
    clippy::float_arithmetic,
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::integer_division,
    clippy::wildcard_enum_match_arm
)]

pub mod asked;
pub mod batch;
pub mod difference;
pub mod history;
pub mod hold;
pub mod month;
pub mod solvency;
