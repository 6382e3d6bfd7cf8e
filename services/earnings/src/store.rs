//! Every SQL statement of this service, by noun.

mod account;
mod balance;
mod close;
mod comeback;
mod hold;
mod journal;
mod line;
mod month;
mod obligation;
mod posting;
mod read;
mod revenue;
mod solvency;

use std::sync::Arc;

use ledger::{LedgerError, Month, Program, Rates};
use money::{Amount, Asset, BasisPoints};
use sqlx::{PgPool, Postgres, Transaction};

pub use balance::AccountBalance;
pub use journal::{JournalEntry, JournalPosting};
pub use line::ManifestLine;
pub use obligation::{Obligations, Owed};
pub use read::Payable;
pub use revenue::RevenueLine;

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

/// Of each program, what its fee leaves a creator, as parameters of a statement.
fn kept(rates: Rates) -> [i32; 3] {
    Program::ALL.map(|program| bps(rates.fee(program).complement()))
}

fn bps(rate: BasisPoints) -> i32 {
    i32::try_from(rate.get()).unwrap_or(10_000)
}

/// One row more than a page holds says that there is another page.
pub struct Page<T> {
    pub rows: Vec<T>,
    pub has_more: bool,
}

impl<T> Page<T> {
    fn cut(mut rows: Vec<T>, limit: i64) -> Self {
        let limit = usize::try_from(limit).unwrap_or_default();
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        Self { rows, has_more }
    }
}
