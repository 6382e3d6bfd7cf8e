//! The rules of the books, and none of their rows.
//!
//! What happens in the world is a [`Fact`]. A fact knows the one [`Posting`] that it makes, and
//! the key under which it is made once and for ever. Postings balance by construction; folding
//! them, in any order, gives [`Balances`]. From balances follow what creators are owed and
//! whether the platform can pay it ([`Solvency`]); from facts, the [`ControlTotals`] that say
//! when a month is complete, and the [`Manifest`] that says how it was closed.
//!
//! Nothing here reads a clock, draws a random number, or waits.
#![deny(
    clippy::arithmetic_side_effects,
    clippy::float_arithmetic,
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::integer_division,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm
)]

mod account;
mod account_kind;
mod account_name;
mod balances;
mod control;
mod encoding;
mod error;
mod fact;
mod hold;
mod id;
mod manifest;
mod month;
mod ownership;
mod posting;
mod program;
mod rates;
mod solvency;

pub use account::Account;
pub use account_kind::{AccountKind, Class, Side};
pub use balances::{Balances, fold};
pub use control::{Control, ControlTotals, Difference};
pub use encoding::digest64;
pub use error::LedgerError;
pub use fact::{
    AllocationChanged, AttemptRefused, AttemptReturned, AttemptSettled, AttemptStep,
    BalanceTransactionKind, BalanceTransactionObserved, ChargeSettled, CreatorClosed, Fact,
    FactBody, FactKind, FundingAttributed, HoldCommitted, HoldPlaced, HoldReleased, LateEarning,
    SubscriberClosed, TransferReversed, close_creator, close_subscriber,
};
pub use hold::{HoldPart, HoldPlan, plan_hold, plan_return};
pub use id::{CreatorId, DisputeId, LotId, MoveId, PayoutId, StripeId, SubscriberId, ViewerId};
pub use manifest::{CreatorLine, Manifest};
pub use month::Month;
pub use ownership::{Owner, owner_of};
pub use posting::{Entry, Posting, PostingKey};
pub use program::Program;
pub use rates::Rates;
pub use solvency::{Obligations, Solvency};
