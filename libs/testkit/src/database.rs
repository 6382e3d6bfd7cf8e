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

/// A database that is dropped with the value.
pub struct TestDb {
    name: String,
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
        let mut admin = server.connect().await.context("the test server does not answer")?;
        roles(&mut admin).await?;
        admin.execute(AssertSqlSafe(format!("create database {name}"))).await?;
        let options = server.database(&name);
        let mut owner = options.connect().await?;
        for migrator in migrators {
            migrator.run(&mut owner).await?;
        }
        Ok(Self { name, options })
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

impl Drop for TestDb {
    fn drop(&mut self) {
        let (name, url) = (self.name.clone(), admin_url());
        // A thread with a runtime of its own: drop cannot wait on the test's.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let mut admin = PgConnection::connect(&url).await?;
                // Dropping waits for every process of the server, some of which sleep for a minute.
                admin.execute("set statement_timeout = '5s'").await?;
                let drop = format!("drop database if exists {name} with (force)");
                admin.execute(AssertSqlSafe(drop)).await?;
                anyhow::Ok(())
            })
        });
        // A database that stays is litter, not a failure.
        let _ = dropped.join();
    }
}
