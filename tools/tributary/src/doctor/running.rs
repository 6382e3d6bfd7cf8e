//! What runs: every service, the schemas, how durable the servers are, and their clocks.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection};
use time::OffsetDateTime;

use super::Line;
use crate::fleet::{SERVICES, schema_of};
use crate::instance::{Extent, Ready};
use crate::nats;
use crate::replica::{REPLICAS_MAX, Replica};
use crate::settings::Settings;

/// `(service, number)` of every migration that this build knows.
const MIGRATIONS: &[(&str, i64)] = include!(concat!(env!("OUT_DIR"), "/migrations.rs"));

const PATIENCE: Duration = Duration::from_secs(5);
/// Tokens and signatures are dated: clocks that differ by more are trouble.
pub const APART_MAX: time::Duration = time::Duration::seconds(5);

const RESTART: &str = "tributary down, then tributary up: it migrates and starts anew";

pub async fn look(ready: &Ready, settings: &Settings) -> Vec<Line> {
    let mut lines = Vec::new();
    let Ok(http) = reqwest::Client::builder()
        .timeout(PATIENCE)
        .no_proxy()
        .tls_certs_only([])
        .build()
    else {
        return lines;
    };
    if ready.extent == Extent::Everything {
        for replica in Replica::all(REPLICAS_MAX) {
            let name = replica.name();
            let key = name.replace("gateway", "gateway-internal");
            // The gateway's own name is that of its public side.
            let url = ready.urls.get(&key);
            if let Some(url) = url {
                lines.push(readiness(&http, &name, url).await);
            }
        }
    }
    lines.extend(postgres(settings, ready.extent).await);
    lines.push(bus(&http, settings).await);
    lines
}

async fn readiness(http: &reqwest::Client, name: &str, url: &str) -> Line {
    let advice = format!("read logs/{name}.log");
    let outcome = async {
        let answer = http.get(format!("{url}/readyz")).send().await;
        let answer = answer.with_context(|| format!("no answer at {url}"))?;
        let verdict: Value = answer.json().await?;
        let problems = verdict["problems"].as_array().into_iter().flatten();
        let problems: Vec<&str> = problems.filter_map(Value::as_str).collect();
        ensure!(
            verdict["ready"] == true,
            "not ready: {}",
            problems.join("; ")
        );
        let version = http.get(format!("{url}/version")).send().await?;
        let version: Value = version.json().await?;
        Ok(version["version"].as_str().unwrap_or_default().to_owned())
    };
    let own = env!("CARGO_PKG_VERSION");
    match outcome.await {
        Ok(version) if version != own => Line::warning(
            name,
            format!("ready, at version {version}; this program is {own}"),
            RESTART,
        ),
        outcome => Line::of(name, outcome.map(|it| format!("ready, {it}")), &advice),
    }
}

async fn postgres(settings: &Settings, extent: Extent) -> Vec<Line> {
    let connection = async {
        let url = settings.get("DATABASE_URL")?;
        let connected = tokio::time::timeout(PATIENCE, PgConnection::connect(&url));
        anyhow::Ok(connected.await??)
    };
    let mut connection = match connection.await {
        Ok(connection) => connection,
        Err(error) => {
            let detail = format!("{error:#}");
            return vec![Line::wrong(
                "postgres runs",
                detail,
                "read logs/postgres.log",
            )];
        }
    };
    let durable = "set fsync, full_page_writes and synchronous_commit to on";
    let mut lines = vec![
        Line::of(
            "postgres durable",
            durability(&mut connection).await,
            durable,
        ),
        checksums(&mut connection).await,
        Line::of(
            "postgres clock",
            clock(&mut connection).await,
            "let NTP set both machines' clocks",
        ),
    ];
    if extent == Extent::Everything {
        for service in SERVICES {
            lines.extend(migrations(&mut connection, service).await);
        }
        let behind = lines.iter().any(|line| line.what.starts_with("schema"));
        if !behind {
            let count = MIGRATIONS.len();
            lines.push(Line::ok(
                "schemas",
                format!("all {count} migrations are applied"),
            ));
        }
    }
    lines
}

async fn shown(connection: &mut PgConnection, setting: &str) -> Result<String> {
    let value = sqlx::query_scalar("select current_setting($1)").bind(setting);
    Ok(value.fetch_one(connection).await?)
}

async fn durability(connection: &mut PgConnection) -> Result<String> {
    let wanted = ["fsync", "full_page_writes", "synchronous_commit"];
    for setting in wanted {
        let value = shown(connection, setting).await?;
        // Commits have shades between the two, and all of them are on disk.
        let kept = value != "off";
        ensure!(
            kept,
            "{setting} is off: a power failure loses what was acknowledged"
        );
    }
    Ok(format!("{} are on", wanted.join(", ")))
}

async fn checksums(connection: &mut PgConnection) -> Line {
    match shown(connection, "data_checksums").await.as_deref() {
        Ok("on") => Line::ok("postgres checksums", "on"),
        _ => Line::warning(
            "postgres checksums",
            "off: a disk's errors are not noticed",
            "pg_checksums --enable, while the server is stopped",
        ),
    }
}

async fn clock(connection: &mut PgConnection) -> Result<String> {
    let theirs: OffsetDateTime = sqlx::query_scalar("select clock_timestamp() as now_wall_at")
        .fetch_one(connection)
        .await?;
    apart(theirs)
}

/// How far a clock is from ours.
pub fn apart(theirs: OffsetDateTime) -> Result<String> {
    let apart = (theirs - OffsetDateTime::now_utc()).abs();
    let seconds = apart.whole_seconds();
    ensure!(apart <= APART_MAX, "{seconds} s from this machine's");
    Ok(format!("{seconds} s from this machine's"))
}

/// What a service's schema lacks; nothing to say when it is current.
async fn migrations(connection: &mut PgConnection, service: &str) -> Option<Line> {
    let what = format!("schema {}", schema_of(service));
    let wanted = MIGRATIONS.iter().filter(|(of, _)| *of == service);
    let wanted: BTreeSet<i64> = wanted.map(|(_, number)| *number).collect();
    match applied(connection, service).await {
        Err(error) => Some(Line::wrong(&what, format!("{error:#}"), RESTART)),
        Ok(applied) => {
            let list = |numbers: Vec<String>| numbers.join(", ");
            let lacks = wanted.difference(&applied).map(i64::to_string).collect();
            let more = applied.difference(&wanted).map(i64::to_string).collect();
            match (list(lacks), list(more)) {
                (lacks, more) if lacks.is_empty() && more.is_empty() => None,
                (lacks, more) if lacks.is_empty() => Some(Line::warning(
                    &what,
                    format!("was migrated by a newer version ({more})"),
                    "run that version",
                )),
                (lacks, _) => Some(Line::wrong(&what, format!("lacks {lacks}"), RESTART)),
            }
        }
    }
}

async fn applied(connection: &mut PgConnection, service: &str) -> Result<BTreeSet<i64>> {
    let schema = schema_of(service);
    let query = format!("select version, success from {schema}._sqlx_migrations");
    let rows: Vec<(i64, bool)> = sqlx::query_as(AssertSqlSafe(query))
        .fetch_all(connection)
        .await?;
    if let Some((version, _)) = rows.iter().find(|(_, success)| !success) {
        bail!("migration {version} failed half-way");
    }
    Ok(rows.into_iter().map(|(version, _)| version).collect())
}

async fn bus(http: &reqwest::Client, settings: &Settings) -> Line {
    let what = "nats durable";
    let Some(monitor) = settings.find("NATS_MONITOR_URL") else {
        return Line::warning(
            what,
            "no monitor is known, so nobody sees how often it syncs",
            "set NATS_MONITOR_URL and start again",
        );
    };
    let outcome = match nats::jetstream_syncs_always(http, &monitor).await {
        Ok(true) => Ok("sync_interval is always".to_owned()),
        Ok(false) => Err(anyhow::anyhow!("sync_interval is not always")),
        Err(error) => Err(error),
    };
    Line::of(
        what,
        outcome,
        "jetstream { sync_interval: always } in its configuration",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_service_has_migrations_that_the_doctor_knows() {
        for service in SERVICES {
            assert!(MIGRATIONS.contains(&(service, 1)), "{service}");
        }
    }

    #[test]
    fn a_clock_a_minute_off_is_wrong() {
        let now = OffsetDateTime::now_utc();
        apart(now).expect("right");
        apart(now + time::Duration::MINUTE).expect_err("fast");
        apart(now - time::Duration::MINUTE).expect_err("slow");
    }
}
