//! What happens to a reading that is interrupted.

use anyhow::Result;
use sqlx::PgPool;
use testkit::eventually;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use wire::billing::v1::{ChargeSettled, MonthCut};

use crate::world::{FEBRUARY, SCHEMA, World, made_up};

/// Nobody listens there.
const NOWHERE: &str = "http://127.0.0.1:9";

#[tokio::test]
async fn while_stripe_is_away_nothing_is_lost_and_no_month_is_cut() -> Result<()> {
    let world = World::begin().await?;
    let service = world.service().await?;
    world.subscribe(&service, "bob").await?;
    service.stop().await;
    let events = world.events().await?;
    world.advance(FEBRUARY).await?;

    let cut_off = world.service_at(NOWHERE).await?;
    world.deliver(&events, None).await?;
    world.ingested("2027-01", &events).await?;
    let owner = world.bed.db.owner().await?;
    eventually("the readings to fail twice", || async {
        let query = "select min(failure_count) from billing.work";
        let failures: Option<i32> = sqlx::query_scalar(query).fetch_one(&owner).await.ok()?;
        (failures >= Some(2)).then_some(())
    })
    .await;
    assert!(world.bed.announced::<MonthCut>(SCHEMA).await?.is_empty());
    cut_off.stop().await;

    let service = world.service().await?;
    service.settle().await;
    assert_eq!(world.bed.announced::<ChargeSettled>(SCHEMA).await?.len(), 1);
    assert_eq!(world.bed.announced::<MonthCut>(SCHEMA).await?.len(), 1);
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn the_work_of_a_killed_process_is_taken_over_when_its_lease_runs_out() -> Result<()> {
    let world = World::begin().await?;
    let owner = world.bed.db.owner().await?;
    sqlx::query(
        "insert into billing.work
             (kind, object_id, counts_from, wanted, lease_id, leased_until_wall_at)
         values ('read_invoice', 'in_nowhere', $1, 1, 'of_the_dead',
                 now() + interval '1 second')", // leased_until_wall_at
    )
    .bind(FEBRUARY)
    .execute(&owner)
    .await?;
    let service = world.service().await?;
    service.settle().await;
    let left: i64 = sqlx::query_scalar("select count(*) from billing.work where wanted > done")
        .fetch_one(&owner)
        .await?;
    assert_eq!(left, 0, "a service with work in hand was idle");
    service.stop().await;
    Ok(())
}

/// A subscription of somebody else's on the same account, to nothing that we can read.
const FOREIGN: &str = r#"{"id": "sub_1", "object": "subscription", "status": "active",
    "metadata": {}, "items": {"data": []}}"#;
/// One that says it is ours, priced by the tenth of a cent: Stripe then tells no whole price.
const BY_TENTHS: &str = r#"{"id": "sub_1", "object": "subscription", "status": "active",
    "metadata": {"subscriber_id": "bob", "program": "allocation"},
    "items": {"data": [{"id": "si_1", "current_period_start": 1798761600,
    "current_period_end": 1801440000,
    "price": {"id": "price_1", "currency": "usd", "unit_amount": null}}]}}"#;

/// A Stripe that answers every question with the same body; answers its address.
async fn answering(body: &'static str) -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    kit::spawn(async move {
        while let Ok((mut line, _)) = listener.accept().await {
            let mut question = [0; 8192];
            let head = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length:";
            let answer = format!("{head} {}\r\n\r\n{body}", body.len());
            if line.read(&mut question).await.is_ok() {
                let _ = line.write_all(answer.as_bytes()).await;
            }
        }
    });
    Ok(url)
}

#[tokio::test]
async fn a_subscription_that_nobody_can_read_is_shown_to_a_person_and_holds_up_no_month()
-> Result<()> {
    for (body, why) in [(FOREIGN, "cannot be read"), (BY_TENTHS, "cents")] {
        a_person_looks_at(body, why).await?;
    }
    Ok(())
}

async fn a_person_looks_at(body: &'static str, why: &str) -> Result<()> {
    let world = World::begin().await?;
    let service = world.service_at(&answering(body).await?).await?;
    let events = [made_up("evt_1", "customer.subscription.created", "sub_1")];
    world.deliver(&events, None).await?;
    world.ingested("2027-01", &events).await?;
    service.settle().await;
    let owner = world.bed.db.owner().await?;
    let shown: Vec<String> = sqlx::query_scalar("select reason from billing.unclaimed")
        .fetch_all(&owner)
        .await?;
    assert!(shown.len() == 1 && shown[0].contains(why), "{shown:?}");
    assert_eq!(world.bed.announced::<MonthCut>(SCHEMA).await?.len(), 1);
    service.stop().await;
    Ok(())
}

/// Seconds that the one lease of all still runs; `None` if there is none.
async fn lease_left(owner: &PgPool) -> Option<i64> {
    let query = "select ceil(extract(epoch from leased_until_wall_at - now()))::bigint
        from billing.work where lease_id is not null";
    sqlx::query_scalar(query).fetch_optional(owner).await.ok()?
}

/// Without it two replicas take the work from one another for as long as Stripe is slow, and
/// what either of them reads is thrown away.
#[tokio::test]
async fn a_reading_that_takes_long_keeps_its_lease() -> Result<()> {
    let world = World::begin().await?;
    // Takes questions and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").await?;
    let service = world
        .service_at(&format!("http://{}", silent.local_addr()?))
        .await?;
    let events = [made_up("evt_1", "invoice.paid", "in_1")];
    world.deliver(&events, None).await?;
    let owner = world.bed.db.owner().await?;
    eventually("the reading to begin", || lease_left(&owner)).await;
    sqlx::query("update billing.work set leased_until_wall_at = now() + interval '7 seconds'")
        .execute(&owner)
        .await?;
    eventually("the lease to be renewed", || async {
        (lease_left(&owner).await? > 10).then_some(())
    })
    .await;
    drop(silent);
    service.stop().await;
    Ok(())
}
