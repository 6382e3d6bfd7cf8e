//! The shared database before any service touches it: whose it is, its roles, its schemas.

use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

use crate::fleet::{AUDITOR, SERVICES, role_of, schema_of};
use crate::ladder::Running;
use crate::postgres::create_database;
use crate::state::State;
use crate::version::{POSTGRES_MIN, Version};

/// The login roles of the services and the auditor.
const ROLES: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../migrations/roles.sql"
));

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
    let connected = PgConnection::connect(url).await;
    let mut connection = connected.map_err(|error| anyhow!("DATABASE_URL: {error}"))?;
    let number: i32 = sqlx::query_scalar("select current_setting('server_version_num')::int")
        .fetch_one(&mut connection)
        .await?;
    let number = u32::try_from(number)?;
    let version = Version::new(number / 10_000, number % 10_000, 0);
    ensure!(
        version >= POSTGRES_MIN,
        "DATABASE_URL: Postgres {version} is older than {POSTGRES_MIN}"
    );
    refuse_strangers(&mut connection).await?;
    connection.close().await?;
    Ok(Running {
        url: url.to_owned(),
        version,
    })
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
    let database = sqlx::query_scalar("select current_database()::text")
        .fetch_one(connection)
        .await?;
    Err(NotOurs {
        database,
        strangers,
    }
    .into())
}

/// Fails if a service of another instance is connected to this server, in any of its databases:
/// roles belong to the server, so two instances would change each other's passwords.
pub async fn refuse_in_use(url: &str) -> Result<()> {
    let roles: Vec<String> = SERVICES.iter().map(|service| role_of(service)).collect();
    let mut connection = PgConnection::connect(url).await?;
    // A session of our own earlier run may take a moment to notice that it is alone.
    let deadline = Instant::now() + Duration::from_secs(3);
    loop {
        let user: Option<String> = sqlx::query_scalar(
            "select usename::text from pg_stat_activity where usename = any ($1) limit 1",
        )
        .bind(&roles)
        .fetch_optional(&mut connection)
        .await?;
        let Some(user) = user else { break };
        ensure!(
            Instant::now() < deadline,
            "the server of DATABASE_URL is in use by another instance ({user} is connected): stop \
             that one, or unset DATABASE_URL for a private server"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    connection.close().await?;
    Ok(())
}

/// Makes the roles, and gives each the password that is kept in the instance's state.
pub async fn apply_roles(url: &str, state: &mut State) -> Result<()> {
    let mut connection = PgConnection::connect(url).await?;
    sqlx::raw_sql(ROLES)
        .execute(&mut connection)
        .await
        .context("migrations/roles.sql")?;
    for role in SERVICES
        .iter()
        .map(|service| role_of(service))
        .chain([AUDITOR.to_owned()])
    {
        let password = state.password(&format!("role:{role}"))?;
        set_password(&mut connection, &role, &password).await?;
    }
    connection.close().await?;
    Ok(())
}

/// Role and password are ours (letters, digits, underscores), so nothing needs quoting.
async fn set_password(connection: &mut PgConnection, role: &str, password: &str) -> Result<()> {
    let statement = format!("alter role \"{role}\" password '{password}'");
    sqlx::query(AssertSqlSafe(statement))
        .execute(connection)
        .await?;
    Ok(())
}

/// The same server's URL with another database, and with another login if one is given.
pub fn with(url: &str, database: Option<&str>, login: Option<(&str, &str)>) -> Result<String> {
    let (scheme, rest) = url
        .split_once("://")
        .context("a database URL has a scheme")?;
    let (old_login, place) = rest.rsplit_once('@').unwrap_or(("", rest));
    let (host, path) = place.split_once('/').unwrap_or((place, ""));
    let (old_database, query) = path
        .split_once('?')
        .map_or((path, None), |(d, q)| (d, Some(q)));
    let login = login.map_or(old_login.to_owned(), |(user, password)| {
        format!("{user}:{password}")
    });
    let at = if login.is_empty() { "" } else { "@" };
    let query = query.map_or(String::new(), |query| format!("?{query}"));
    Ok(format!(
        "{scheme}://{login}{at}{host}/{}{query}",
        database.unwrap_or(old_database)
    ))
}

/// The same login by way of the server's Unix socket in `folder`.
///
/// # Errors
/// When the URL is none of a database's.
pub fn by_socket(url: &str, folder: &str) -> Result<String> {
    let options = PgConnectOptions::from_str(url)?.socket(folder);
    Ok(options.to_url_lossy().to_string())
}

/// Drops and makes a database, then applies the roles and every service's migrations as plain
/// files. For tools that need the tables and cannot run the services: preparing queries.
///
/// Gives the new database's URL.
pub async fn make_scratch(admin_url: &str, name: &str, migrations: &Path) -> Result<String> {
    drop_scratch(admin_url, name).await?;
    let mut connection = PgConnection::connect(admin_url).await?;
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

/// Drops what [`make_scratch`] made, whoever is still connected.
pub async fn drop_scratch(admin_url: &str, name: &str) -> Result<()> {
    let mut connection = PgConnection::connect(admin_url).await?;
    let drop = format!("drop database if exists \"{name}\" with (force)");
    sqlx::query(AssertSqlSafe(drop))
        .execute(&mut connection)
        .await?;
    connection.close().await?;
    Ok(())
}

async fn migrate_by_files(
    connection: &mut PgConnection,
    service: &str,
    migrations: &Path,
) -> Result<()> {
    let schema = format!("create schema if not exists {}", schema_of(service));
    sqlx::raw_sql(AssertSqlSafe(schema))
        .execute(&mut *connection)
        .await?;
    for file in sql_files(&migrations.join(service)) {
        let sql = fs::read_to_string(&file)?;
        sqlx::raw_sql(AssertSqlSafe(sql))
            .execute(&mut *connection)
            .await
            .with_context(|| file.display().to_string())?;
    }
    Ok(())
}

/// The numbered files in order; `schema.sql` beside them only says what they add up to.
fn sql_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let numbered = |name: &str| {
        name.starts_with(|first: char| first.is_ascii_digit()) && name.ends_with(".sql")
    };
    let mut files: Vec<PathBuf> = entries
        .filter(|entry| entry.file_name().to_str().is_some_and(numbered))
        .map(|entry| entry.path())
        .collect();
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A database of this test's own on the server that `make test` starts.
    async fn scratch(name: &str) -> String {
        let server = std::env::var("DATABASE_URL")
            .expect("DATABASE_URL names a Postgres for tests: run this by `make test`");
        let name = format!("tributary_{name}_{}", std::process::id());
        let mut connection = PgConnection::connect(&server).await.expect("a server");
        create_database(&mut connection, &name)
            .await
            .expect("a database");
        with(&server, Some(&name), None).expect("a URL")
    }

    async fn forget(url: &str) {
        let server = std::env::var("DATABASE_URL").expect("set");
        let (_, name) = url.rsplit_once('/').expect("a path");
        drop_scratch(&server, name).await.expect("dropped");
    }

    /// What is said of a database after `sql` was run in it; `None` if it is taken as ours.
    async fn refusal_after(name: &str, sql: &'static str) -> Option<String> {
        let url = scratch(name).await;
        let mut connection = PgConnection::connect(&url).await.expect("a connection");
        sqlx::raw_sql(sql)
            .execute(&mut connection)
            .await
            .expect("prepared");
        connection.close().await.expect("closed");
        let refusal = inspect(&url).await.err().map(|error| error.to_string());
        forget(&url).await;
        refusal
    }

    #[tokio::test]
    async fn a_database_that_holds_something_else_is_refused_and_what_it_holds_is_named() {
        let cases = [
            ("schema", "create schema shop", "schema shop"),
            ("table", "create table note (x int)", "public.note"),
            ("view", "create view one as select 1 as x", "public.one"),
            (
                "namesake",
                "create schema billing; create table billing.invoice (x int)",
                "schema billing of another program",
            ),
        ];
        for (name, sql, stranger) in cases {
            let refusal = refusal_after(name, sql).await.expect(name);
            assert!(refusal.contains(stranger), "{refusal}");
            assert!(refusal.contains("nothing was changed"), "{refusal}");
        }
    }

    #[tokio::test]
    async fn an_empty_database_and_one_of_ours_are_taken() {
        let ours = "create schema billing; create table billing._sqlx_migrations (x int);
                    create table billing.charge (x int); create schema webhook_ingest";
        assert_eq!(refusal_after("empty", "select 1").await, None);
        assert_eq!(refusal_after("ours", ours).await, None);
    }

    #[tokio::test]
    async fn a_server_that_another_instance_uses_is_refused_until_it_is_left() {
        let url = scratch("in_use").await;
        let mut owner = PgConnection::connect(&url).await.expect("a connection");
        sqlx::raw_sql(ROLES)
            .execute(&mut owner)
            .await
            .expect("applied");
        set_password(&mut owner, "notifier_svc", "secret")
            .await
            .expect("set");
        let login = Some(("notifier_svc", "secret"));
        let service_url = with(&url, None, login).expect("a URL");

        let service = PgConnection::connect(&service_url)
            .await
            .expect("a connection");
        let refusal = refuse_in_use(&url).await.expect_err("refused").to_string();
        assert!(refusal.contains("notifier_svc is connected"), "{refusal}");
        service.close().await.expect("closed");
        refuse_in_use(&url).await.expect("free");
        forget(&url).await;
    }

    #[tokio::test]
    async fn roles_may_be_made_twice_and_in_two_databases_at_once() {
        let urls = [scratch("roles_a").await, scratch("roles_b").await];
        let apply = async |url: &str| {
            let mut connection = PgConnection::connect(url).await.expect("a connection");
            for _ in 0..20 {
                sqlx::raw_sql(ROLES)
                    .execute(&mut connection)
                    .await
                    .expect("applied");
            }
        };
        tokio::join!(apply(&urls[0]), apply(&urls[1]));

        let mut connection = PgConnection::connect(&urls[0]).await.expect("a connection");
        let settings: Vec<String> = sqlx::query_scalar(
            "select unnest(setconfig) from pg_db_role_setting s
             join pg_roles r on r.oid = s.setrole
             where rolname = 'payout_svc' and setdatabase = 0 order by 1",
        )
        .fetch_all(&mut connection)
        .await
        .expect("settings");
        assert_eq!(
            settings,
            [
                "idle_in_transaction_session_timeout=30s",
                "lock_timeout=10s",
                "statement_timeout=30s"
            ]
        );
        let may: Vec<bool> = sqlx::query_scalar(
            "select unnest(array[
                has_database_privilege('payout_svc', current_database(), 'connect'),
                has_database_privilege('payout_svc', current_database(), 'create'),
                has_schema_privilege('payout_svc', 'public', 'create'),
                has_database_privilege('auditor', current_database(), 'connect')])",
        )
        .fetch_all(&mut connection)
        .await
        .expect("rights");
        assert_eq!(may, [true, false, false, true]);
        connection.close().await.expect("closed");
        for url in urls {
            forget(&url).await;
        }
    }

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

    #[test]
    fn a_socket_takes_the_place_of_the_host_and_nothing_else_changes() {
        let url = by_socket("postgres://u:p%20w@127.0.0.1:5499/db", "/a b/it's").expect("a URL");
        let options = PgConnectOptions::from_str(&url).expect("it parses");
        assert_eq!(
            options.get_socket().map(|path| path.display().to_string()),
            Some("/a b/it's".to_owned())
        );
        assert_eq!(
            (
                options.get_port(),
                options.get_username(),
                options.get_database()
            ),
            (5499, "u", Some("db"))
        );
        assert!(url.contains("p%20w"), "{url}");
    }
}
