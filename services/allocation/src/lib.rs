//! Where subscribers' money is directed, and the lock and the seal of each month.
//!
//! Owns months, pools, allocations, and which charge funds which pool; it alone stamps program
//! and month. Announces funding, changes and seals. Listens to billing's charges, subscriptions
//! and cuts, and to payout's registry of creators.

mod config;
mod convert;
pub mod domain;
mod error;
mod service;
mod store;
mod subscriber;
mod usecases;
mod worker;

use kit::{BootError, Parts, Running, Service, async_trait};
use wire::allocation::v1::allocation_service_server::AllocationServiceServer;

/// The composition root.
pub struct Allocation;

#[async_trait]
impl Service for Allocation {
    const NAME: &'static str = "allocation";
    const SCHEMA: &'static str = "allocation";
    const DEFAULTS: &'static str = include_str!("../config.default.toml");
    type Config = config::Config;

    fn migrator() -> sqlx::migrate::Migrator {
        sqlx::migrate!()
    }

    async fn build(parts: Parts<Self::Config>) -> Result<Running, BootError> {
        let store = store::Store::new(parts.pool);
        let keep_days = parts.config.idempotency.keep_days;
        let clock = parts.clock.clone();
        let usecases = usecases::Usecases::new(store, parts.outbox, parts.clock);
        // Before the first call, if the clock can be read; else the lock's loop does it.
        usecases.begin_first_month().await?;
        Ok(Running::default()
            .subscriber(
                "billing",
                subscriber::Billing {
                    usecases: usecases.clone(),
                },
            )
            .subscriber(
                "payout",
                subscriber::Payout {
                    usecases: usecases.clone(),
                },
            )
            .worker(worker::LockMonths {
                usecases: usecases.clone(),
            })
            .worker(worker::SealMonths::new(usecases.clone()))
            .worker(worker::ForgetAnswers::new(
                usecases.clone(),
                clock,
                keep_days,
            ))
            .grpc(AllocationServiceServer::new(service::Grpc { usecases })))
    }
}
