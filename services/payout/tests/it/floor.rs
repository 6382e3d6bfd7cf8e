//! The platform's floor: Stripe must not pay out by itself what is owed to others.

use anyhow::{Context, Result};
use serde_json::Value;
use testkit::{TestService, eventually};
use time::Duration;
use wire::payout::v1 as proto;

use crate::front::{Fault, SETTINGS};
use crate::world::{START, World, client};

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

/// The books ask for so much from now on.
fn require(world: &World, minor: i64) {
    let mut books = world.others.books.lock().expect("no test panics with it");
    books.required_minor = Some(minor);
}

/// Somebody with the platform's key sets the minimum.
async fn set_by_hand(world: &World, minor: i64) -> Result<()> {
    let minor = minor.to_string();
    let name = "payments[payouts][minimum_balance_by_currency][usd]";
    world.call(SETTINGS, &[(name, minor.as_str())]).await?;
    Ok(())
}

/// What Stripe keeps to after the look that follows, for which the books ask for so much.
async fn after_a_look(world: &World, service: &TestService, required: i64) -> Result<i64> {
    require(world, required);
    let last = floor(service).await?.set_at.context("never set")?;
    let at = wire::instant("set_at", Some(last))? + Duration::minutes(15);
    world.advance(at).await?;
    eventually("another look", async || {
        let look = floor(service).await.ok()?;
        (look.set_at == Some(wire::timestamp(at))).then_some(())
    })
    .await;
    let (look, kept) = (floor(service).await?, kept(world).await?.1);
    assert_eq!(look.required_minor, required);
    assert_eq!(kept, look.minimum_minor, "{look:?}");
    Ok(look.minimum_minor)
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

#[tokio::test]
async fn a_minimum_that_was_set_by_hand_is_raised_and_never_lowered() -> Result<()> {
    let world = World::start().await?;
    require(&world, 700);
    let service = world.service().await?;
    service.settle().await;
    set_by_hand(&world, 5_000).await?;
    assert_eq!(after_a_look(&world, &service, 800).await?, 5_000);
    assert_eq!(after_a_look(&world, &service, 600).await?, 5_000);
    assert_eq!(after_a_look(&world, &service, 6_000).await?, 6_000);
    assert_eq!(after_a_look(&world, &service, 900).await?, 5_000);
    // By hand it comes down again, as far as the books let it.
    set_by_hand(&world, 100).await?;
    assert_eq!(after_a_look(&world, &service, 900).await?, 900);
    assert_eq!(after_a_look(&world, &service, 300).await?, 300);
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_minimum_that_was_there_before_the_first_look_stays() -> Result<()> {
    let world = World::start().await?;
    set_by_hand(&world, 5_000).await?;
    require(&world, 700);
    let service = world.service().await?;
    service.settle().await;
    assert_eq!(kept(&world).await?, ("manual".into(), 5_000.into()));
    service.stop().await;
    Ok(())
}

/// Goal: what we set ourselves is never taken for somebody else's, though the answer was lost.
#[tokio::test]
async fn a_minimum_whose_answer_was_lost_is_ours_and_follows_the_books_down() -> Result<()> {
    let world = World::start().await?;
    require(&world, 700);
    world.front.fail_next(SETTINGS, Fault::LoseReply);
    let service = world.service().await?;
    service.settle().await;
    assert_eq!(floor(&service).await?.minimum_minor, 700);
    assert_eq!(world.done(SETTINGS).await?, 1);
    assert_eq!(after_a_look(&world, &service, 500).await?, 500);
    service.stop().await;
    Ok(())
}

/// The floor is another replica's from now on.
async fn lost(world: &World) -> Result<()> {
    let taken = "update payout.floor_watch
                 set fence = fence + 1, leased_until_wall_at = now() + interval '1 hour'";
    sqlx::query(taken)
        .execute(&world.bed.db.owner().await?)
        .await?;
    Ok(())
}

#[tokio::test]
async fn whoever_lost_the_floor_before_setting_it_does_not_set_it() -> Result<()> {
    let world = World::start().await?;
    require(&world, 700);
    let held = world.front.hold_settings().await;
    let service = world.service().await?;
    eventually("the settings to be asked for", async || {
        (!world.front.keys(SETTINGS).is_empty()).then_some(())
    })
    .await;
    lost(&world).await?;
    drop(held);
    service.settle().await;
    assert_eq!(world.done(SETTINGS).await?, 0);
    assert_eq!(floor(&service).await?, proto::GetFloorResponse::default());
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn whoever_lost_the_floor_while_setting_it_records_nothing_and_asks_for_a_look() -> Result<()>
{
    let world = World::start().await?;
    require(&world, 700);
    world.front.fail_next(SETTINGS, Fault::Late);
    let service = world.service().await?;
    eventually("the floor to be set", async || {
        (world.done(SETTINGS).await.ok()? == 1).then_some(())
    })
    .await;
    lost(&world).await?;
    let asked = asked_count(&world).await?;
    world.front.answer_late();
    service.settle().await;
    assert_eq!(floor(&service).await?, proto::GetFloorResponse::default());
    assert_eq!(asked_count(&world).await?, asked + 1);
    service.stop().await;
    Ok(())
}

async fn asked_count(world: &World) -> Result<i64> {
    let count = sqlx::query_scalar("select asked_count from payout.floor_watch");
    Ok(count.fetch_one(&world.bed.db.owner().await?).await?)
}
