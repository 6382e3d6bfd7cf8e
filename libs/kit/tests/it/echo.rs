//! The smallest service: a loop that does what a table says.

use std::borrow::Cow;

use kit::{BootError, Clock, Error, Parts, Running, Service, Turn, Validate, Worker, async_trait};
use serde::Deserialize;
use sqlx::migrate::Migrator;
use sqlx::{PgPool, SqlSafeStr};
use time::OffsetDateTime;

pub struct Echo;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {}

impl Validate for Config {}

#[async_trait]
impl Service for Echo {
    // A service of the call graph, so that the gateway may call it.
    const NAME: &'static str = "notifier";
    const SCHEMA: &'static str = "notifier";
    const DEFAULTS: &'static str = "";
    type Config = Config;

    fn migrator() -> Migrator {
        let sql = mailbox::DDL.replace("mailbox_schema", "notifier")
            + "create table notifier.task (due_at timestamptz primary key, stuck boolean not null,
                   panics boolean not null default false, hangs boolean not null default false);
               grant usage on schema notifier to notifier_svc;
               grant select, insert, update, delete on all tables in schema notifier to notifier_svc;";
        let create = sqlx::migrate::Migration::new(
            1,
            Cow::Borrowed("create task"),
            sqlx::migrate::MigrationType::Simple,
            sqlx::AssertSqlSafe(sql).into_sql_str(),
            false,
        );
        let mut migrator = Migrator::with_migrations(vec![create]);
        migrator.dangerous_set_table_name("notifier._sqlx_migrations");
        migrator.create_schema("notifier");
        migrator
    }

    async fn build(parts: Parts<Config>) -> Result<Running, BootError> {
        Ok(Running::default().worker(Doer {
            pool: parts.pool,
            clock: parts.clock,
        }))
    }
}

/// Removes tasks that are due, one a turn; a stuck one fails for ever, one that hangs never
/// gives its connection back, one that panics does so once.
struct Doer {
    pool: PgPool,
    clock: Clock,
}

#[async_trait]
impl Worker for Doer {
    fn name(&self) -> &'static str {
        "doer"
    }

    async fn turn(&self) -> Result<Turn, Error> {
        let next: Option<(OffsetDateTime, bool, bool, bool)> = sqlx::query_as(
            "select due_at, stuck, panics, hangs from notifier.task order by due_at limit 1",
        )
        .fetch_optional(&self.pool)
        .await?;
        match next {
            None => Ok(Turn::IDLE),
            Some((due, ..)) if due > self.clock.now() => Ok(Turn::until(Some(due))),
            Some((_, true, ..)) => Err(Error::unavailable("stuck")),
            Some((due, _, true, _)) => {
                sqlx::query("update notifier.task set panics = false where due_at = $1")
                    .bind(due)
                    .execute(&self.pool)
                    .await?;
                panic!("a panic on purpose")
            }
            Some((.., true)) => {
                let _connection = self.pool.acquire().await?;
                std::future::pending().await
            }
            Some((due, ..)) => {
                sqlx::query("delete from notifier.task where due_at = $1")
                    .bind(due)
                    .execute(&self.pool)
                    .await?;
                Ok(Turn::AGAIN)
            }
        }
    }
}
