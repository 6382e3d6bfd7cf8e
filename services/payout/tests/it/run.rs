//! The run on the 1st: who is paid, who carries over, and why.

use anyhow::Result;
use testkit::eventually;
use time::Duration;
use wire::payout::v1 as proto;

use crate::front::BALANCE;
use crate::others::HoldState;
use crate::world::{BANK, START, TRANSFERS, World, payouts, run};

#[tokio::test]
async fn a_close_told_twice_pays_each_creator_once_from_the_books_to_the_bank() -> Result<()> {
    let mut world = World::start().await?;
    let service = world.service().await?;
    world.creator(&service, "alice", None).await?;
    world.creator(&service, "bob", None).await?;
    world.top_up(100_000).await?;
    world.others.owe("alice", 18_600);
    world.others.owe("bob", 2_500);
    world.close("2027-01").await?;
    world.close("2027-01").await?;
    service.settle().await;
    let figures = run(&service, "2027-01").await?;
    assert_eq!(
        (figures.state.as_str(), figures.planned_minor),
        ("running", 21_100)
    );
    let waiting = payouts(&service).await?;
    assert!(
        waiting
            .iter()
            .all(|payout| (payout.state.as_str(), payout.step.as_str()) == ("sent", "bank")),
        "{waiting:?}"
    );

    world.advance(START + Duration::days(3)).await?;
    world.deliver().await?;
    service.settle().await;
    let figures = run(&service, "2027-01").await?;
    assert_eq!(
        (
            figures.state.as_str(),
            figures.paid_count,
            figures.paid_minor
        ),
        ("done", 2, 21_100)
    );
    assert_eq!(world.transfers().await?.len(), 2);
    assert_eq!(world.front.keys(BANK).len(), 2);
    assert_eq!(
        world.others.hold_states(),
        [HoldState::Committed(0), HoldState::Committed(0)]
    );
    assert_eq!(world.others.books.lock().unwrap().told.len(), 2);

    let settled = world
        .bed
        .announced::<proto::AttemptSettled>("payout")
        .await?;
    let (transfers, banks): (Vec<_>, Vec<_>) =
        settled.iter().partition(|fact| fact.step == "transfer");
    assert_eq!((transfers.len(), banks.len()), (2, 2));
    assert!(transfers.iter().all(|fact| fact.txn.starts_with("txn_")));
    assert!(banks.iter().all(|fact| fact.txn.is_empty()));
    let alice: Vec<String> = world
        .bed
        .announced::<proto::PayoutChanged>("payout")
        .await?
        .into_iter()
        .filter(|event| event.creator_id == "alice")
        .map(|event| format!("{} {}", event.state, event.step))
        .collect();
    assert_eq!(
        alice,
        [
            "planned transfer",
            "reserved transfer",
            "sending transfer",
            "sent transfer",
            "sending bank",
            "sent bank",
            "paid bank",
        ]
    );
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn whoever_is_below_the_threshold_or_cannot_be_paid_carries_over_with_the_reason()
-> Result<()> {
    let mut world = World::start().await?;
    let service = world.service().await?;
    world.creator(&service, "alice", None).await?;
    world.top_up(100_000).await?;
    world.others.owe("alice", 2_180);
    world.others.owe("bob", 5_000);
    world.close("2027-01").await?;
    service.settle().await;
    let figures = run(&service, "2027-01").await?;
    assert_eq!((figures.state.as_str(), figures.planned_count), ("done", 0));
    let reasons: Vec<&str> = figures
        .carried_over
        .iter()
        .map(|carried| carried.reason.as_str())
        .collect();
    assert_eq!(
        reasons,
        [
            "below $25.00 by $3.20",
            "bank account not verified: onboarding was not started; once it is, the next run pays, \
             or a request"
        ]
    );
    assert!(world.front.keys(TRANSFERS).is_empty());
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn whoever_available_funds_do_not_reach_waits_until_they_do() -> Result<()> {
    let mut world = World::start().await?;
    let service = world.service().await?;
    world.creator(&service, "alice", None).await?;
    world.creator(&service, "bob", None).await?;
    world.top_up(6_000).await?;
    world.others.owe("alice", 5_000);
    world.others.owe("bob", 4_000);
    world.close("2027-01").await?;
    let settled = service.settle().await;
    let midnight = wire::timestamp(START + Duration::DAY);
    assert_eq!(settled.next_due, Some(midnight));
    let figures = run(&service, "2027-01").await?;
    assert_eq!(
        (figures.state.as_str(), figures.planned_count),
        ("planning", 1)
    );
    assert_eq!(figures.carried_over[0].creator_id, "bob");
    assert_eq!(
        figures.carried_over[0].reason,
        "waiting for charges to settle"
    );

    world.top_up(6_000).await?;
    world.advance(START + Duration::DAY).await?;
    service.settle().await;
    let figures = run(&service, "2027-01").await?;
    assert_eq!(
        (figures.state.as_str(), figures.planned_count),
        ("running", 2)
    );
    assert!(figures.carried_over.is_empty());
    assert_eq!(world.transfers().await?.len(), 2);
    service.stop().await;
    Ok(())
}

/// Goal: what leaves while a run is planned is never counted as there.
/// Method: January's payout leaves between Stripe's answer about the balance and the plan.
#[tokio::test]
async fn what_leaves_while_a_run_is_planned_is_not_promised_to_another() -> Result<()> {
    let mut world = World::start().await?;
    let service = world.service().await?;
    world.creator(&service, "alice", None).await?;
    world.creator(&service, "bob", None).await?;
    world.top_up(6_000).await?;
    world.others.owe("alice", 5_000);
    world.others.books.lock().unwrap().commits_down = true;
    world.close("2027-01").await?;
    let becomes = async |state: &str| {
        eventually(&format!("alice's payout to be {state}"), async || {
            let payout = world.payout(&service).await.ok()?;
            (payout.state == state).then_some(())
        })
        .await;
    };
    becomes("sending").await;

    let balance = world.front.hold_balance().await;
    let asked = world.front.keys(BALANCE).len();
    world.others.owe("bob", 4_000);
    world.close("2027-02").await?;
    eventually("the balance to be asked for", async || {
        (world.front.keys(BALANCE).len() > asked).then_some(())
    })
    .await;
    world.others.books.lock().unwrap().commits_down = false;
    becomes("sent").await;
    drop(balance);
    service.settle().await;
    let figures = run(&service, "2027-02").await?;
    assert_eq!(figures.planned_count, 0);
    assert_eq!(figures.carried_over.len(), 1);
    assert_eq!(figures.carried_over[0].creator_id, "bob");
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_payout_above_a_limit_is_replaced_by_a_smaller_one() -> Result<()> {
    let mut world = World::start().await?;
    let service = world.service().await?;
    world.creator(&service, "alice", None).await?;
    world.top_up(100_000).await?;
    world.others.owe("alice", 9_000);
    world.others.books.lock().unwrap().single_max = 6_000;
    world.close("2027-01").await?;
    service.settle().await;
    let payout = world.payout(&service).await?;
    assert_eq!(
        (payout.state.as_str(), payout.amount_minor),
        ("sent", 6_000)
    );
    let mut canceled = payouts(&service).await?;
    canceled.retain(|payout| payout.state == "canceled");
    assert_eq!(canceled.len(), 1);
    assert_eq!(
        canceled[0].reason,
        "over the limit for one payout: $60.00 is paid instead"
    );
    assert_eq!(world.others.books.lock().unwrap().payable["alice"], 3_000);
    assert_eq!(run(&service, "2027-01").await?.planned_minor, 6_000);
    service.stop().await;
    Ok(())
}
