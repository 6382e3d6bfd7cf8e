//! REST in front of the services: tokens, roles, limits, problem details, OpenAPI from the code.
//!
//! Owns nothing but the record of what it acknowledged and the replies that it repeats. Decides
//! nothing about money: every rule is the business of the service behind it.

#![expect(
    clippy::result_large_err,
    reason = "a problem is made once a request, to be its answer"
)]

mod advance;
mod answer;
mod auth;
mod body;
mod config;
mod docs;
mod edge;
mod input;
mod limits;
mod openapi;
mod policy;
mod problem;
mod redirects;
pub mod rest;
mod store;
mod worker;
mod write;

use std::sync::Arc;
use std::time::Duration;

use kit::{BootError, Clock, Parts, Peer, Running, Service, async_trait};

use advance::Advance;
use auth::Verifier;
use limits::Limits;
use policy::Policy;
use redirects::Redirects;
use store::Store;
use worker::Sweeper;

/// What every handler has at hand. Cheap to clone.
#[derive(Clone)]
pub struct Gate {
    verifier: Verifier,
    policy: Arc<Policy>,
    limits: Limits,
    store: Store,
    redirects: Arc<Redirects>,
    requests: config::Requests,
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
        let store = Store {
            pool,
            lease: Duration::from_millis(config.idempotency.lease_ms.into()),
        };
        let (routes, document) = rest::described(clock.is_sandbox());
        let gate = Gate {
            verifier: Verifier::new(&config.auth),
            policy: Arc::new(Policy::of(&document)),
            limits: Limits::new(config.limits),
            store: store.clone(),
            redirects: Arc::new(config.redirects),
            requests: config.requests,
            advance: Advance::new(clock.clone(), &peers, config.requests.advance_patience_ms)?,
            clock,
            billing: peers.connect("billing")?,
            allocation: peers.connect("allocation")?,
            earnings: peers.connect("earnings")?,
            payout: peers.connect("payout")?,
            balance_monitor: peers.connect("balance-monitor")?,
            notifier: peers.connect("notifier")?,
        };
        let sweeper = Sweeper {
            store,
            keep_days: config.idempotency.keep_days,
        };
        let public = rest::router(gate, routes, &document);
        Ok(Running::default().public(public).worker(sweeper))
    }
}
