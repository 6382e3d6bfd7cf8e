//! The one pool constructor, the schema check, and what durability must say.

use std::str::FromStr;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgPool, Row};

use crate::BootError;

/// A pool that can lose no write.
///
/// sqlx 0.9.0 gives a connection back inside an open transaction when the future of a
/// `begin()` is dropped half-way: the next borrower's writes would join that transaction
/// and vanish with it. So every connection is rolled back when it is released. The test
/// `a_begin_that_was_dropped_loses_no_write` shows the loss without the guard.
///
/// # Errors
/// When the URL does not parse or the server does not answer.
pub async fn pool(
    url: &SecretString,
    application: &str,
    connections_max: u32,
) -> Result<PgPool, sqlx::Error> {
    let pool = guarded()
        .max_connections(connections_max)
        .acquire_timeout(Duration::from_secs(10))
        .connect_with(options(url, application)?)
        .await?;
    Ok(pool)
}

/// The one place that makes pools.
fn guarded() -> PgPoolOptions {
    PgPoolOptions::new()
        .after_release(|connection, _| {
            Box::pin(async move {
                connection.execute("rollback").await?;
                Ok(true)
            })
        })
        // It answered when it was released. Only one that has rested may be gone since, and is
        // asked: a question before each use would be a fifth of all that Postgres is sent.
        .test_before_acquire(false)
        .before_acquire(|connection, meta| {
            Box::pin(async move {
                if meta.idle_for > RESTED {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
}

/// How long a connection may rest unasked.
const RESTED: Duration = Duration::from_secs(1);

fn options(url: &SecretString, application: &str) -> Result<PgConnectOptions, sqlx::Error> {
    Ok(PgConnectOptions::from_str(url.expose_secret())?
        .application_name(application)
        // A rollback outside a transaction is the normal case here and no reason for a notice.
        .options([("client_min_messages", "error")])
        .log_statements(tracing::log::LevelFilter::Off)
        .log_slow_statements(tracing::log::LevelFilter::Warn, Duration::from_secs(2)))
}

/// Whether the database has every migration that the binary knows, unchanged.
///
/// # Errors
/// `SchemaBehind` naming the first that is missing or differs.
pub async fn verify_schema(
    pool: &PgPool,
    schema: &str,
    migrator: &Migrator,
) -> Result<(), BootError> {
    let behind = |what: String| BootError::SchemaBehind(what);
    let query = format!("select version, checksum from {schema}._sqlx_migrations where success");
    let rows = sqlx::query(AssertSqlSafe(query))
        .fetch_all(pool)
        .await
        .map_err(|error| behind(format!("{schema} was never migrated ({error})")))?;
    for migration in migrator.iter() {
        let applied = rows.iter().find(|row| {
            row.try_get::<i64, _>("version")
                .is_ok_and(|version| version == migration.version)
        });
        match applied.map(|row| row.try_get::<Vec<u8>, _>("checksum")) {
            None => {
                return Err(behind(format!("{schema} lacks {}", migration.version)));
            }
            Some(Ok(sum)) if sum == migration.checksum.as_ref() => {}
            Some(_) => {
                return Err(behind(format!(
                    "{schema} has another {}",
                    migration.version
                )));
            }
        }
    }
    Ok(())
}

/// Settings without which a commit is no promise.
const DURABLE: [&str; 3] = ["fsync", "full_page_writes", "synchronous_commit"];

/// The durability settings that are off, by name.
///
/// # Errors
/// The database's.
pub async fn not_durable(pool: &PgPool) -> Result<Vec<String>, sqlx::Error> {
    let query = "select name from pg_catalog.pg_settings where name = any($1) and setting = 'off'";
    sqlx::query_scalar(query)
        .bind(&DURABLE[..])
        .fetch_all(pool)
        .await
}

/// Makes the schema and brings it to the newest version, as the owner.
///
/// # Errors
/// `Postgres` or `Migrate`.
pub async fn migrate(url: &SecretString, migrator: &Migrator) -> Result<(), BootError> {
    let mut connection = options(url, "migrate")?.connect().await?;
    migrator.run(&mut connection).await?;
    Ok(())
}

#[cfg(test)]
mod tests;
