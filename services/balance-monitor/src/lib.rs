//! The balance at Stripe: what moved it, what it is worth, and what is wrong with it.
//!
//! Owns the list of Stripe's balance transactions, the snapshots of the balance beside the books,
//! and the alerts. Announces balance transactions that no other service accounts for, and alerts
//! raised and resolved. Listens to Stripe's events, as hints that the balance may have moved, and
//! to earnings' closes. Calls earnings for the books' side. Reads Stripe and never writes there.

mod config;
mod convert;
pub mod domain;
mod service;
mod store;
mod subscriber;
mod usecases;
mod worker;

use kit::{BootError, Parts, Running, Service, async_trait};
use stripe::{Stripe, StripeConfig};
use wire::balance_monitor::v1::balance_monitor_service_server::BalanceMonitorServiceServer;
use wire::earnings::v1::earnings_service_client::EarningsServiceClient;

use crate::subscriber::{Closes, StripeEvents};

/// The composition root.
pub struct BalanceMonitor;

#[async_trait]
impl Service for BalanceMonitor {
    const NAME: &'static str = "balance-monitor";
    const SCHEMA: &'static str = "balance_monitor";
    const DEFAULTS: &'static str = include_str!("../config.default.toml");
    type Config = config::Config;

    fn migrator() -> sqlx::migrate::Migrator {
        sqlx::migrate!()
    }

    async fn build(parts: Parts<Self::Config>) -> Result<Running, BootError> {
        let config = parts.config;
        let usecases = usecases::Usecases {
            store: store::Store::new(parts.pool),
            outbox: parts.outbox,
            clock: parts.clock,
            stripe: client(&config.stripe)?,
            earnings: EarningsServiceClient::new(parts.peers.connect("earnings")?),
            every: config.check.every(),
        };
        let grpc = BalanceMonitorServiceServer::new(service::Grpc {
            usecases: usecases.clone(),
        });
        Ok(Running::default()
            .grpc(grpc)
            .subscriber(
                "webhook_ingest",
                StripeEvents {
                    usecases: usecases.clone(),
                },
            )
            .subscriber(
                "earnings",
                Closes {
                    usecases: usecases.clone(),
                },
            )
            .worker(worker::Watch { usecases }))
    }
}

fn client(config: &config::Stripe) -> Result<Stripe, BootError> {
    Stripe::new(StripeConfig::new(
        config.base_url.clone(),
        config.secret_key.clone(),
    ))
    .map_err(|error| BootError::Config(format!("stripe: {error}")))
}
