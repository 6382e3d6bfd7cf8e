//! Every SQL statement of this service, by noun.

mod accounts;
mod attempts;
mod carried;
mod creators;
mod floor;
mod leases;
mod payouts;
mod questions;
mod readings;
mod runs;
mod turns;

pub use attempts::Attempt;
pub use floor::FloorLease;
pub use leases::HoldLook;
pub use payouts::Mover;
pub use questions::{Filter, RunFigures};
pub use readings::{Reading, ReadingKind, Told};
pub use turns::RunLease;

use sqlx::{PgPool, Postgres, Transaction};

/// Access to schema `payout`.
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

/// What a column holds and its type does not know: someone wrote past us.
fn unreadable<E: std::error::Error + Send + Sync + 'static>(error: E) -> sqlx::Error {
    sqlx::Error::Decode(Box::new(error))
}
