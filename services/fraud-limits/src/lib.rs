//! Limits on payouts: check and record in one step, under the creator's lock.
//!
//! Owns reservations and blocked attempts. Announces what it blocked. Listens to nothing:
//! what it must know of a creator comes in the call.

mod config;
mod convert;
pub mod domain;
mod service;
mod store;
mod usecases;

use kit::{BootError, Parts, Running, Service, async_trait};
use wire::fraud_limits::v1::fraud_limits_service_server::FraudLimitsServiceServer;

/// The composition root.
pub struct FraudLimits;

#[async_trait]
impl Service for FraudLimits {
    const NAME: &'static str = "fraud-limits";
    const SCHEMA: &'static str = "fraud_limits";
    const DEFAULTS: &'static str = include_str!("../config.default.toml");
    type Config = config::Config;

    fn migrator() -> sqlx::migrate::Migrator {
        sqlx::migrate!()
    }

    async fn build(parts: Parts<Self::Config>) -> Result<Running, BootError> {
        let usecases = usecases::Usecases {
            store: store::Store::new(parts.pool),
            outbox: parts.outbox,
            clock: parts.clock,
            limits: parts.config.limits.into(),
        };
        let grpc = FraudLimitsServiceServer::new(service::Grpc { usecases });
        Ok(Running::default().grpc(grpc))
    }
}
