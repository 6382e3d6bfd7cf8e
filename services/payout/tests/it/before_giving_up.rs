//! Before money is given back or taken back, Stripe is asked what is there.

use anyhow::Result;
use testkit::{TestService, eventually};
use time::Duration;
use wire::payout::v1 as proto;

use crate::front::Fault;
use crate::others::{Hold, HoldState};
use crate::reversal::{ARRIVAL, REVERSALS, on, ready, stands};
use crate::unknown::{becomes, tell_transfer_failed};
use crate::world::{BANK, START, TRANSFERS, World};

/// What Stripe makes of the newest order that is in doubt, late and by itself.
async fn arrives_late(world: &World, payout: &proto::Payout) -> Result<()> {
    let amount = payout.amount_minor.to_string();
    let form = [
        ("amount", amount.as_str()),
        ("currency", "usd"),
        ("destination", world.accounts[0].as_str()),
        ("transfer_group", payout.payout_id.as_str()),
        ("metadata[payout_id]", payout.payout_id.as_str()),
    ];
    world.call(TRANSFERS, &form).await?;
    Ok(())
}

/// Nothing was given back: the books have the transfer, and nobody heard of a final refusal.
async fn is_kept(world: &World, attempt: i32) -> Result<()> {
    let refused = world
        .bed
        .announced::<proto::AttemptRefused>("payout")
        .await?;
    assert!(refused.iter().all(|fact| !fact.r#final), "{refused:?}");
    assert_eq!(world.others.hold_states(), [HoldState::Committed(attempt)]);
    let told = world
        .others
        .books
        .lock()
        .expect("no test panics with it")
        .told
        .clone();
    assert!(told.is_empty(), "{told:?}");
    assert_eq!(world.done(TRANSFERS).await?, 1);
    Ok(())
}

/// Refused three times, for passing reasons; the fourth order is yet to be sent.
async fn refused_three_times(world: &World, service: &TestService) -> Result<()> {
    for _ in 0..3 {
        let no = Fault::Refuse("processing_error");
        world.front.fail_next(TRANSFERS, no);
    }
    world.close("2027-01").await?;
    service.settle().await;
    for minutes in [5, 15] {
        world.advance(START + Duration::minutes(minutes)).await?;
        service.settle().await;
    }
    let payout = world.payout(service).await?;
    assert_eq!(stands(&payout), ("retry_wait", "transfer"));
    assert_eq!(payout.retry_count, 3);
    Ok(())
}

const FOURTH: Duration = Duration::minutes(35);

#[tokio::test]
async fn a_transfer_that_was_refused_to_us_for_good_and_made_all_the_same_is_taken_as_made()
-> Result<()> {
    let (world, service) = ready(None).await?;
    let lie = Fault::DoAndRefuse("transfers_not_allowed");
    world.front.fail_next(TRANSFERS, lie);
    world.close("2027-01").await?;
    service.settle().await;
    let payout = world.payout(&service).await?;
    assert_eq!(stands(&payout), ("sent", "bank"), "{payout:?}");
    is_kept(&world, 0).await?;
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn after_the_third_retry_a_transfer_is_looked_for_before_the_money_is_given_back()
-> Result<()> {
    let (world, service) = ready(None).await?;
    refused_three_times(&world, &service).await?;
    let lie = Fault::DoAndRefuse("processing_error");
    world.front.fail_next(TRANSFERS, lie);
    world.advance(START + FOURTH).await?;
    service.settle().await;
    let payout = world.payout(&service).await?;
    assert_eq!(stands(&payout), ("sent", "bank"), "{payout:?}");
    is_kept(&world, 3).await?;
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_bank_payout_that_was_refused_to_us_for_good_and_made_all_the_same_is_not_reversed()
-> Result<()> {
    let (mut world, service) = ready(None).await?;
    let lie = Fault::DoAndRefuse("no_account");
    world.front.fail_next(BANK, lie);
    world.close("2027-01").await?;
    service.settle().await;
    let payout = on(&mut world, &service, ARRIVAL).await?;
    assert_eq!(stands(&payout), ("paid", "bank"), "{payout:?}");
    assert_eq!(
        (world.done(BANK).await?, world.done(REVERSALS).await?),
        (1, 0)
    );
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_hold_that_is_lost_after_a_first_try_ends_the_payout_only_if_nothing_was_made()
-> Result<()> {
    for made in [true, false] {
        let (world, service) = ready(None).await?;
        let no = if made {
            Fault::DoAndRefuse("processing_error")
        } else {
            Fault::Refuse("processing_error")
        };
        world.front.fail_next(TRANSFERS, no);
        world.close("2027-01").await?;
        service.settle().await;
        let payout = becomes(&world, &service, "retry_wait").await;
        let lost = Hold {
            creator_id: "alice".into(),
            amount_minor: 5_000,
            state: HoldState::Released,
        };
        world.others.put(&payout.payout_id, lost);
        world.advance(START + Duration::minutes(5)).await?;
        service.settle().await;
        let payouts = crate::world::payouts(&service).await?;
        let state = if made { "sending" } else { "canceled" };
        assert_eq!(payouts[0].state, state, "{payouts:?}");
        assert_eq!(world.front.keys(TRANSFERS).len(), 1);
        service.stop().await;
    }
    Ok(())
}

#[tokio::test]
async fn an_absence_is_believed_when_it_was_seen_twice_an_hour_apart() -> Result<()> {
    let (world, service) = ready(None).await?;
    refused_three_times(&world, &service).await?;
    world.front.fail_always(TRANSFERS, Some(Fault::Swallow));
    world.advance(START + FOURTH).await?;
    let payout = becomes(&world, &service, "unknown").await;
    let dead = START + FOURTH + Duration::hours(23);
    world.advance(dead).await?;
    let settled = service.settle().await;
    let looked = world.payout(&service).await?;
    assert_eq!(looked.state, "unknown", "{looked:?}");
    let again = dead + Duration::HOUR;
    assert_eq!(settled.next_due, Some(wire::timestamp(again)));

    arrives_late(&world, &payout).await?;
    world.front.fail_always(TRANSFERS, None);
    world.advance(again).await?;
    service.settle().await;
    let payout = world.payout(&service).await?;
    assert_eq!(stands(&payout), ("sent", "bank"), "{payout:?}");
    is_kept(&world, 3).await?;
    service.stop().await;
    Ok(())
}

/// Goal: whoever looks often, or starts anew, does not make an absence older.
/// Method: a look at the key's end, a restart, a question in between, and only then the hour.
#[tokio::test]
async fn an_absence_that_was_seen_once_is_remembered_and_not_hastened() -> Result<()> {
    let (world, service) = ready(None).await?;
    refused_three_times(&world, &service).await?;
    world.front.fail_always(TRANSFERS, Some(Fault::Swallow));
    world.advance(START + FOURTH).await?;
    let payout = becomes(&world, &service, "unknown").await;
    let dead = START + FOURTH + Duration::hours(23);
    world.advance(dead).await?;
    service.settle().await;
    service.stop().await;
    let service = world.service().await?;
    world.advance(dead + Duration::minutes(59)).await?;
    let looks = world.front.looks();
    let request = proto::GetPayoutRequest {
        payout_id: payout.payout_id,
    };
    let seen = crate::world::client(&service)?.get_payout(request).await?;
    assert_eq!(seen.into_inner().state, "unknown");
    assert!(world.front.looks() > looks, "nobody looked");
    world.advance(dead + Duration::HOUR).await?;
    service.settle().await;
    let payout = world.payout(&service).await?;
    assert_eq!(stands(&payout), ("failed", "transfer"));
    assert_eq!(payout.failure_code, "lost_on_the_way");
    assert_eq!(world.others.hold_states(), [HoldState::Released]);
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_transfer_that_is_found_and_not_booked_yet_is_waited_for_and_not_sent_again() -> Result<()>
{
    let (world, service) = ready(None).await?;
    let lie = Fault::DoAndRefuse("processing_error");
    world.front.fail_next(TRANSFERS, lie);
    world.close("2027-01").await?;
    service.settle().await;
    world.front.unbook(true);
    let looks = world.front.looks();
    world.advance(START + Duration::minutes(5)).await?;
    eventually("the transfer to be looked for twice", || async {
        (world.front.looks() > looks + 1).then_some(())
    })
    .await;
    assert_eq!(world.front.keys(TRANSFERS).len(), 1);
    world.front.unbook(false);
    service.settle().await;
    let payout = world.payout(&service).await?;
    assert_eq!(stands(&payout), ("sent", "bank"), "{payout:?}");
    assert_eq!(world.front.keys(TRANSFERS).len(), 1);
    is_kept(&world, 1).await?;
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_failure_of_an_object_that_stripe_does_not_know_is_no_refusal_of_the_transfer_that_it_has()
-> Result<()> {
    let (world, service) = ready(None).await?;
    world.front.fail_always(TRANSFERS, Some(Fault::LoseReply));
    world.close("2027-01").await?;
    let payout = becomes(&world, &service, "unknown").await;
    tell_transfer_failed(&world, &payout, "tr_nobodys").await?;
    let payout = becomes(&world, &service, "sent").await;
    assert!(payout.transfer_id.starts_with("tr_"), "{payout:?}");
    service.settle().await;
    is_kept(&world, 0).await?;
    service.stop().await;
    Ok(())
}
