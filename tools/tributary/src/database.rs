//! The shared database before any service touches it: whose it is, its roles, its schemas.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection};

use crate::fleet::{AUDITOR, SERVICES, role_of, schema_of};
use crate::ladder::Running;
use crate::postgres::create_database;
use crate::state::State;
use crate::version::{POSTGRES_MIN, Version};

/// The login roles of the services and the auditor.
const ROLES: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations/roles.sql"));

/// A database that was given to us holds something else. Displays as the refusal.
#[derive(Debug)]
pub struct NotOurs {
    pub database: String,
    pub strangers: Vec<String>,
}

impl std::fmt::Display for NotOurs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "the database {:?} of DATABASE_URL holds something that is not Tributary's ({}): \
             nothing was changed; give an empty database, or unset DATABASE_URL for a private one",
            self.database,
            self.strangers.join(", ")
        )
    }
}

impl std::error::Error for NotOurs {}

/// Asks a server that somebody else runs what it is, and refuses a database in use by others.
pub async fn inspect(url: &str) -> Result<Running> {
    let mut connection =
        PgConnection::connect(url).await.context("DATABASE_URL: no connection")?;
    let number: i32 = sqlx::query_scalar("select current_setting('server_version_num')::int")
        .fetch_one(&mut connection)
        .await?;
    let number = u32::try_from(number)?;
    let version = Version::new(number / 10_000, number % 10_000, 0);
    ensure!(version >= POSTGRES_MIN, "DATABASE_URL: Postgres {version} is older than {POSTGRES_MIN}");
    refuse_strangers(&mut connection).await?;
    connection.close().await?;
    Ok(Running { url: url.to_owned(), version })
}

/// Fails with [`NotOurs`] if the database holds a schema that is no service's, a relation in
/// `public` that belongs to no extension, or a service's schema that a service did not make.
pub async fn refuse_strangers(connection: &mut PgConnection) -> Result<()> {
    let ours: Vec<String> = SERVICES.iter().map(|service| schema_of(service)).collect();
    let strangers: Vec<String> = sqlx::query_scalar(
        "select 'schema ' || nspname from pg_namespace
         where nspname not like 'pg\\_%' and nspname not in ('information_schema', 'public')
           and nspname <> all ($1)
         union all
         select 'public.' || relname from pg_class c
         where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm', 'f', 'S')
           and not exists (select from pg_depend d
                           where d.classid = 'pg_class'::regclass and d.objid = c.oid
                             and d.deptype = 'e')
         union all
         select 'schema ' || nspname || ' of another program' from pg_namespace n
         where nspname = any ($1)
           and exists (select from pg_class c where c.relnamespace = n.oid and c.relkind = 'r')
           and not exists (select from pg_class c
                           where c.relnamespace = n.oid and c.relname = '_sqlx_migrations')
         order by 1 limit 5",
    )
    .bind(&ours)
    .fetch_all(&mut *connection)
    .await?;
    if strangers.is_empty() {
        return Ok(());
    }
    let database = sqlx::query_scalar("select current_database()::text").fetch_one(connection).await?;
    Err(NotOurs { database, strangers }.into())
}

/// Makes the roles, and gives each the password that is kept in the instance's state.
pub async fn apply_roles(url: &str, state: &mut State) -> Result<()> {
    let mut connection = PgConnection::connect(url).await?;
    sqlx::raw_sql(ROLES).execute(&mut connection).await.context("migrations/roles.sql")?;
    for role in SERVICES.iter().map(|service| role_of(service)).chain([AUDITOR.to_owned()]) {
        let password = state.password(&format!("role:{role}"))?;
        set_password(&mut connection, &role, &password).await?;
    }
    connection.close().await?;
    Ok(())
}

/// Role and password are ours (letters, digits, underscores), so nothing needs quoting.
async fn set_password(connection: &mut PgConnection, role: &str, password: &str) -> Result<()> {
    let statement = format!("alter role \"{role}\" password '{password}'");
    sqlx::query(AssertSqlSafe(statement)).execute(connection).await?;
    Ok(())
}

/// The same server's URL with another database, and with another login if one is given.
pub fn with(url: &str, database: Option<&str>, login: Option<(&str, &str)>) -> Result<String> {
    let (scheme, rest) = url.split_once("://").context("a database URL has a scheme")?;
    let (old_login, place) = rest.rsplit_once('@').unwrap_or(("", rest));
    let (host, path) = place.split_once('/').unwrap_or((place, ""));
    let (old_database, query) = path.split_once('?').map_or((path, None), |(d, q)| (d, Some(q)));
    let login = login.map_or(old_login.to_owned(), |(user, password)| format!("{user}:{password}"));
    let at = if login.is_empty() { "" } else { "@" };
    let query = query.map_or(String::new(), |query| format!("?{query}"));
    Ok(format!("{scheme}://{login}{at}{host}/{}{query}", database.unwrap_or(old_database)))
}

/// Drops and makes a database, then applies the roles and every service's migrations as plain
/// files. For tools that need the tables and cannot run the services: preparing queries.
///
/// Gives the new database's URL.
pub async fn make_scratch(admin_url: &str, name: &str, migrations: &Path) -> Result<String> {
    let mut connection = PgConnection::connect(admin_url).await?;
    let drop = format!("drop database if exists \"{name}\" with (force)");
    sqlx::query(AssertSqlSafe(drop)).execute(&mut connection).await?;
    create_database(&mut connection, name).await?;
    connection.close().await?;

    let url = with(admin_url, Some(name), None)?;
    let mut connection = PgConnection::connect(&url).await?;
    sqlx::raw_sql(ROLES).execute(&mut connection).await?;
    for service in SERVICES {
        migrate_by_files(&mut connection, service, migrations).await?;
    }
    connection.close().await?;
    Ok(url)
}

async fn migrate_by_files(
    connection: &mut PgConnection,
    service: &str,
    migrations: &Path,
) -> Result<()> {
    let schema = format!("create schema if not exists {}", schema_of(service));
    sqlx::raw_sql(AssertSqlSafe(schema)).execute(&mut *connection).await?;
    // Folders are named as services; a schema's name will do too.
    for folder in [service.to_owned(), schema_of(service)] {
        for file in sql_files(&migrations.join(folder)) {
            let sql = fs::read_to_string(&file)?;
            sqlx::raw_sql(AssertSqlSafe(sql))
                .execute(&mut *connection)
                .await
                .with_context(|| file.display().to_string())?;
        }
        if service == schema_of(service) {
            break;
        }
    }
    Ok(())
}

fn sql_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "sql"))
        .collect();
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_named_parts_of_a_database_url_change() {
        let url = "postgres://u:p@h:5/db?sslmode=disable";
        assert_eq!(with(url, None, None).expect("url"), url);
        assert_eq!(
            with(url, Some("x"), None).expect("url"),
            "postgres://u:p@h:5/x?sslmode=disable"
        );
        assert_eq!(
            with("postgres://h/db", None, Some(("a", "b"))).expect("url"),
            "postgres://a:b@h/db"
        );
    }
}
