//! What every service needs and none should write again: boot, configuration, telemetry,
//! readiness, the two clocks, the pool, tokens between services, loops and shutdown.
//!
//! A service implements [`Service`] and its `main` is `kit::run::<Payout>()`. The order of
//! a start and of a stop stands in `boot.rs`, once.

mod assembly;
mod boot;
mod clock;
pub mod config;
pub mod context;
mod error;
pub mod http;
pub mod ids;
mod peers;
pub mod postgres;
mod readiness;
mod server;
mod service;
mod settle;
mod telemetry;
mod tokens;
mod worker;

pub use boot::{Started, run, start};
pub use clock::Clock;
pub use context::spawn;
pub use error::{Error, Rejection, is_lost, reason_of};
pub use peers::{Peer, Peers};
pub use service::{BootError, Parts, Running, Service, Validate};
pub use tokens::edges;
pub use worker::{Turn, Worker};

/// What services need of these crates, so that they agree on one version.
pub use async_trait::async_trait;
pub use secrecy::{ExposeSecret, SecretString};
pub use tokio_util::sync::CancellationToken;
