//! Money out: the only service that moves money to creators, and the registry of creators.
//!
//! Owns creators, their connected accounts, runs, payouts and their attempts. Announces creators,
//! accounts, payouts, and to the books what became of each attempt. Listens to Stripe's events
//! and to the close of months. Holds are in the books (`earnings`), limits in `fraud-limits`.

mod announce;
mod config;
mod convert;
pub mod domain;
mod lease;
mod orders;
mod service;
mod store;
mod subscriber;
mod usecases;
mod worker;

use std::time::Duration;

use kit::{BootError, Parts, Running, Service, async_trait};
use money::{Amount, Asset};
use stripe::{Stripe, StripeConfig};
use wire::earnings::v1::earnings_service_client::EarningsServiceClient;
use wire::fraud_limits::v1::fraud_limits_service_client::FraudLimitsServiceClient;
use wire::payout::v1::payout_service_server::PayoutServiceServer;

use crate::usecases::Usecases;

/// The composition root.
pub struct Payout;

/// Later than this, an answer is taken for lost.
const STRIPE_TIMEOUT: Duration = Duration::from_secs(20);

#[async_trait]
impl Service for Payout {
    const NAME: &'static str = "payout";
    const SCHEMA: &'static str = "payout";
    const DEFAULTS: &'static str = include_str!("../config.default.toml");
    type Config = config::Config;

    fn migrator() -> sqlx::migrate::Migrator {
        sqlx::migrate!()
    }

    async fn build(parts: Parts<Self::Config>) -> Result<Running, BootError> {
        let store = store::Store::new(parts.pool.clone());
        let usecases = usecases(parts, store.clone())?;
        let grpc = PayoutServiceServer::new(service::Grpc {
            usecases: usecases.clone(),
        });
        Ok(Running::default()
            .grpc(grpc)
            .subscriber(
                "webhook_ingest",
                subscriber::StripeEvents {
                    store: store.clone(),
                },
            )
            .subscriber("earnings", subscriber::Closes { store })
            .worker(worker::Planner(usecases.clone()))
            .worker(worker::Sender(usecases.clone()))
            .worker(worker::Reader(usecases.clone()))
            .worker(worker::Floor::new(usecases.clone()))
            .worker(worker::Holds(usecases)))
    }
}

fn usecases(parts: Parts<config::Config>, store: store::Store) -> Result<Usecases, BootError> {
    let config::Stripe {
        base_url,
        secret_key,
    } = parts.config.stripe;
    let mut stripe = StripeConfig::new(base_url, secret_key);
    stripe.timeout = STRIPE_TIMEOUT;
    let wrong = |why: &dyn std::fmt::Display| BootError::Config(why.to_string());
    let least = Amount::try_new(parts.config.run.payout_min_minor, Asset::Usd);
    let request_least = Amount::try_new(parts.config.request.payout_min_minor, Asset::Usd);
    Ok(Usecases {
        store,
        outbox: parts.outbox,
        clock: parts.clock,
        stripe: Stripe::new(stripe).map_err(|error| wrong(&error))?,
        earnings: EarningsServiceClient::new(parts.peers.connect("earnings")?),
        limits: FraudLimitsServiceClient::new(parts.peers.connect("fraud-limits")?),
        payout_min: least.map_err(|error| wrong(&error))?,
        request_min: request_least.map_err(|error| wrong(&error))?,
    })
}
