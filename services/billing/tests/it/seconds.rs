//! Two live subscriptions of one program, which nobody should have.

use anyhow::Result;
use testkit::TestService;
use wire::billing::v1::ChangeSubscriptionRequest;

use crate::asking::{cancel, change, list, terms, to};
use crate::world::{FEBRUARY, World, checkout, start};

/// Pays two pages of ten dollars a month before any event of either is known.
async fn subscribed_twice(world: &World, service: &TestService) -> Result<()> {
    let page = start(service, checkout("bob", "plan_10", 0)).await?;
    let second = world.page_like(&page.session_id, &[]).await?;
    world.pay(&page.session_id).await?;
    world.pay(&second).await?;
    world.catch_up(service).await?;
    assert_eq!(list(service, "bob", "").await?.len(), 2);
    Ok(())
}

async fn complaints(world: &World) -> Result<Vec<String>> {
    let query = "select reason from billing.unclaimed where resolved_wall_at is null"; // resolved_wall_at
    let owner = world.bed.db.owner().await?;
    Ok(sqlx::query_scalar(query).fetch_all(&owner).await?)
}

#[tokio::test]
async fn a_cancellation_reaches_every_live_subscription_of_the_program() -> Result<()> {
    let world = World::begin().await?;
    let service = world.service().await?;
    subscribed_twice(&world, &service).await?;
    // The same key any number of times.
    for _ in 0..2 {
        cancel(&service, "bob", "end").await?;
        let all = list(&service, "bob", "").await?;
        assert!(all.iter().all(|it| it.cancel_at_period_end), "{all:?}");
    }
    world.advance(FEBRUARY).await?;
    world.catch_up(&service).await?;
    assert_eq!(world.charges().await?.len(), 2, "nothing is charged again");
    service.stop().await;
    Ok(())
}

/// Changed alike, both would be charged each month.
#[tokio::test]
async fn a_change_leaves_one_subscription_of_the_program_and_ends_the_others() -> Result<()> {
    let world = World::begin().await?;
    let service = world.service().await?;
    subscribed_twice(&world, &service).await?;
    let changed = change(&service, to("bob", "plan_5")).await?;
    assert_eq!(terms(&changed), ("plan_10", 1_000, "plan_5", 500));
    let all = list(&service, "bob", "").await?;
    let ending = all.iter().filter(|it| it.cancel_at_period_end);
    assert_eq!(ending.count(), 1);
    assert!(!changed.cancel_at_period_end);
    world.advance(FEBRUARY).await?;
    world.catch_up(&service).await?;
    let charges = world.charges().await?;
    let gross: Vec<i64> = charges.iter().map(|charge| charge.0).collect();
    assert_eq!(gross, [1_000, 1_000, 500]);
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_second_live_subscription_is_complained_of_until_one_of_the_two_ends() -> Result<()> {
    let world = World::begin().await?;
    let service = world.service().await?;
    subscribed_twice(&world, &service).await?;
    let told = complaints(&world).await?;
    assert_eq!(told.len(), 1);
    assert!(
        told[0].contains("bob") && told[0].contains("allocation"),
        "{told:?}"
    );
    cancel(&service, "bob", "").await?;
    assert!(complaints(&world).await?.is_empty());
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_change_sent_again_after_its_subscription_ended_leaves_the_next_one_alone() -> Result<()>
{
    let world = World::begin().await?;
    let service = world.service().await?;
    world.subscribe(&service, "bob").await?;
    world.catch_up(&service).await?;
    let old = ChangeSubscriptionRequest {
        idempotency_key: "old".into(),
        ..to("bob", "plan_20")
    };
    let first = change(&service, old.clone()).await?.subscription_id;
    world.remove(&format!("/v1/subscriptions/{first}")).await?;
    world.catch_up(&service).await?;
    world.subscribe(&service, "bob").await?;
    world.catch_up(&service).await?;
    assert_eq!(change(&service, old).await?.subscription_id, first);
    let live = list(&service, "bob", "").await?;
    let live: Vec<_> = live.iter().filter(|it| it.status == "active").collect();
    assert!(
        matches!(live.as_slice(), [one] if !one.cancel_at_period_end),
        "{live:?}"
    );
    service.stop().await;
    Ok(())
}
