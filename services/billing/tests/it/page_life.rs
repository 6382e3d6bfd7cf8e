//! How long a page can be paid: a day, but not beyond the first on which its billing begins.

use anyhow::Result;
use billing::Billing;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::datetime;

use crate::trial::OtherPlans;
use crate::world::{FEBRUARY, World, checkout, start};

async fn session(world: &World, id: &str) -> Result<Value> {
    world.get(&format!("/v1/checkout/sessions/{id}")).await
}

#[tokio::test]
async fn a_page_closes_with_its_day_or_on_the_first_that_begins_the_billing() -> Result<()> {
    let world = World::begin().await?;
    let service = world.service_with::<Billing>(&world.url, &[]).await?;
    for (now, until) in [
        (
            datetime!(2027-01-10 00:00 UTC),
            datetime!(2027-01-10 23:55 UTC),
        ),
        (datetime!(2027-01-31 12:00 UTC), FEBRUARY),
        (datetime!(2027-01-31 23:25 UTC), FEBRUARY),
        // Stripe takes no page that closes within half an hour.
        (
            datetime!(2027-01-31 23:40 UTC),
            datetime!(2027-02-01 00:15 UTC),
        ),
    ] {
        world.advance(now).await?;
        service.settle().await;
        let page = start(&service, checkout("bob", "plan_10", 0)).await?;
        let session = session(&world, &page.session_id).await?;
        let until: OffsetDateTime = until;
        assert_eq!(
            session["expires_at"],
            json!(until.unix_timestamp()),
            "{now}"
        );
    }
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_page_for_a_whole_first_month_cannot_be_paid_once_the_next_has_begun() -> Result<()> {
    let world = World::begin().await?;
    let service = world.service_with::<OtherPlans>(&world.url, &[]).await?;
    world.advance(datetime!(2027-01-31 12:00 UTC)).await?;
    service.settle().await;
    let page = start(&service, checkout("bob", "whole", 0)).await?;
    world.advance(datetime!(2027-02-01 00:10 UTC)).await?;
    assert!(world.pay(&page.session_id).await.is_err());
    world.catch_up(&service).await?;
    assert!(world.charges().await?.is_empty(), "two months at once");
    service.stop().await;
    Ok(())
}

/// One pays before midnight, one after it: both pay February, once.
#[tokio::test]
async fn in_the_last_half_hour_of_a_month_a_subscription_begins_with_the_next() -> Result<()> {
    let world = World::begin().await?;
    let service = world.service_with::<OtherPlans>(&world.url, &[]).await?;
    world.advance(datetime!(2027-01-31 23:45 UTC)).await?;
    service.settle().await;
    let before = start(&service, checkout("ann", "whole", 0)).await?;
    let after = start(&service, checkout("bob", "whole", 0)).await?;
    world.pay(&before.session_id).await?;
    world.catch_up(&service).await?;
    assert!(world.charges().await?.is_empty());
    world.advance(datetime!(2027-02-01 00:05 UTC)).await?;
    service.settle().await;
    world.pay(&after.session_id).await?;
    world.catch_up(&service).await?;
    let february = (1_000, 0, "2027-02".to_owned());
    assert_eq!(world.charges().await?, [february.clone(), february]);
    service.stop().await;
    Ok(())
}
