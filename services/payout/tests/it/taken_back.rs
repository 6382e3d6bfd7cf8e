//! Transfers that somebody takes back at Stripe, in whole or in part.

use anyhow::Result;
use serde_json::json;
use testkit::{TestService, eventually};
use time::Duration;
use wire::payout::v1 as proto;

use crate::reversal::{ARRIVAL, REVERSALS, account, heard, on, paid, ready, reversed, stands};
use crate::world::{BANK, START, World};

/// The bank step is refused for now; meanwhile somebody at Stripe takes some of it back.
async fn taken_back_before_the_bank(minor: &str) -> Result<(World, TestService)> {
    let (mut world, service) = ready(None).await?;
    let refuse = json!({ "kind": "refuse_call", "match": { "method": "POST", "path": BANK } });
    world.fault(refuse).await?;
    world.close("2027-01").await?;
    service.settle().await;
    world.no_more_faults().await?;
    let payout = world.payout(&service).await?;
    assert_eq!(stands(&payout), ("retry_wait", "bank"));
    let path = format!("/v1/transfers/{}/reversals", payout.transfer_id);
    world.call(&path, &[("amount", minor)]).await?;
    heard(&mut world, &service).await?;
    Ok((world, service))
}

#[tokio::test]
async fn of_what_somebody_took_back_in_part_the_bank_gets_what_is_left() -> Result<()> {
    let (mut world, service) = taken_back_before_the_bank("2000").await?;
    let payout = world.payout(&service).await?;
    assert_eq!(payout.reversed_minor, 2_000);
    assert_eq!(
        payout.reason,
        "$20.00 was taken back at Stripe: the bank gets $30.00"
    );
    // A second part, and the same webhooks again.
    let path = format!("/v1/transfers/{}/reversals", payout.transfer_id);
    world.call(&path, &[("amount", "500")]).await?;
    heard(&mut world, &service).await?;
    on(&mut world, &service, START + Duration::minutes(5)).await?;
    let payout = on(&mut world, &service, ARRIVAL).await?;
    assert_eq!(stands(&payout), ("paid", "bank"));
    let settled = world
        .bed
        .announced::<proto::AttemptSettled>("payout")
        .await?;
    let amounts: Vec<(&str, i64)> = settled
        .iter()
        .map(|fact| (fact.step.as_str(), fact.amount_minor))
        .collect();
    assert_eq!(amounts, [("transfer", 5_000), ("bank", 2_500)]);
    let back: Vec<(i64, bool)> = reversed(&world)
        .await?
        .iter()
        .map(|fact| (fact.amount_minor, fact.after_paid))
        .collect();
    assert_eq!(back, [(2_000, false), (500, false)]);
    let account = account(&world);
    let banked = world.list("/v1/payouts", Some(&account)).await?;
    assert_eq!(banked[0]["amount"], 2_500);
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_transfer_that_somebody_took_back_whole_before_the_bank_had_it_fails_with_that_reason()
-> Result<()> {
    let (mut world, service) = taken_back_before_the_bank("5000").await?;
    let payout = on(&mut world, &service, START + Duration::minutes(5)).await?;
    assert_eq!(payout.state, "failed");
    assert_eq!(world.done(BANK).await?, 0);
    assert_eq!(reversed(&world).await?.len(), 1);
    let release = format!("release {}", payout.payout_id);
    assert_eq!(world.others.books.lock().unwrap().told, [release]);
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn what_somebody_takes_back_after_it_was_paid_is_recorded_and_said() -> Result<()> {
    let (mut world, service, payout) = paid(None).await?;
    let other = json!({ "amount": 9_000, "account": account(&world) });
    world.command("adjustment", other).await?;
    let path = format!("/v1/transfers/{}/reversals", payout.transfer_id);
    world.call(&path, &[("amount", "2000")]).await?;
    let payout = heard(&mut world, &service).await?;
    assert_eq!(stands(&payout), ("paid", "bank"));
    assert_eq!(payout.reversed_minor, 2_000);
    assert_eq!(
        payout.reason,
        "paid to the bank; $20.00 was taken back at Stripe afterwards"
    );
    let back = reversed(&world).await?;
    assert_eq!((back.len(), back[0].after_paid), (1, true));
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_reversal_that_somebody_else_was_faster_with_is_counted_and_not_ordered_again()
-> Result<()> {
    let (mut world, service) = ready(Some("000111111116")).await?;
    let orders = json!({ "method": "POST", "path": REVERSALS });
    world
        .fault(json!({ "kind": "reset_before", "match": orders }))
        .await?;
    world.close("2027-01").await?;
    service.settle().await;
    world.advance(ARRIVAL).await?;
    world.deliver().await?;
    let payout = eventually("the reversal to be unknown", || async {
        let payout = world.payout(&service).await.ok()?;
        (stands(&payout) == ("unknown", "reversal")).then_some(payout)
    })
    .await;
    service.stop().await;
    world.no_more_faults().await?;
    let path = format!("/v1/transfers/{}/reversals", payout.transfer_id);
    world.call(&path, &[("amount", "5000")]).await?;
    let service = world.service().await?;
    service.settle().await;
    let payout = world.payout(&service).await?;
    assert_eq!(stands(&payout), ("failed", "reversal"));
    assert_eq!(
        (payout.failure_code.as_str(), payout.retry_count),
        ("no_account", 0)
    );
    assert_eq!(
        (world.done(REVERSALS).await?, reversed(&world).await?.len()),
        (1, 1)
    );
    service.stop().await;
    Ok(())
}
