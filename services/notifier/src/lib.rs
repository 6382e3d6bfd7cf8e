//! Notices for people: what happened to their money, in words.
//!
//! Owns the notices. Announces each of them. Listens to payout: a payout that is sent, paid or
//! failed becomes one notice of that kind for the creator. Calls nobody: all that a notice says
//! comes in the fact.

mod config;
mod convert;
pub mod domain;
mod service;
mod store;
mod subscriber;
mod usecases;

use kit::{BootError, Parts, Running, Service, async_trait};
use wire::notifier::v1::notifier_service_server::NotifierServiceServer;

/// The composition root.
pub struct Notifier;

#[async_trait]
impl Service for Notifier {
    const NAME: &'static str = "notifier";
    const SCHEMA: &'static str = "notifier";
    const DEFAULTS: &'static str = include_str!("../config.default.toml");
    type Config = config::Config;

    fn migrator() -> sqlx::migrate::Migrator {
        sqlx::migrate!()
    }

    async fn build(parts: Parts<Self::Config>) -> Result<Running, BootError> {
        let usecases = usecases::Usecases {
            store: store::Store::new(parts.pool),
            outbox: parts.outbox,
        };
        let grpc = NotifierServiceServer::new(service::Grpc {
            usecases: usecases.clone(),
        });
        Ok(Running::default()
            .grpc(grpc)
            .subscriber("payout", subscriber::Payouts { usecases }))
    }
}
