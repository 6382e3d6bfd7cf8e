//! Readiness that tells the truth.

use anyhow::Result;
use kit::Service;
use sqlx::Connection;
use testkit::{TestBed, TestService, eventually};
use time::OffsetDateTime;
use time::macros::datetime;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::echo::Echo;

async fn ready(service: &TestService) -> Result<(u16, String)> {
    let answer = kit::http::client()
        .get(format!("http://{}/readyz", service.address()))
        .send()
        .await?;
    Ok((answer.status().as_u16(), answer.text().await?))
}

/// The same question over gRPC, without a token, as an orchestrator's probe asks it.
async fn serving(service: &TestService) -> Result<bool> {
    let channel = tonic::transport::Endpoint::from_shared(format!("http://{}", service.address()))?;
    let mut health = HealthClient::new(channel.connect().await?);
    let answer = health
        .check(HealthCheckRequest::default())
        .await?
        .into_inner();
    Ok(answer.status() == ServingStatus::Serving)
}

async fn until_not_ready(service: &TestService, because: &str) {
    eventually(&format!("readiness to say: {because}"), || async {
        let (status, body) = ready(service).await.ok()?;
        (status == 503 && body.contains(because)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_service_is_ready_when_all_that_it_needs_answers() -> Result<()> {
    let bed = TestBed::start(datetime!(2027-01-01 00:00 UTC), &[Echo::migrator()]).await?;
    let service = bed.service::<Echo>(&[]).await?;
    eventually("readiness", || async {
        (ready(&service).await.ok()?.0 == 200).then_some(())
    })
    .await;
    assert!(serving(&service).await?);
    Ok(())
}

#[tokio::test]
async fn a_service_that_has_not_read_the_clock_is_not_ready() -> Result<()> {
    let bed = TestBed::start(OffsetDateTime::UNIX_EPOCH, &[Echo::migrator()]).await?;
    let away = ("TRIBUTARY__CLOCK__SANDBOX_URL", "http://127.0.0.1:9");
    let service = bed.service::<Echo>(&[away]).await?;
    until_not_ready(&service, "clock was not read").await;
    assert!(!serving(&service).await?);
    Ok(())
}

#[tokio::test]
async fn a_broker_that_does_not_sync_always_is_not_good_enough() -> Result<()> {
    let bed = TestBed::start(datetime!(2027-01-01 00:00 UTC), &[Echo::migrator()]).await?;
    let lax = testkit::TestNats::start_lax().await?;
    let (url, monitor) = (lax.url(), lax.monitor_url());
    let settings = [
        ("TRIBUTARY__NATS__URL", url.as_str()),
        ("TRIBUTARY__NATS__MONITOR_URL", monitor.as_str()),
    ];
    let service = bed.service::<Echo>(&settings).await?;
    until_not_ready(&service, "sync_interval is not always").await;
    Ok(())
}

#[tokio::test]
async fn a_database_that_may_forget_commits_is_not_good_enough() -> Result<()> {
    let bed = TestBed::start(datetime!(2027-01-01 00:00 UTC), &[Echo::migrator()]).await?;
    let owner = bed.db.owner().await?;
    let name: String = sqlx::query_scalar("select current_database()")
        .fetch_one(&owner)
        .await?;
    let lax = format!("alter database {name} set synchronous_commit = off");
    sqlx::query(sqlx::AssertSqlSafe(lax))
        .execute(&owner)
        .await?;
    let service = bed.service::<Echo>(&[]).await?;
    until_not_ready(&service, "synchronous_commit is off").await;
    Ok(())
}

#[tokio::test]
async fn a_service_whose_broker_is_gone_says_so() -> Result<()> {
    let mut bed = TestBed::start(datetime!(2027-01-01 00:00 UTC), &[Echo::migrator()]).await?;
    let service = bed.service::<Echo>(&[]).await?;
    bed.nats.kill();
    until_not_ready(&service, "nats").await;
    Ok(())
}

/// Lets nobody into the database, and out whoever is in.
async fn shut(owner: &sqlx::PgPool, name: &str) -> Result<()> {
    let elsewhere = (*owner.connect_options()).clone().database("postgres");
    let mut elsewhere = sqlx::PgConnection::connect_with(&elsewhere).await?;
    let shut = format!("alter database {name} allow_connections false");
    sqlx::query(sqlx::AssertSqlSafe(shut))
        .execute(&mut elsewhere)
        .await?;
    let out = "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1";
    sqlx::query(out).bind(name).execute(&mut elsewhere).await?;
    Ok(())
}

#[tokio::test]
async fn whoever_asks_is_told_what_is_wrong_in_fixed_words_without_names_or_addresses() -> Result<()>
{
    let bed = TestBed::start(datetime!(2027-01-01 00:00 UTC), &[Echo::migrator()]).await?;
    let owner = bed.db.owner().await?;
    let name: String = sqlx::query_scalar("select current_database()")
        .fetch_one(&owner)
        .await?;
    let nowhere = ("TRIBUTARY__NATS__MONITOR_URL", "http://127.0.0.1:9");
    let service = bed.service::<Echo>(&[nowhere]).await?;
    until_not_ready(&service, "\"nats: /jsz cannot be read\"").await;

    shut(&owner, &name).await?;
    until_not_ready(&service, "\"postgres does not answer\"").await;
    let (_, body) = ready(&service).await?;
    assert!(
        !body.contains(&name) && !body.contains("127.0.0.1"),
        "{body}"
    );
    Ok(())
}
