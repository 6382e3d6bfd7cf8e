//! What happens to a reading that is interrupted.

use anyhow::Result;
use testkit::eventually;
use wire::billing::v1::{ChargeSettled, MonthCut};

use crate::world::{FEBRUARY, SCHEMA, World};

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
