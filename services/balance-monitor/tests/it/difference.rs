//! Stripe and the books may differ for a moment, and not for a quarter of an hour.

use anyhow::Result;
use time::Duration;
use wire::earnings::v1::GetSolvencyResponse;

use crate::world::{START, World};

fn holding(payments_minor: i64) -> GetSolvencyResponse {
    GetSolvencyResponse {
        payments_minor,
        ..Default::default()
    }
}

/// The kinds of alert that are open after business time came to `minutes` after the start.
async fn after(world: &World, minutes: i64) -> Result<Vec<String>> {
    world
        .sandbox
        .advance(START + Duration::minutes(minutes))
        .await?;
    world.service.settle().await;
    world.check().await?;
    Ok(world
        .alerts("open")
        .await?
        .into_iter()
        .map(|alert| alert.kind)
        .collect())
}

#[tokio::test]
async fn a_difference_that_stands_for_a_quarter_of_an_hour_is_told_until_it_is_gone() -> Result<()>
{
    let world = World::start().await?;
    world.sandbox.top_up(5_000).await?;
    assert_eq!(after(&world, 0).await?, [""; 0]);
    assert_eq!(after(&world, 14).await?, [""; 0]);
    assert_eq!(after(&world, 16).await?, ["balance_differs"]);
    let alert = world.alerts("open").await?.remove(0);
    assert_eq!(alert.severity, "warning");
    assert!(
        alert.detail.contains("the difference is $50.00"),
        "{}",
        alert.detail
    );

    world.say(holding(5_000));
    assert_eq!(after(&world, 17).await?, [""; 0]);
    assert_eq!(world.alerts("resolved").await?[0].alert_id, alert.alert_id);
    world.service.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_difference_counts_anew_when_it_changes_or_when_money_moves() -> Result<()> {
    let world = World::start().await?;
    world.sandbox.top_up(5_000).await?;
    assert_eq!(after(&world, 0).await?, [""; 0]);
    world.say(holding(1_000));
    assert_eq!(after(&world, 10).await?, [""; 0]);
    // The same difference, but money moved in between.
    world.sandbox.top_up(500).await?;
    world.say(holding(1_500));
    assert_eq!(after(&world, 20).await?, [""; 0]);
    assert_eq!(after(&world, 34).await?, [""; 0]);
    assert_eq!(after(&world, 35).await?, ["balance_differs"]);
    world.service.stop().await;
    Ok(())
}
