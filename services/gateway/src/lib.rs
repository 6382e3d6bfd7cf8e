//! REST in front of the services: tokens, roles, problem details, OpenAPI from the code.
//!
//! Owns nothing but the record of what it acknowledged. Decides nothing about money: every
//! rule is the business of the service behind it.

#![expect(
    clippy::result_large_err,
    reason = "a problem is made once a request, to be its answer"
)]

mod acknowledged;
mod advance;
mod auth;
mod body;
mod config;
mod problem;
pub mod rest;
mod store;

use std::sync::Arc;
use std::time::Duration;

use kit::{BootError, Clock, Parts, Peer, Running, Service, async_trait};

use acknowledged::Acknowledged;
use advance::Advance;
use auth::Verifier;

/// What every handler has at hand. Cheap to clone.
#[derive(Clone)]
pub struct Gate {
    verifier: Verifier,
    acknowledged: Acknowledged,
    redirects: Arc<config::Redirects>,
    body_bytes_max: usize,
    body_patience: Duration,
    clock: Clock,
    advance: Advance,
    billing: Peer,
    allocation: Peer,
    earnings: Peer,
    payout: Peer,
    balance_monitor: Peer,
    notifier: Peer,
}

/// The composition root.
pub struct Gateway;

#[async_trait]
impl Service for Gateway {
    const NAME: &'static str = "gateway";
    const SCHEMA: &'static str = "gateway";
    const DEFAULTS: &'static str = include_str!("../config.default.toml");
    type Config = config::Config;

    fn migrator() -> sqlx::migrate::Migrator {
        sqlx::migrate!()
    }

    async fn build(parts: Parts<Self::Config>) -> Result<Running, BootError> {
        let Parts {
            config,
            pool,
            clock,
            peers,
            ..
        } = parts;
        let gate = Gate {
            verifier: Verifier::new(&config.auth),
            acknowledged: Acknowledged { pool },
            redirects: Arc::new(config.redirects),
            body_bytes_max: config.requests.body_bytes_max,
            body_patience: Duration::from_millis(config.requests.body_patience_ms),
            advance: Advance::new(clock.clone(), &peers, config.requests.advance_patience_ms)?,
            clock,
            billing: peers.connect("billing")?,
            allocation: peers.connect("allocation")?,
            earnings: peers.connect("earnings")?,
            payout: peers.connect("payout")?,
            balance_monitor: peers.connect("balance-monitor")?,
            notifier: peers.connect("notifier")?,
        };
        Ok(Running::default().public(rest::router(gate)))
    }
}
