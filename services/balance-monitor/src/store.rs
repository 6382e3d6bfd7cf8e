//! Every SQL statement of this service, by noun.

mod alert;
mod snapshot;
mod transaction;
mod watch;

use sqlx::{PgPool, Postgres, Transaction};

pub use alert::{Alert, AlertFilter};
pub use snapshot::Snapshot;
pub use watch::Ticket;

/// Access to schema `balance_monitor`.
#[derive(Clone)]
pub struct Store {
    pool: PgPool,
}

impl Store {
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    pub async fn begin(&self) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        self.pool.begin().await
    }
}
