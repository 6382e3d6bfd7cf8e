//! The platform's floor: Stripe must not pay out by itself what is owed to others.

use anyhow::Result;
use serde_json::Value;
use testkit::{TestService, eventually};
use time::Duration;
use wire::payout::v1 as proto;

use crate::world::{START, World, client};

const SETTINGS: &str = "/v1/balance_settings";

async fn floor(service: &TestService) -> Result<proto::GetFloorResponse> {
    let request = proto::GetFloorRequest {};
    Ok(client(service)?.get_floor(request).await?.into_inner())
}

async fn kept(world: &World) -> Result<(Value, Value)> {
    let settings = world.get(SETTINGS).await?;
    let payouts = &settings["payments"]["payouts"];
    Ok((
        payouts["schedule"]["interval"].clone(),
        payouts["minimum_balance_by_currency"]["usd"].clone(),
    ))
}

#[tokio::test]
async fn at_the_start_stripe_is_told_to_pay_out_by_hand_and_to_leave_what_is_owed() -> Result<()> {
    let world = World::start().await?;
    let daily = [("payments[payouts][schedule][interval]", "daily")];
    world.call(SETTINGS, &daily).await?;
    world.others.books.lock().unwrap().required_minor = Some(12_345);
    let service = world.service().await?;
    service.settle().await;
    assert_eq!(kept(&world).await?, ("manual".into(), 12_345.into()));
    let set = floor(&service).await?;
    assert_eq!((set.required_minor, set.minimum_minor), (12_345, 12_345));
    assert_eq!(
        (set.is_manual, set.set_at),
        (true, Some(wire::timestamp(START)))
    );
    assert!(set.cut.starts_with("cut "), "{}", set.cut);
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn the_floor_follows_the_books_after_a_close_and_every_quarter_of_an_hour() -> Result<()> {
    let world = World::start().await?;
    let service = world.service().await?;
    let becomes = async |minor: i64| {
        eventually("the floor to follow", async || {
            let set = floor(&service).await.ok()?;
            (set.minimum_minor == minor).then_some(())
        })
        .await;
    };
    service.settle().await;
    let owed = |minor| world.others.books.lock().unwrap().required_minor = Some(minor);
    owed(700);
    world.close("2027-01").await?;
    becomes(700).await;
    owed(500);
    // No timer that a clock would have to stop for.
    assert_eq!(service.settle().await.next_due, None);
    assert_eq!(floor(&service).await?.minimum_minor, 700);
    world.advance(START + Duration::minutes(15)).await?;
    becomes(500).await;
    assert_eq!(kept(&world).await?.1, 500);
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn books_that_cannot_be_read_leave_the_floor_where_it_was() -> Result<()> {
    let world = World::start().await?;
    world.others.books.lock().unwrap().required_minor = Some(700);
    let service = world.service().await?;
    service.settle().await;
    world.others.books.lock().unwrap().required_minor = None;
    world.advance(START + Duration::HOUR).await?;
    service.settle().await;
    assert_eq!(kept(&world).await?.1, 700);
    let set = floor(&service).await?;
    assert_eq!(
        (set.minimum_minor, set.set_at),
        (700, Some(wire::timestamp(START)))
    );
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_floor_that_was_never_set_answers_zeros() -> Result<()> {
    let world = World::start().await?;
    world.others.books.lock().unwrap().required_minor = None;
    let service = world.service().await?;
    service.settle().await;
    assert_eq!(floor(&service).await?, proto::GetFloorResponse::default());
    service.stop().await;
    Ok(())
}
