//! The contracts between services: generated messages, clients and servers, the
//! spine of event subjects, and conversions at the edge of the money types.
//!
//! Nothing here decides anything. A message becomes a domain value in a service's
//! `convert.rs`, which refuses what is missing.

mod convert;
mod event;
pub mod facts;

pub use convert::{ConvertError, amount, instant, money, timestamp};
pub use event::{Event, STREAMS};

#[expect(
    clippy::allow_attributes_without_reason,
    clippy::as_conversions,
    reason = "generated code"
)]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/contracts.rs"));
}

pub use generated::tributary::*;
