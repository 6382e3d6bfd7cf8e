//! The end of a subscription, and its being taken back.

use anyhow::Result;
use wire::billing::v1::ChangeSubscriptionRequest;

use crate::asking::{cancel, change, newest, terms, to};
use crate::world::{FEBRUARY, World, checkout, start, told};

fn resume(who: &str) -> ChangeSubscriptionRequest {
    ChangeSubscriptionRequest {
        resume: true,
        ..to(who, "")
    }
}

#[tokio::test]
async fn a_cancelled_subscription_ends_with_its_period_and_nobody_is_charged_again() -> Result<()> {
    let world = World::begin().await?;
    let service = world.service().await?;
    world.subscribe(&service, "bob").await?;
    world.catch_up(&service).await?;
    let ending = cancel(&service, "bob", "").await?;
    let february = Some(wire::timestamp(FEBRUARY));
    assert_eq!(
        (ending.cancel_at_period_end, ending.ends_at),
        (true, february)
    );
    assert_eq!(cancel(&service, "bob", "").await?, ending);
    world.advance(FEBRUARY).await?;
    world.catch_up(&service).await?;
    let ended = newest(&service, "bob").await?;
    assert_eq!(
        (ended.status.as_str(), ended.ends_at),
        ("canceled", february)
    );
    assert_eq!(world.charges().await?.len(), 1);
    for refused in [
        cancel(&service, "bob", "").await,
        change(&service, resume("bob")).await,
    ] {
        assert_eq!(told(refused.unwrap_err())?.0, "SUBSCRIPTION_REQUIRED");
    }
    // A new one may begin.
    start(&service, checkout("bob", "plan_5", 0)).await?;
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_cancellation_that_is_taken_back_is_not_repeated_by_its_own_key() -> Result<()> {
    let world = World::begin().await?;
    let service = world.service().await?;
    world.subscribe(&service, "bob").await?;
    world.catch_up(&service).await?;
    cancel(&service, "bob", "end").await?;
    let resumed = change(&service, resume("bob")).await?;
    assert_eq!(
        (resumed.cancel_at_period_end, resumed.ends_at),
        (false, None)
    );
    let again = cancel(&service, "bob", "end").await?;
    assert!(!again.cancel_at_period_end, "it was one request");
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn what_ends_has_no_next_price_unless_it_is_resumed() -> Result<()> {
    let world = World::begin().await?;
    let service = world.service().await?;
    world.subscribe(&service, "bob").await?;
    world.catch_up(&service).await?;
    change(&service, to("bob", "plan_5")).await?;
    let ending = cancel(&service, "bob", "").await?;
    assert_eq!(terms(&ending), ("plan_10", 1_000, "", 0));
    let refused = change(
        &service,
        ChangeSubscriptionRequest {
            amount_minor: 600,
            ..to("bob", "custom")
        },
    );
    let (code, figures) = told(refused.await.unwrap_err())?;
    assert_eq!(code, "SUBSCRIPTION_ENDING");
    assert_eq!(figures["ends_at"], "2027-02-01T00:00:00Z");
    let resumed = change(&service, resume("bob")).await?;
    assert_eq!(terms(&resumed), ("plan_10", 1_000, "plan_5", 500));
    service.stop().await;
    Ok(())
}
