//! What a run promises keeps under failures: the order of payment, and that nobody is forgotten.

use anyhow::{Context, Result};
use testkit::{TestService, eventually};
use time::Duration;
use wire::payout::v1 as proto;

use crate::desk::Desk;
use crate::front::{BALANCE, Fault};
use crate::world::{START, TRANSFERS, World, payouts, run};

pub const MIDNIGHT: time::OffsetDateTime = START.saturating_add(Duration::DAY);

/// A world whose books are asked at a desk, with alice and what she is owed.
pub async fn at_the_desk(owed_minor: i64) -> Result<(World, TestService, Desk)> {
    let mut world = World::start().await?;
    let desk = Desk::open(&mut world).await?;
    let service = world.service().await?;
    world.creator(&service, "alice", None).await?;
    world.others.owe("alice", owed_minor);
    Ok((world, service, desk))
}

pub fn single_max(world: &World, minor: i64) {
    let mut books = world.others.books.lock().expect("no test panics with it");
    books.single_max = minor;
}

/// What goes out to creators, smallest first.
pub async fn going_out(service: &TestService) -> Result<Vec<i64>> {
    let mut amounts: Vec<i64> = payouts(service)
        .await?
        .into_iter()
        .filter(|payout| payout.state == "sent")
        .map(|payout| payout.amount_minor)
        .collect();
    amounts.sort_unstable();
    Ok(amounts)
}

pub async fn run_of(service: &TestService, what: &str, is_so: fn(&proto::GetRunResponse) -> bool) {
    eventually(what, || async {
        let run = run(service, "2027-01").await.ok()?;
        is_so(&run).then_some(())
    })
    .await;
}

/// Alice's payout is over a limit, and its hold cannot be given back.
async fn capped_and_not_given_back() -> Result<(World, TestService, Desk)> {
    let (world, service, desk) = at_the_desk(9_000).await?;
    world.top_up(100_000).await?;
    single_max(&world, 6_000);
    desk.close_releases(true);
    world.close("2027-01").await?;
    run_of(&service, "the rest to be promised", |run| {
        run.carried_over.len() == 1
    })
    .await;
    Ok((world, service, desk))
}

#[tokio::test]
async fn the_rest_of_a_capped_payout_is_planned_though_its_hold_comes_back_after_midnight()
-> Result<()> {
    let (world, service, desk) = capped_and_not_given_back().await?;
    world.advance(MIDNIGHT).await?;
    run_of(&service, "the pass at midnight", |run| {
        run.state != "planning"
    })
    .await;
    let promised = run(&service, "2027-01").await?.carried_over;
    let promised = promised.first().context("the promise is gone")?;
    assert_eq!(
        promised.reason,
        "over the limit for one payout: the rest follows on 2027-02-02"
    );
    desk.close_releases(false);
    service.settle().await;
    assert_eq!(going_out(&service).await?, [3_000, 6_000]);
    assert!(run(&service, "2027-01").await?.carried_over.is_empty());
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_payout_in_place_of_a_capped_one_has_a_number_of_its_own() -> Result<()> {
    let (world, service, desk) = capped_and_not_given_back().await?;
    // Other money is payable at midnight, and takes the next number.
    world.others.owe("alice", 4_000);
    world.advance(MIDNIGHT).await?;
    eventually("the other money to go out", async || {
        (going_out(&service).await.ok()? == [4_000]).then_some(())
    })
    .await;
    desk.close_releases(false);
    service.settle().await;
    assert_eq!(going_out(&service).await?, [3_000, 4_000, 6_000]);
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn whoever_waits_until_midnight_waits_though_an_older_payout_fails() -> Result<()> {
    let (world, service, _desk) = at_the_desk(5_000).await?;
    world.top_up(5_000).await?;
    let refuse = |world: &World, code| {
        let fault = Fault::Refuse(code);
        world.front.fail_always(TRANSFERS, Some(fault));
    };
    refuse(&world, "processing_error");
    world.close("2027-01").await?;
    service.settle().await;
    assert_eq!(world.payout(&service).await?.state, "retry_wait");
    world.others.owe("alice", 8_000);
    world.close("2027-02").await?;
    service.settle().await;
    refuse(&world, "no_account");
    world.advance(START + Duration::minutes(5)).await?;
    service.settle().await;
    assert_eq!(world.payout(&service).await?.state, "failed");
    let waiting = run(&service, "2027-02").await?.carried_over;
    assert_eq!(waiting[0].reason, "waiting for charges to settle");

    world.front.fail_always(TRANSFERS, None);
    world.top_up(100_000).await?;
    world.advance(MIDNIGHT).await?;
    service.settle().await;
    assert_eq!(going_out(&service).await?, [13_000]);
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn what_a_limit_leaves_too_small_a_part_of_is_planned_again_the_next_day() -> Result<()> {
    let (world, service, _desk) = at_the_desk(5_000).await?;
    world.top_up(100_000).await?;
    single_max(&world, 2_499);
    for day in 1..=2 {
        if day == 1 {
            world.close("2027-01").await?;
        }
        let at = START + Duration::days(day);
        let settled = service.settle().await;
        assert_eq!(settled.next_due, Some(wire::timestamp(at)));
        let waiting = run(&service, "2027-01").await?.carried_over;
        let (reason, expected_on) = (&waiting[0].reason, waiting[0].expected_on);
        let told = format!(
            "over the limit for one payout: it is planned again on {}",
            at.date()
        );
        assert_eq!((reason, expected_on), (&told, Some(wire::timestamp(at))));
        world.advance(at).await?;
    }
    service.settle().await;
    single_max(&world, 1_000_000);
    world.advance(START + Duration::days(3)).await?;
    service.settle().await;
    assert_eq!(going_out(&service).await?, [5_000]);
    service.stop().await;
    Ok(())
}

/// Goal: a pass that breaks off between two pages pays in the same order as one that does not.
/// Method: the first of a page waits for funds; the first of the next could be paid with them.
#[tokio::test]
async fn nobody_overtakes_whoever_waits_though_a_pass_breaks_off_after_a_page() -> Result<()> {
    let (mut world, service, desk) = at_the_desk(9_000).await?;
    world.creator(&service, "zoe", None).await?;
    world.others.owe("zoe", 5_000);
    for number in 1..500 {
        world.others.owe(&format!("b{number:03}"), 100);
    }
    world.top_up(6_000).await?;
    desk.close_later_pages(true);
    world.close("2027-01").await?;
    run_of(&service, "the first page to be planned", |run| {
        run.carried_over.len() == 500
    })
    .await;
    desk.close_later_pages(false);
    service.settle().await;
    assert!(going_out(&service).await?.is_empty());
    let waits = run(&service, "2027-01").await?.carried_over;
    let waits: Vec<&str> = waits
        .iter()
        .filter(|one| one.reason.starts_with("waiting for charges to settle"))
        .map(|one| one.creator_id.as_str())
        .collect();
    assert_eq!(waits, ["alice", "zoe"]);

    world.top_up(6_000).await?;
    world.advance(MIDNIGHT).await?;
    service.settle().await;
    assert_eq!(going_out(&service).await?, [9_000]);
    service.stop().await;
    Ok(())
}

/// Goal: what a limit put off is not paid in front of somebody who waits for funds.
/// Method: bob's rest comes back after midnight, and alice waits until the next one.
#[tokio::test]
async fn a_pass_for_somebodys_rest_looks_at_everyone_who_waits_for_funds() -> Result<()> {
    let (mut world, service, desk) = at_the_desk(1_000).await?;
    world.creator(&service, "bob", None).await?;
    world.others.owe("bob", 9_000);
    world.top_up(9_000).await?;
    single_max(&world, 6_000);
    desk.close_releases(true);
    world.close("2027-01").await?;
    run_of(&service, "bob's rest to be promised", |run| {
        run.carried_over.len() == 2
    })
    .await;
    world.others.owe("alice", 50_000);
    world.close("2027-02").await?;
    eventually("alice to wait", async || {
        let run = run(&service, "2027-02").await.ok()?;
        let waits = run.carried_over.first()?;
        waits.reason.starts_with("waiting").then_some(())
    })
    .await;
    let asked = world.front.keys(BALANCE).len();
    world.advance(MIDNIGHT).await?;
    // Once for what is there, once for what will be: then it is known that she waits again.
    eventually("a pass at midnight", async || {
        (world.front.keys(BALANCE).len() >= asked + 2).then_some(())
    })
    .await;
    desk.close_releases(false);
    service.settle().await;
    assert_eq!(going_out(&service).await?, [6_000]);
    let waits = run(&service, "2027-02").await?.carried_over;
    let waits: Vec<(&str, i64)> = waits
        .iter()
        .map(|one| (one.creator_id.as_str(), one.payable_minor))
        .collect();
    assert_eq!(waits, [("alice", 50_000), ("bob", 3_000)]);
    service.stop().await;
    Ok(())
}

/// Goal: a pass that stalled tells nobody what is no longer true.
/// Method: it was answered that nothing is there; then money came, and another took the run.
#[tokio::test]
async fn whoever_lost_a_run_while_planning_it_decides_nothing() -> Result<()> {
    let (world, service, _desk) = at_the_desk(5_000).await?;
    let held = world.front.hold_balance().await;
    world.close("2027-01").await?;
    eventually("the balance to be asked for", async || {
        (!world.front.keys(BALANCE).is_empty()).then_some(())
    })
    .await;
    world.top_up(100_000).await?;
    let taken = "update payout.run set fence = fence + 1, leased_until_wall_at = null";
    sqlx::query(taken)
        .execute(&world.bed.db.owner().await?)
        .await?;
    drop(held);
    service.settle().await;
    assert_eq!(going_out(&service).await?, [5_000]);
    service.stop().await;
    Ok(())
}
