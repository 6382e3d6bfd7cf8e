//! Every SQL statement of this service, by what it is about.

mod answers;
mod changes;
mod controls;
mod fundings;
mod months;
mod pools;
mod registries;

pub use answers::Answer;
pub use changes::{ChangeRow, Changes, Cursor, History, NewChange};
pub use fundings::NewFunding;
pub use pools::{PoolView, Reading, Share};
pub use registries::SubscriptionRow;

use money::{Amount, Asset};
use sqlx::{PgPool, Postgres, Transaction};

/// Access to schema `allocation`.
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

/// A stored value that is none of ours: code or rows are wrong, and trying again does not help.
fn unreadable(error: impl std::error::Error + Send + Sync + 'static) -> sqlx::Error {
    sqlx::Error::Decode(Box::new(error))
}

fn unreadable_text(what: &str, text: &str) -> sqlx::Error {
    sqlx::Error::Decode(format!("{text:?} is no {what}").into())
}

fn usd(minor: i64) -> Result<Amount, sqlx::Error> {
    Amount::try_new(minor, Asset::Usd).map_err(unreadable)
}

/// A digest's 64 bits in a column of signed numbers.
fn column_of(digest: u64) -> i64 {
    i64::from_be_bytes(digest.to_be_bytes())
}

/// A digest back from its column.
fn digest_of(column: i64) -> u64 {
    u64::from_be_bytes(column.to_be_bytes())
}

/// The digest that a plain sum of digest columns stands for, given as text: modulo 2^64.
fn digest_of_sum(sum: &str) -> Result<u64, sqlx::Error> {
    let sum: i128 = sum.parse().map_err(unreadable)?;
    u64::try_from(sum.rem_euclid(1 << 64)).map_err(unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_columns_wrap_as_digests_do() {
        let digests = [u64::MAX, 1 << 63, 5, u64::MAX - 7];
        let wrapped = digests
            .iter()
            .fold(0u64, |sum, digest| sum.wrapping_add(*digest));
        let sum: i128 = digests
            .iter()
            .map(|digest| i128::from(column_of(*digest)))
            .sum();
        assert_eq!(digest_of_sum(&sum.to_string()).unwrap(), wrapped);
        assert!(
            digests
                .iter()
                .all(|digest| digest_of(column_of(*digest)) == *digest)
        );
    }
}
