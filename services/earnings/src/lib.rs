//! The ledger: postings and balances, holds for payouts, and the close of months.
//!
//! Owns the books. Announces months that were closed and months that cannot be. Listens to
//! everyone whose facts move money: each fact is posted once, under its own key, in any order.

mod config;
mod convert;
mod domain;
mod service;
mod store;
mod subscriber;
mod usecases;
mod worker;

use kit::{BootError, Parts, Running, Service, async_trait};
use wire::earnings::v1::earnings_service_server::EarningsServiceServer;

pub use domain::batch::{Occurred, Outcome, Refusal};
pub use store::Store;
pub use usecases::Books;

/// The composition root.
pub struct Earnings;

#[async_trait]
impl Service for Earnings {
    const NAME: &'static str = "earnings";
    const SCHEMA: &'static str = "earnings";
    const DEFAULTS: &'static str = include_str!("../config.default.toml");
    type Config = config::Config;

    fn migrator() -> sqlx::migrate::Migrator {
        sqlx::migrate!()
    }

    async fn build(parts: Parts<Self::Config>) -> Result<Running, BootError> {
        let store = Store::new(parts.pool);
        let usecases = usecases::Usecases {
            books: Books::new(store.clone()),
            store,
            outbox: parts.outbox,
            clock: parts.clock,
            desk: usecases::Desk::default(),
            rates: parts.config.rates().map_err(BootError::Config)?,
            lines_per_turn: parts.config.close.lines_per_turn,
        };
        let grpc = EarningsServiceServer::new(service::Grpc {
            usecases: usecases.clone(),
        });
        Ok(Running::default()
            .grpc(grpc)
            .subscriber(
                "billing",
                subscriber::Cash {
                    usecases: usecases.clone(),
                },
            )
            .subscriber(
                "allocation",
                subscriber::Attribution {
                    usecases: usecases.clone(),
                },
            )
            .subscriber(
                "payout",
                subscriber::Attempts {
                    usecases: usecases.clone(),
                },
            )
            .subscriber(
                "balance_monitor",
                subscriber::Observed {
                    usecases: usecases.clone(),
                },
            )
            .worker(worker::Closer::new(usecases, parts.pulse)))
    }
}
