//! An account whose owner leaves the platform: Stripe lets nobody in there any more, but the
//! platform's own calls go on.

use anyhow::Result;
use serde_json::{Value, json};
use testkit::{TestService, eventually};
use time::Duration;
use wire::payout::v1 as proto;

use crate::front::Fault;
use crate::others::HoldState;
use crate::reversal::{REVERSALS, ready, stands};
use crate::unknown::becomes;
use crate::world::{BANK, START, World};

/// The owner leaves: from now on each call for the account is answered with 403.
async fn leaves(world: &mut World) -> Result<()> {
    let account = world.accounts.remove(0);
    let path = format!("accounts/{account}/deauthorize");
    world.command(&path, json!({})).await?;
    let refused = world.list("/v1/payouts", Some(&account)).await;
    let status = refused.map_err(|error| error.to_string());
    assert!(
        status.as_ref().is_err_and(|said| said.contains("403")),
        "{status:?}"
    );
    Ok(())
}

/// The money is the platform's again, the books know, and the creator is told why.
async fn is_back(world: &World, service: &TestService) -> Result<()> {
    service.settle().await;
    let payout = world.payout(service).await?;
    assert_eq!(stands(&payout), ("failed", "reversal"), "{payout:?}");
    assert_eq!(
        (payout.failure_code.as_str(), payout.reversed_minor),
        ("account_invalid", 5_000)
    );
    assert_eq!(
        payout.reason,
        "your account at Stripe is no longer connected with us (account_invalid): \
         the money is in your balance again"
    );
    assert_eq!(world.done(REVERSALS).await?, 1);
    assert_eq!(world.others.hold_states(), [HoldState::Committed(0)]);
    Ok(())
}

#[tokio::test]
async fn a_bank_payout_that_is_tried_again_after_the_owner_has_left_is_followed_by_a_reversal()
-> Result<()> {
    let (mut world, service) = ready(None).await?;
    let no = Fault::Refuse("processing_error");
    world.front.fail_next(BANK, no);
    world.close("2027-01").await?;
    service.settle().await;
    leaves(&mut world).await?;
    world.advance(START + Duration::minutes(5)).await?;
    is_back(&world, &service).await?;
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_bank_payout_in_doubt_whose_account_is_gone_is_followed_by_a_reversal() -> Result<()> {
    // By the same key, and by looking when the key is dead.
    for hours in [0, 23] {
        let (mut world, service) = ready(None).await?;
        world.front.fail_always(BANK, Some(Fault::Swallow));
        world.close("2027-01").await?;
        becomes(&world, &service, "unknown").await;
        leaves(&mut world).await?;
        world.advance(START + Duration::hours(hours)).await?;
        if hours == 0 {
            world.front.fail_always(BANK, None);
        }
        is_back(&world, &service).await?;
        service.stop().await;
    }
    Ok(())
}

/// Stripe decides whether the money was there: what the bank has cannot be taken back.
#[tokio::test]
async fn what_the_bank_has_after_all_is_not_counted_as_back_when_the_account_is_gone() -> Result<()>
{
    let (mut world, service) = ready(None).await?;
    world.front.fail_always(BANK, Some(Fault::LoseReply));
    world.close("2027-01").await?;
    becomes(&world, &service, "unknown").await;
    leaves(&mut world).await?;
    let dead = START + Duration::hours(23);
    world.advance(dead).await?;
    let settled = service.settle().await;
    let payout = world.payout(&service).await?;
    assert_eq!(stands(&payout), ("reversing", "reversal"), "{payout:?}");
    assert_eq!(world.done(REVERSALS).await?, 0);
    assert_eq!(payout.reversed_minor, 0);
    assert_eq!(
        settled.next_due,
        Some(wire::timestamp(dead + Duration::DAY))
    );
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_bank_that_cannot_be_asked_because_the_owner_has_left_is_asked_again_each_day()
-> Result<()> {
    let (mut world, service) = ready(None).await?;
    world.close("2027-01").await?;
    service.settle().await;
    let payout = world.payout(&service).await?;
    let arrival = wire::instant("expected_arrival_at", payout.expected_arrival_at)?;
    leaves(&mut world).await?;
    let asked = arrival + Duration::HOUR;
    world.advance(asked).await?;
    let settled = service.settle().await;
    assert_eq!(stands(&world.payout(&service).await?), ("sent", "bank"));
    assert_eq!(
        settled.next_due,
        Some(wire::timestamp(asked + Duration::DAY))
    );
    service.stop().await;
    Ok(())
}

/// A key of another platform's sees no account either: then nothing is given up.
#[tokio::test]
async fn a_key_that_does_not_see_the_transfer_either_proves_nothing_about_the_account() -> Result<()>
{
    let (world, service) = ready(None).await?;
    world.front.be_strange(true);
    world.close("2027-01").await?;
    eventually("the bank to be tried", || async {
        (world.front.keys(BANK).len() > 1).then_some(())
    })
    .await;
    let payout = world.payout(&service).await?;
    assert_eq!(stands(&payout), ("sending", "bank"), "{payout:?}");
    world.front.be_strange(false);
    service.settle().await;
    assert_eq!(stands(&world.payout(&service).await?), ("sent", "bank"));
    service.stop().await;
    Ok(())
}

/// What the reader was told to read and may not is laid aside.
#[tokio::test]
async fn an_event_of_an_account_whose_owner_has_left_is_laid_aside() -> Result<()> {
    let (mut world, service) = ready(None).await?;
    world.close("2027-01").await?;
    service.settle().await;
    let payout: proto::Payout = world.payout(&service).await?;
    let account = world.accounts[0].clone();
    leaves(&mut world).await?;
    let event = wire::webhook_ingest::v1::StripeEvent {
        event_id: "evt_late".into(),
        r#type: "payout.paid".into(),
        account,
        object_id: payout.bank_payout_id,
        object_kind: "payout".into(),
        body: Value::Null.to_string().into_bytes(),
        ..Default::default()
    };
    let fact = mailbox::Fact::new("evt_late", "evt_late", 1, START, &event);
    world.bed.publish("webhook_ingest", &[fact]).await?;
    service.settle().await;
    assert_eq!(stands(&world.payout(&service).await?), ("sent", "bank"));
    service.stop().await;
    Ok(())
}
