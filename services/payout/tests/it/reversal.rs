//! Money that comes back from a bank.

use anyhow::Result;
use serde_json::json;
use testkit::{TestService, eventually};
use time::{Duration, OffsetDateTime};
use wire::payout::v1 as proto;

use crate::others::HoldState;
use crate::world::{BANK, START, World};

const CLOSED: &str = "000111111113";
const NO_ACCOUNT: &str = "000111111116";
pub const REVERSALS: &str = "/v1/transfers/*/reversals";
/// When the bank has what was sent at the start.
pub const ARRIVAL: OffsetDateTime = START.saturating_add(Duration::days(3));

/// One creator with $50.00 to be paid, and a bank that does what its number says.
pub async fn ready(bank: Option<&str>) -> Result<(World, TestService)> {
    let mut world = World::start().await?;
    let service = world.service().await?;
    world.creator(&service, "alice", bank).await?;
    world.top_up(100_000).await?;
    world.others.owe("alice", 5_000);
    Ok((world, service))
}

/// Moves the clock, brings what happened, and waits until everything follows from it.
pub async fn on(
    world: &mut World,
    service: &TestService,
    at: OffsetDateTime,
) -> Result<proto::Payout> {
    world.advance(at).await?;
    heard(world, service).await
}

pub async fn heard(world: &mut World, service: &TestService) -> Result<proto::Payout> {
    // What the service does makes events of its own.
    for _ in 0..2 {
        service.settle().await;
        world.deliver().await?;
    }
    service.settle().await;
    world.payout(service).await
}

pub fn stands(payout: &proto::Payout) -> (&str, &str) {
    (payout.state.as_str(), payout.step.as_str())
}

pub async fn paid(bank: Option<&str>) -> Result<(World, TestService, proto::Payout)> {
    let (mut world, service) = ready(bank).await?;
    world.close("2027-01").await?;
    service.settle().await;
    let payout = on(&mut world, &service, ARRIVAL).await?;
    assert_eq!(stands(&payout), ("paid", "bank"));
    Ok((world, service, payout))
}

pub async fn reversed(world: &World) -> Result<Vec<proto::TransferReversed>> {
    world
        .bed
        .announced::<proto::TransferReversed>("payout")
        .await
}

pub fn account(world: &World) -> String {
    world.accounts.first().cloned().unwrap_or_default()
}

#[tokio::test]
async fn a_bank_that_refuses_for_good_is_followed_by_a_reversal_and_the_creator_is_told_why()
-> Result<()> {
    let (mut world, service) = ready(Some(NO_ACCOUNT)).await?;
    world.close("2027-01").await?;
    service.settle().await;
    let payout = on(&mut world, &service, ARRIVAL).await?;
    assert_eq!(stands(&payout), ("failed", "reversal"));
    assert_eq!(payout.failure_code, "no_account");
    assert_eq!(
        payout.reason,
        "the bank knows no such account (no_account): the money is in your balance again"
    );
    assert_eq!(payout.reversed_minor, 5_000);
    assert_eq!(world.done(REVERSALS).await?, 1);
    let told = reversed(&world).await?;
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].amount_minor, told[0].after_paid), (5_000, false));
    assert!(told[0].reversal.starts_with("trr_") && told[0].txn.starts_with("txn_"));
    // The books know from what was announced; only the limits are told.
    assert_eq!(world.others.hold_states(), [HoldState::Committed(0)]);
    let release = format!("release {}", payout.payout_id);
    assert_eq!(world.others.books.lock().unwrap().told, [release]);
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_bank_that_stays_closed_is_tried_after_5_10_and_20_minutes_and_then_the_transfer_is_reversed()
-> Result<()> {
    let (mut world, service) = ready(Some(CLOSED)).await?;
    world.close("2027-01").await?;
    service.settle().await;
    let mut now = ARRIVAL;
    let mut payout = on(&mut world, &service, now).await?;
    // The bank says that it is closed; from then on Stripe does not let the account be paid.
    let codes = [
        "account_closed",
        "payouts_not_allowed",
        "payouts_not_allowed",
    ];
    for (retry_count, (minutes, code)) in (1..).zip([5, 10, 20].into_iter().zip(codes)) {
        assert_eq!(stands(&payout), ("retry_wait", "bank"), "{payout:?}");
        assert_eq!(
            (payout.retry_count, payout.failure_code.as_str()),
            (retry_count, code)
        );
        let next = wire::instant("next_retry_at", payout.next_retry_at)?;
        assert_eq!(next - now, Duration::minutes(minutes));
        now = next;
        payout = on(&mut world, &service, now).await?;
    }
    assert_eq!(stands(&payout), ("failed", "reversal"));
    let keys: Vec<String> = (0..4)
        .map(|n| format!("bank:{}:{n}", payout.payout_id))
        .collect();
    assert_eq!(world.front.keys(BANK), keys);
    assert_eq!(
        (world.done(BANK).await?, world.done(REVERSALS).await?),
        (1, 1)
    );
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_creator_who_names_another_bank_account_is_paid_at_once_and_once() -> Result<()> {
    let (mut world, service) = ready(Some(CLOSED)).await?;
    world.close("2027-01").await?;
    service.settle().await;
    on(&mut world, &service, ARRIVAL).await?;
    let later = ARRIVAL + Duration::minutes(5);
    let payout = on(&mut world, &service, later).await?;
    assert_eq!(payout.failure_code, "payouts_not_allowed");
    // No time passes: that the account is enabled ends the wait.
    let complete = format!("accounts/{}/complete", account(&world));
    let good = json!({ "account_number": "000123456789" });
    world.command(&complete, good).await?;
    let payout = heard(&mut world, &service).await?;
    assert_eq!(stands(&payout), ("sent", "bank"), "{payout:?}");
    let arrival = wire::instant("expected_arrival_at", payout.expected_arrival_at)?;
    let payout = on(&mut world, &service, arrival).await?;
    assert_eq!(stands(&payout), ("paid", "bank"));
    let settled = world
        .bed
        .announced::<proto::AttemptSettled>("payout")
        .await?;
    let bank: Vec<i32> = settled
        .iter()
        .filter(|fact| fact.step == "bank")
        .map(|fact| fact.attempt)
        .collect();
    assert_eq!(bank, [2]);
    assert_eq!(world.done(REVERSALS).await?, 0);
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn what_the_bank_sends_back_after_it_was_paid_is_announced_and_taken_back() -> Result<()> {
    let (mut world, service, payout) = paid(None).await?;
    let path = format!("payouts/{}/fail", payout.bank_payout_id);
    world
        .command(&path, json!({ "code": "no_account" }))
        .await?;
    let payout = heard(&mut world, &service).await?;
    assert_eq!(stands(&payout), ("failed", "reversal"));
    let returned = world
        .bed
        .announced::<proto::AttemptReturned>("payout")
        .await?;
    assert_eq!(returned.len(), 1);
    assert_eq!((returned[0].attempt, returned[0].amount_minor), (0, 5_000));
    assert_eq!(returned[0].failure_code, "no_account");
    assert!(!reversed(&world).await?[0].after_paid);
    let told = world.others.books.lock().unwrap().told.clone();
    let id = payout.payout_id;
    assert_eq!(told, [format!("confirm {id}"), format!("release {id}")]);
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn what_the_bank_sends_back_for_a_passing_reason_is_sent_again_and_paid_once() -> Result<()> {
    let (mut world, service, payout) = paid(None).await?;
    let path = format!("payouts/{}/fail", payout.bank_payout_id);
    let code = json!({ "code": "account_closed" });
    world.command(&path, code).await?;
    let payout = heard(&mut world, &service).await?;
    assert_eq!(stands(&payout), ("returned", "bank"));
    let complete = format!("accounts/{}/complete", account(&world));
    let good = json!({ "account_number": "000123456789" });
    world.command(&complete, good).await?;
    let next = wire::instant("next_retry_at", payout.next_retry_at)?;
    let payout = on(&mut world, &service, next).await?;
    assert_eq!(stands(&payout), ("sent", "bank"));
    let arrival = wire::instant("expected_arrival_at", payout.expected_arrival_at)?;
    let payout = on(&mut world, &service, arrival).await?;
    assert_eq!(stands(&payout), ("paid", "bank"));
    assert_eq!(
        (world.done(BANK).await?, world.done(REVERSALS).await?),
        (2, 0)
    );
    assert_eq!(world.transfers().await?.len(), 1);
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_lost_reply_about_a_reversal_is_unknown_and_takes_the_money_back_once() -> Result<()> {
    let (mut world, service) = ready(Some(NO_ACCOUNT)).await?;
    let orders = json!({ "method": "POST", "path": REVERSALS });
    let lost = json!({ "kind": "reset_after", "match": orders, "times": 1 });
    world.fault(lost).await?;
    world.close("2027-01").await?;
    service.settle().await;
    let payout = on(&mut world, &service, ARRIVAL).await?;
    assert_eq!(stands(&payout), ("failed", "reversal"));
    assert_eq!(
        (world.done(REVERSALS).await?, reversed(&world).await?.len()),
        (1, 1)
    );
    let doubts = "select count(*) from payout.payout_transition where to_state = 'unknown'";
    let owner = world.bed.db.owner().await?;
    let doubts: i64 = sqlx::query_scalar(doubts).fetch_one(&owner).await?;
    assert_eq!(doubts, 1);
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_reversal_whose_key_has_died_is_looked_for_and_not_ordered_again() -> Result<()> {
    let (mut world, service) = ready(Some(NO_ACCOUNT)).await?;
    let lost = json!({ "kind": "reset_after", "match": { "method": "POST", "path": REVERSALS } });
    world.fault(lost).await?;
    world.close("2027-01").await?;
    service.settle().await;
    world.advance(ARRIVAL).await?;
    world.deliver().await?;
    eventually("the reversal to be unknown", || async {
        let payout = world.payout(&service).await.ok()?;
        let done = world.done(REVERSALS).await.ok()?;
        (stands(&payout) == ("unknown", "reversal") && done == 1).then_some(())
    })
    .await;
    let payout = on(&mut world, &service, ARRIVAL + Duration::hours(24)).await?;
    assert_eq!(stands(&payout), ("failed", "reversal"));
    assert_eq!(
        (world.done(REVERSALS).await?, reversed(&world).await?.len()),
        (1, 1)
    );
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_reversal_whose_money_is_gone_stays_reversing_and_is_looked_at_each_day() -> Result<()> {
    let (mut world, service) = ready(Some(NO_ACCOUNT)).await?;
    world.close("2027-01").await?;
    service.settle().await;
    let adjust = |amount: i64| json!({ "amount": amount, "account": account(&world) });
    let (less, more) = (adjust(-4_000), adjust(4_000));
    world.command("adjustment", less).await?;
    let payout = on(&mut world, &service, ARRIVAL).await?;
    assert_eq!(stands(&payout), ("reversing", "reversal"));
    assert!(
        payout.reason.contains("cannot be taken back now"),
        "{}",
        payout.reason
    );
    let tomorrow = wire::instant("next_retry_at", payout.next_retry_at)?;
    assert_eq!(tomorrow, ARRIVAL + Duration::DAY);
    world.command("adjustment", more).await?;
    let payout = on(&mut world, &service, tomorrow).await?;
    assert_eq!(stands(&payout), ("failed", "reversal"));
    assert_eq!(world.done(REVERSALS).await?, 1);
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn an_account_that_is_stopped_between_the_steps_keeps_its_money_and_gets_it_or_gives_it_back()
-> Result<()> {
    let (mut world, service) = ready(None).await?;
    let stop = json!({ "kind": "refuse_call", "match": { "method": "POST", "path": BANK }, "times": 1,
        "code": "payouts_not_allowed" });
    world.fault(stop).await?;
    world.close("2027-01").await?;
    service.settle().await;
    let restrict = format!("accounts/{}/restrict", account(&world));
    let stopped = json!({ "disabled_reason": "under_review" });
    world.command(&restrict, stopped).await?;
    let mut payout = heard(&mut world, &service).await?;
    assert_eq!(stands(&payout), ("retry_wait", "bank"));
    for _ in 0..3 {
        let next = wire::instant("next_retry_at", payout.next_retry_at)?;
        payout = on(&mut world, &service, next).await?;
    }
    assert_eq!(stands(&payout), ("failed", "reversal"));
    assert_eq!(payout.failure_code, "payouts_not_allowed");
    assert_eq!(world.transfers().await?.len(), 1);
    service.stop().await;
    Ok(())
}
