//! Who is not paid by a run, what is said, and when it goes on.

use anyhow::Result;
use testkit::{TestService, eventually};
use time::Duration;
use wire::payout::v1 as proto;

use crate::front::Fault;
use crate::world::{START, TRANSFERS, World, client, payouts, run};

async fn carried(service: &TestService, creator_id: &str) -> Result<proto::CarriedOver> {
    let request = proto::GetCarryOverRequest {
        creator_id: creator_id.into(),
    };
    let answer = client(service)?.get_carry_over(request).await?;
    Ok(answer.into_inner())
}

#[tokio::test]
async fn the_rest_of_a_capped_payout_is_planned_again_the_next_day() -> Result<()> {
    let mut world = World::start().await?;
    let service = world.service().await?;
    world.creator(&service, "alice", None).await?;
    world.top_up(100_000).await?;
    world.others.owe("alice", 9_000);
    world.others.books.lock().unwrap().single_max = 6_000;
    world.close("2027-01").await?;
    let midnight = wire::timestamp(START + Duration::DAY);
    assert_eq!(service.settle().await.next_due, Some(midnight));
    let rest = carried(&service, "alice").await?;
    assert_eq!(
        (rest.payable_minor, rest.month.as_str()),
        (3_000, "2027-01")
    );
    assert_eq!(
        rest.reason,
        "over the limit for one payout: the rest follows on 2027-02-02"
    );
    assert_eq!(rest.expected_on, Some(midnight));

    world.advance(START + Duration::DAY).await?;
    service.settle().await;
    let figures = run(&service, "2027-01").await?;
    assert_eq!((figures.planned_count, figures.planned_minor), (2, 9_000));
    assert_eq!((figures.open_count, figures.open_minor), (2, 9_000));
    assert!(figures.carried_over.is_empty());
    assert_eq!(world.transfers().await?.len(), 2);
    assert_eq!(carried(&service, "alice").await?.reason, "");
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn whoever_waits_for_charges_is_told_the_day_and_paid_on_it() -> Result<()> {
    let mut world = World::start().await?;
    let service = world.service().await?;
    world.creator(&service, "alice", None).await?;
    world.charge(10_000).await?;
    world.others.owe("alice", 5_000);
    world.close("2027-01").await?;
    service.settle().await;
    let waiting = carried(&service, "alice").await?;
    assert_eq!(
        waiting.reason,
        "waiting for charges to settle, expected on 2027-02-03"
    );
    for day in 1..=2 {
        assert!(world.transfers().await?.is_empty());
        world.advance(START + Duration::days(day)).await?;
        service.settle().await;
    }
    assert_eq!(world.transfers().await?.len(), 1);
    assert_eq!(run(&service, "2027-01").await?.state, "running");
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn whoever_still_waits_when_the_next_month_closes_is_paid_once_with_both() -> Result<()> {
    let mut world = World::start().await?;
    let service = world.service().await?;
    world.creator(&service, "alice", None).await?;
    world.others.owe("alice", 5_000);
    world.close("2027-01").await?;
    service.settle().await;
    assert_eq!(run(&service, "2027-01").await?.state, "planning");

    world.others.owe("alice", 8_000);
    world.close("2027-02").await?;
    service.settle().await;
    let january = run(&service, "2027-01").await?;
    assert_eq!(january.state, "done");
    assert_eq!(
        january.carried_over[0].reason,
        "waiting for charges to settle; it goes on with the run after"
    );
    assert_eq!(carried(&service, "alice").await?.month, "2027-02");

    world.top_up(100_000).await?;
    world.advance(START + Duration::DAY).await?;
    service.settle().await;
    assert_eq!(world.transfers().await?.len(), 1);
    assert_eq!(run(&service, "2027-02").await?.planned_minor, 8_000);
    assert_eq!(run(&service, "2027-01").await?.planned_minor, 0);
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn two_months_that_close_together_plan_the_same_money_once() -> Result<()> {
    let mut world = World::start().await?;
    let service = world.service().await?;
    world.creator(&service, "alice", None).await?;
    world.top_up(100_000).await?;
    world.others.owe("alice", 5_000);
    // Planned and not held: the books still count it as payable.
    world.others.books.lock().unwrap().holds_down = true;
    world.close("2027-01").await?;
    world.close("2027-02").await?;
    // Nor can the second run tell what is left: it looks until it can.
    eventually("both runs to have looked", || async {
        let february = run(&service, "2027-02").await.ok()?;
        (february.state == "planning" && february.carried_over.len() == 1).then_some(())
    })
    .await;
    world.others.books.lock().unwrap().holds_down = false;
    service.settle().await;
    assert_eq!(run(&service, "2027-01").await?.planned_minor, 5_000);
    let february = run(&service, "2027-02").await?;
    assert_eq!(
        (february.state.as_str(), february.planned_minor),
        ("done", 0)
    );
    assert!(february.carried_over.is_empty());
    assert_eq!(payouts(&service).await?.len(), 1);
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_run_pays_what_is_there_when_something_else_was_faster() -> Result<()> {
    let mut world = World::start().await?;
    let service = world.service().await?;
    world.creator(&service, "alice", None).await?;
    world.top_up(100_000).await?;
    world.others.books.lock().unwrap().payable_told = Some(5_000);
    world.others.owe("alice", 4_000);
    world.close("2027-01").await?;
    service.settle().await;
    let payout = world.payout(&service).await?;
    assert_eq!(
        (payout.state.as_str(), payout.amount_minor),
        ("sent", 4_000)
    );
    let figures = run(&service, "2027-01").await?;
    assert_eq!(
        (figures.state.as_str(), figures.planned_minor),
        ("running", 4_000)
    );
    assert!(figures.carried_over.is_empty());
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_creator_who_is_verified_after_the_run_is_paid_with_the_next_one() -> Result<()> {
    let mut world = World::start().await?;
    let service = world.service().await?;
    world.top_up(100_000).await?;
    world.others.owe("alice", 5_000);
    world.close("2027-01").await?;
    assert_eq!(service.settle().await.next_due, None);
    world.creator(&service, "alice", None).await?;
    world.advance(START + Duration::DAY).await?;
    service.settle().await;
    assert!(world.transfers().await?.is_empty());
    let reason = carried(&service, "alice").await?.reason;
    assert!(
        reason.ends_with("the next run pays, or a request"),
        "{reason}"
    );
    world.close("2027-02").await?;
    service.settle().await;
    assert_eq!(world.transfers().await?.len(), 1);
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_run_counts_what_failed_and_says_why_it_carries_over() -> Result<()> {
    let mut world = World::start().await?;
    let service = world.service().await?;
    world.creator(&service, "alice", None).await?;
    world.top_up(100_000).await?;
    world.others.owe("alice", 5_000);
    world
        .front
        .fail_always(TRANSFERS, Some(Fault::Refuse("no_account")));
    world.close("2027-01").await?;
    service.settle().await;
    let figures = run(&service, "2027-01").await?;
    assert_eq!(figures.state, "done");
    assert_eq!((figures.failed_count, figures.failed_minor), (1, 5_000));
    assert_eq!(figures.open_count, 0);
    assert_eq!(
        carried(&service, "alice").await?.reason,
        "the payout failed: the bank knows no such account (no_account); the next run pays, or a \
         request"
    );
    service.stop().await;
    Ok(())
}
