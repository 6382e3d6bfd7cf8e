//! Stripe's events: verified over their raw bytes, stored once, then announced.
//!
//! Owns the events as they were received. Announces each of them, and each month of which no
//! more will be counted. Listens to nobody and calls nobody: an event is acknowledged to
//! Stripe when it is in the database, whatever else is down.

mod config;
mod convert;
pub mod domain;
mod public;
mod service;
mod store;
mod tally;
mod usecases;
mod worker;
mod writer;

use std::sync::Arc;

use kit::{BootError, Parts, Running, Service, async_trait};
use wire::webhook_ingest::v1::webhook_ingest_service_server::WebhookIngestServiceServer;

/// The composition root.
pub struct WebhookIngest;

#[async_trait]
impl Service for WebhookIngest {
    const NAME: &'static str = "webhook-ingest";
    const SCHEMA: &'static str = "webhook_ingest";
    const DEFAULTS: &'static str = include_str!("../config.default.toml");
    type Config = config::Config;

    fn migrator() -> sqlx::migrate::Migrator {
        sqlx::migrate!()
    }

    async fn build(parts: Parts<Self::Config>) -> Result<Running, BootError> {
        let secrets = parts
            .config
            .webhooks
            .signing_secrets()
            .map_err(BootError::Config)?;
        let usecases = usecases::Usecases {
            store: store::Store::new(parts.pool),
            outbox: parts.outbox,
            grace: parts.config.ingest.grace(&parts.clock),
            clock: parts.clock,
            tally: Arc::default(),
        };
        let door = public::Door {
            secrets,
            livemode: parts.config.webhooks.livemode,
            clock: usecases.clock.clone(),
            tally: Arc::clone(&usecases.tally),
            queue: writer::start(usecases.clone(), parts.pulse),
        };
        let grpc = WebhookIngestServiceServer::new(service::Grpc {
            usecases: usecases.clone(),
        });
        Ok(Running::default()
            .grpc(grpc)
            .public(public::router(door))
            .worker(worker::Months { usecases }))
    }
}
