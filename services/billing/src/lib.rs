//! Subscribers' money coming in: checkouts, subscriptions, charges, and the month's cash.
//!
//! Owns customers, checkouts, subscriptions and charges. Announces charges that have settled,
//! subscriptions that changed, and each month of which all charges are known. Listens to
//! Stripe's events and reads back from Stripe what they name.

mod config;
mod convert;
pub mod domain;
mod service;
mod store;
mod subscriber;
mod usecases;
mod worker;

use std::sync::Arc;

use kit::{BootError, Parts, Running, Service, async_trait};
use stripe::{Stripe, StripeConfig};
use wire::billing::v1::billing_service_server::BillingServiceServer;

/// The composition root.
pub struct Billing;

#[async_trait]
impl Service for Billing {
    const NAME: &'static str = "billing";
    const SCHEMA: &'static str = "billing";
    const DEFAULTS: &'static str = include_str!("../config.default.toml");
    type Config = config::Config;

    fn migrator() -> sqlx::migrate::Migrator {
        sqlx::migrate!()
    }

    async fn build(parts: Parts<Self::Config>) -> Result<Running, BootError> {
        kit::http::install_tls();
        let settings = parts.config.stripe.clone();
        let stripe = Stripe::new(StripeConfig::new(settings.base_url, settings.secret_key))
            .map_err(|refused| BootError::Config(format!("stripe: {refused}")))?;
        let plans = parts.config.plans().map_err(BootError::Config)?;
        parts.config.warn_of_losses(&plans);
        let offer = usecases::Offer {
            allow_promotion_codes: parts.config.checkout.allow_promotion_codes,
            tax_rates: parts.config.tax_rates().map_err(BootError::Config)?,
        };
        let usecases = usecases::Usecases {
            store: store::Store::new(parts.pool),
            outbox: parts.outbox,
            clock: parts.clock,
            stripe,
            plans: Arc::new(plans),
            offer: Arc::new(offer),
        };
        let grpc = BillingServiceServer::new(service::Grpc {
            usecases: usecases.clone(),
        });
        let events = subscriber::StripeEvents {
            store: usecases.store.clone(),
        };
        Ok(Running::default()
            .grpc(grpc)
            .subscriber("webhook_ingest", events)
            .worker(worker::Readings {
                usecases: usecases.clone(),
            })
            .worker(worker::Months { usecases }))
    }
}
