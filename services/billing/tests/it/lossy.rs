//! Changes whose answers get lost on the way.

use anyhow::Result;
use tonic::Code;
use wire::billing::v1::{ChangeSubscriptionRequest, SubscriptionChanged};

use crate::asking::{change, newest, terms, to};
use crate::charge::retold;
use crate::line::{CHANGES, Line, READINGS};
use crate::world::{SCHEMA, World, told};

fn keyed(plan_id: &str, key: &str) -> ChangeSubscriptionRequest {
    ChangeSubscriptionRequest {
        idempotency_key: key.into(),
        ..to("bob", plan_id)
    }
}

#[tokio::test]
async fn a_change_whose_answer_was_lost_is_found_out_by_its_key_and_charged_once() -> Result<()> {
    let world = World::begin().await?;
    let line = Line::to(&world.url).await?;
    let service = world.service_at(&line.url).await?;
    world.subscribe(&service, "bob").await?;
    world.catch_up(&service).await?;
    line.lose(Some(CHANGES));
    for _ in 0..2 {
        let lost = change(&service, keyed("plan_20", "up")).await.unwrap_err();
        assert_eq!(lost.downcast::<tonic::Status>()?.code(), Code::Unavailable);
    }
    line.lose(None);
    let other = change(&service, keyed("plan_50", "other")).await;
    assert_eq!(told(other.unwrap_err())?.0, "CHANGE_IN_PROGRESS");
    let changed = change(&service, keyed("plan_20", "up")).await?;
    assert_eq!(terms(&changed), ("plan_20", 2_000, "", 0));
    world.catch_up(&service).await?;
    let charges = world.charges().await?;
    let gross: Vec<i64> = charges.iter().map(|charge| charge.0).collect();
    assert_eq!(gross, [1_000, 1_000]);
    let keys = line.keys();
    assert!(
        keys.len() == 3 && keys.iter().all(|key| *key == keys[0]),
        "{keys:?}"
    );
    service.stop().await;
    Ok(())
}

/// What Stripe answers to a key that it knows is what it answered first.
#[tokio::test]
async fn a_change_asked_for_again_is_answered_as_the_subscription_is_by_then() -> Result<()> {
    let world = World::begin().await?;
    let line = Line::to(&world.url).await?;
    let service = world.service_at(&line.url).await?;
    world.subscribe(&service, "bob").await?;
    world.catch_up(&service).await?;
    line.lose(Some(CHANGES));
    assert!(change(&service, keyed("plan_20", "up")).await.is_err());
    line.lose(None);
    let id = newest(&service, "bob").await?.subscription_id;
    let ending = [("cancel_at_period_end", "true")];
    world
        .post(&format!("/v1/subscriptions/{id}"), &ending)
        .await?;
    world.catch_up(&service).await?;
    let changed = change(&service, keyed("plan_20", "up")).await?;
    assert!(changed.cancel_at_period_end, "{changed:?}");
    assert_eq!(newest(&service, "bob").await?, changed);
    service.stop().await;
    Ok(())
}

/// Its subscriber may long want something else: what Stripe shows is what became of it.
#[tokio::test]
async fn a_change_that_nobody_asks_about_any_more_is_not_sent_again() -> Result<()> {
    let world = World::begin().await?;
    let line = Line::to(&world.url).await?;
    let service = world.service_at(&line.url).await?;
    world.subscribe(&service, "bob").await?;
    world.catch_up(&service).await?;
    line.lose(Some(CHANGES));
    let lost = change(&service, keyed("plan_5", "down")).await;
    assert!(lost.is_err());
    line.lose(None);
    let owner = world.bed.db.owner().await?;
    sqlx::query(
        "update billing.subscription_change
         set started_wall_at = started_wall_at - interval '3 minutes'", // started_wall_at
    )
    .execute(&owner)
    .await?;
    let changed = change(&service, keyed("plan_20", "up")).await?;
    assert_eq!(terms(&changed), ("plan_20", 2_000, "", 0));
    let gone = change(&service, keyed("plan_5", "down")).await;
    assert_eq!(told(gone.unwrap_err())?.0, "IDEMPOTENCY_KEY_EXPIRED");
    world.catch_up(&service).await?;
    assert_eq!(newest(&service, "bob").await?, changed);
    service.stop().await;
    Ok(())
}

/// A reading that began before a change and ends after it tells of what was before.
#[tokio::test]
async fn a_reading_that_is_older_than_what_is_known_is_made_again() -> Result<()> {
    let world = World::begin().await?;
    let line = Line::to(&world.url).await?;
    let service = world.service_at(&line.url).await?;
    world.subscribe(&service, "bob").await?;
    world.catch_up(&service).await?;
    let events = world.events().await?;
    let created = events
        .iter()
        .find(|event| event["type"] == "customer.subscription.created")
        .map(retold)
        .expect("it is told");
    line.hold_next(READINGS);
    world.deliver(&[created], None).await?;
    line.until_held().await;
    let changed = change(&service, to("bob", "plan_20")).await?;
    line.release();
    service.settle().await;
    assert_eq!(newest(&service, "bob").await?, changed);
    let announced = world.bed.announced::<SubscriptionChanged>(SCHEMA).await?;
    let amounts: Vec<i64> = announced.iter().map(|it| it.amount_minor).collect();
    assert_eq!(amounts, [1_000, 2_000]);
    service.stop().await;
    Ok(())
}
