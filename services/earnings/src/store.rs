//! Every SQL statement of this service, by noun.

mod account;
mod close;
mod hold;
mod month;
mod posting;
mod read;
mod solvency;

use std::sync::Arc;

use ledger::{LedgerError, Month, Program};
use money::{Amount, Asset};
use sqlx::{PgPool, Postgres, Transaction};

pub use read::Payable;

/// Access to schema `earnings`. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    pool: PgPool,
    accounts: Arc<account::Cache>,
}

impl Store {
    pub fn new(pool: PgPool) -> Self {
        Self {
            pool,
            accounts: Arc::default(),
        }
    }

    /// # Errors
    /// The database's.
    pub async fn begin(&self) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        self.pool.begin().await
    }

    /// For answers of several statements that must agree with one another.
    pub async fn begin_snapshot(&self) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        self.pool
            .begin_with("begin isolation level repeatable read read only")
            .await
    }
}

/// Constraints that a second writer of the same thing meets. The whole transaction is begun
/// again: it then finds what the first one wrote.
const RACED: [&str; 3] = ["posting__pk", "posting__txn_once", "hold__pk"];

/// Whether the same transaction, begun again, may pass.
pub fn is_raced(error: &sqlx::Error) -> bool {
    let Some(error) = error.as_database_error() else {
        return false;
    };
    let collided = error
        .code()
        .is_some_and(|code| code == "40001" || code == "40P01");
    collided || error.constraint().is_some_and(|name| RACED.contains(&name))
}

/// A column that holds what no code of ours wrote.
fn unreadable(error: impl std::error::Error + Send + Sync + 'static) -> sqlx::Error {
    sqlx::Error::Decode(Box::new(error))
}

fn month_of(column: i32) -> Result<Month, sqlx::Error> {
    Month::from_i32(column).map_err(unreadable)
}

fn program_of(column: &str) -> Result<Program, sqlx::Error> {
    column
        .parse()
        .map_err(|error: LedgerError| unreadable(error))
}

fn usd(minor: i64) -> Result<Amount, sqlx::Error> {
    Amount::try_new(minor, Asset::Usd).map_err(unreadable)
}
