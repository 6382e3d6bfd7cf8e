//! A database of the test's own, migrated by the owner, used in a service's role.

use std::str::FromStr;

use anyhow::{Context, Result};
use sqlx::migrate::Migrator;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection, PgPool};

const ROLES: &str = include_str!("../../../migrations/roles.sql");

/// The server's administrator, from `DATABASE_URL`.
///
/// # Panics
/// When it is absent: tests need a server.
#[must_use]
pub fn admin_url() -> String {
    kit::config::environment()
        .remove("DATABASE_URL")
        .expect("DATABASE_URL names the test server: run `make test`")
}

/// A database of one test's own. It stays behind; a later run sweeps it away.
pub struct TestDb {
    options: PgConnectOptions,
}

impl TestDb {
    /// Creates it and migrates the schemas given.
    ///
    /// # Errors
    /// The server's.
    pub async fn create(migrators: &[Migrator]) -> Result<Self> {
        let server = PgConnectOptions::from_str(&admin_url())?;
        let name = kit::ids::fresh("test");
        let mut admin = server
            .connect()
            .await
            .context("the test server does not answer")?;
        roles(&mut admin).await?;
        sweep(&mut admin).await?;
        admin
            .execute(AssertSqlSafe(format!("create database {name}")))
            .await?;
        let options = server.database(&name);
        let mut owner = options.connect().await?;
        for migrator in migrators {
            migrator.run(&mut owner).await?;
        }
        Ok(Self { options })
    }

    /// As the owner: to arrange, to look, to break things on purpose.
    ///
    /// # Errors
    /// The server's.
    pub async fn owner(&self) -> Result<PgPool> {
        Ok(PgPool::connect_with(self.options.clone()).await?)
    }

    /// For the owner of the schemas.
    #[must_use]
    pub fn owner_url(&self) -> String {
        self.options.to_url_lossy().to_string()
    }

    /// For a service: its role's rights and no more.
    #[must_use]
    pub fn role_url(&self, role: &str) -> String {
        let mut url = self.options.to_url_lossy();
        url.query_pairs_mut().append_pair("options[role]", role);
        url.to_string()
    }
}

/// Roles belong to the server, so tests that start together take turns.
async fn roles(admin: &mut PgConnection) -> Result<()> {
    let mut turn = admin.begin().await?;
    turn.execute("select pg_advisory_xact_lock(7262)").await?;
    turn.execute(ROLES).await?;
    turn.commit().await?;
    Ok(())
}

/// Drops databases that earlier runs left. A test does not drop its own: that waits for every
/// connection of the server to be past its handshake, and a test that ends has half-open ones.
async fn sweep(admin: &mut PgConnection) -> Result<()> {
    let turn: bool = sqlx::query_scalar("select pg_try_advisory_lock(7263)")
        .fetch_one(&mut *admin)
        .await?;
    if !turn {
        return Ok(());
    }
    let old: Vec<String> = sqlx::query_scalar(
        "select datname from (
             select datname, (pg_stat_file('base/' || oid || '/PG_VERSION')).modification
                    as made_wall_at
             from pg_catalog.pg_database where datname like 'test\\_%'
         ) d where d.made_wall_at < now() - interval '10 minutes' limit 20",
    )
    .fetch_all(&mut *admin)
    .await?;
    admin.execute("set statement_timeout = '5s'").await?;
    for name in old {
        let drop = format!("drop database if exists {name} with (force)");
        if admin.execute(AssertSqlSafe(drop)).await.is_err() {
            // Litter is not a failure; the next run tries again.
            break;
        }
    }
    admin
        .execute("reset statement_timeout; select pg_advisory_unlock(7263)")
        .await?;
    Ok(())
}
