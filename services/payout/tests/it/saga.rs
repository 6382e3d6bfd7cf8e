//! One payout: refused, restarted, raced, returned.

use anyhow::Result;
use testkit::{TestService, eventually};
use time::{Duration, OffsetDateTime};
use wire::payout::v1 as proto;

use crate::front::Fault;
use crate::others::{Hold, HoldState};
use crate::world::{BANK, START, TRANSFERS, World, payouts};

async fn closed(bank: Option<&str>) -> Result<(World, TestService)> {
    let mut world = World::start().await?;
    let service = world.service().await?;
    world.creator(&service, "alice", bank).await?;
    world.top_up(100_000).await?;
    world.others.owe("alice", 5_000);
    Ok((world, service))
}

#[tokio::test]
async fn a_process_that_ends_between_commit_and_call_sends_once() -> Result<()> {
    let (world, service) = closed(None).await?;
    world.others.books.lock().unwrap().commits_down = true;
    world.close("2027-01").await?;
    eventually("the order to be committed", || async {
        let payout = world.payout(&service).await.ok()?;
        (payout.state == "sending").then_some(())
    })
    .await;
    service.stop().await;
    assert!(
        world.front.keys(TRANSFERS).is_empty(),
        "sent before the books committed"
    );

    world.others.books.lock().unwrap().commits_down = false;
    let service = world.service().await?;
    service.settle().await;
    let payout = world.payout(&service).await?;
    assert_eq!(payout.state, "sent");
    let key = format!("transfer:{}:0", payout.payout_id);
    assert_eq!(world.front.keys(TRANSFERS), [key]);
    assert_eq!(world.transfers().await?.len(), 1);
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_refused_transfer_is_tried_again_after_5_10_and_20_minutes_and_then_given_back()
-> Result<()> {
    let (world, service) = closed(None).await?;
    world
        .front
        .fail_always(TRANSFERS, Some(Fault::Refuse("processing_error")));
    world.close("2027-01").await?;
    let mut now = START;
    for (tries, minutes) in [(1, 5), (2, 10), (3, 20)] {
        let settled = service.settle().await;
        let payout = world.payout(&service).await?;
        assert_eq!(
            (payout.state.as_str(), payout.failure_code.as_str()),
            ("retry_wait", "processing_error")
        );
        assert_eq!(world.front.keys(TRANSFERS).len(), tries);
        let due: OffsetDateTime = now + Duration::minutes(minutes);
        assert_eq!(settled.next_due, Some(wire::timestamp(due)));
        world.advance(due).await?;
        now = due;
    }
    service.settle().await;
    let payout = world.payout(&service).await?;
    assert_eq!(payout.state, "failed");
    let keys: Vec<String> = (0..4)
        .map(|n| format!("transfer:{}:{n}", payout.payout_id))
        .collect();
    assert_eq!(world.front.keys(TRANSFERS), keys);
    assert_eq!(world.others.hold_states(), [HoldState::Released]);
    assert_eq!(
        world.others.books.lock().unwrap().told,
        [format!("release {}", payout.payout_id)]
    );
    let refused = world
        .bed
        .announced::<proto::AttemptRefused>("payout")
        .await?;
    let finals: Vec<bool> = refused.iter().map(|fact| fact.r#final).collect();
    assert_eq!(finals, [false, false, false, true]);
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn two_replicas_pay_once() -> Result<()> {
    let mut world = World::start().await?;
    let (first, second) = (world.service().await?, world.service().await?);
    for creator_id in ["alice", "bob", "carol", "dave", "erin", "frank"] {
        world.creator(&first, creator_id, None).await?;
        world.others.owe(creator_id, 4_000);
    }
    world.top_up(100_000).await?;
    world.close("2027-01").await?;
    first.settle().await;
    second.settle().await;
    world.advance(START + Duration::days(3)).await?;
    world.deliver().await?;
    first.settle().await;
    second.settle().await;
    assert_eq!(world.transfers().await?.len(), 6);
    let figures = crate::world::run(&second, "2027-01").await?;
    assert_eq!((figures.state.as_str(), figures.paid_count), ("done", 6));
    let settled = world
        .bed
        .announced::<proto::AttemptSettled>("payout")
        .await?;
    assert_eq!(settled.len(), 12);
    first.stop().await;
    second.stop().await;
    Ok(())
}

/// Goal: an answer that takes longer than a lease is waited for by one process alone, which keeps
/// its lease meanwhile.
#[tokio::test]
async fn a_lease_is_kept_for_as_long_as_stripe_takes_to_answer() -> Result<()> {
    let (world, first) = closed(None).await?;
    let second = world.service().await?;
    world.front.fail_next(TRANSFERS, Fault::Late);
    world.close("2027-01").await?;
    let owner = world.bed.db.owner().await?;
    let leased_until = async || {
        let query = "select leased_until_wall_at from payout.payout where state = 'sending'";
        let read = sqlx::query_scalar::<_, Option<OffsetDateTime>>(query);
        read.fetch_optional(&owner).await.ok().flatten().flatten()
    };
    eventually("the order to be sent", async || {
        (!world.front.keys(TRANSFERS).is_empty()).then_some(())
    })
    .await;
    let lease = eventually("the payout to be leased", &leased_until).await;
    eventually(
        "the lease to have run out, had it not been kept",
        async || (kit::Clock::system().wall() > lease).then_some(()),
    )
    .await;
    assert!(leased_until().await > Some(lease), "the lease was not kept");
    assert_eq!(world.front.keys(TRANSFERS).len(), 1);
    world.front.answer_late();
    first.settle().await;
    second.settle().await;
    assert_eq!(world.payout(&first).await?.state, "sent");
    assert_eq!(world.front.keys(TRANSFERS).len(), 1);
    first.stop().await;
    second.stop().await;
    Ok(())
}

/// What Stripe does not show to us is nobody's work: it would be asked for, for ever.
#[tokio::test]
async fn an_event_about_an_object_that_stripe_does_not_have_is_laid_aside() -> Result<()> {
    let (world, service) = closed(None).await?;
    let event = wire::webhook_ingest::v1::StripeEvent {
        event_id: "evt_strange".into(),
        r#type: "transfer.created".into(),
        object_id: "tr_strange".into(),
        object_kind: "transfer".into(),
        ..Default::default()
    };
    let fact = mailbox::Fact::new("evt_strange", "evt_strange", 1, START, &event);
    world.bed.publish("webhook_ingest", &[fact]).await?;
    service.settle().await;
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_bank_whose_webhook_is_lost_is_asked() -> Result<()> {
    let (world, service) = closed(None).await?;
    world.close("2027-01").await?;
    let settled = service.settle().await;
    let payout = world.payout(&service).await?;
    let arrival = wire::instant("expected_arrival_at", payout.expected_arrival_at)?;
    let due = arrival + Duration::HOUR;
    assert_eq!(settled.next_due, Some(wire::timestamp(due)));
    world.advance(due).await?;
    service.settle().await;
    assert_eq!(world.payout(&service).await?.state, "paid");
    assert_eq!(world.front.keys(BANK).len(), 1);
    service.stop().await;
    Ok(())
}

/// A hold that is asked for by a process that stalls may be placed when its payout is over. It is
/// looked for again.
#[tokio::test]
async fn a_hold_that_is_placed_after_its_payout_was_canceled_is_released_again() -> Result<()> {
    let (world, service) = closed(None).await?;
    // Less is there than the run is told, and not enough for another payout.
    world.others.books.lock().unwrap().payable_told = Some(5_000);
    world.others.owe("alice", 2_000);
    world.close("2027-01").await?;
    service.settle().await;
    let canceled = payouts(&service).await?.remove(0);
    assert_eq!(canceled.state, "canceled");
    assert!(world.others.hold_states().is_empty());
    let late = Hold {
        creator_id: "alice".into(),
        amount_minor: 2_000,
        state: HoldState::Held,
    };
    world.others.put(&canceled.payout_id, late);
    let soon = "update payout.payout set hold_look_wall_at = now()
                where hold_look_wall_at is not null";
    let owner = world.bed.db.owner().await?;
    assert_eq!(sqlx::query(soon).execute(&owner).await?.rows_affected(), 1);
    eventually("the hold to be released", || async {
        (world.others.hold_states() == [HoldState::Released]).then_some(())
    })
    .await;
    service.stop().await;
    Ok(())
}
