//! A lost reply is never "failed".

use anyhow::Result;
use testkit::{TestService, eventually};
use time::Duration;
use wire::payout::v1 as proto;

use crate::front::Fault;
use crate::world::{BANK, START, TRANSFERS, World};

async fn closed() -> Result<(World, TestService)> {
    let mut world = World::start().await?;
    let service = world.service().await?;
    world.creator(&service, "alice", None).await?;
    world.top_up(100_000).await?;
    world.others.owe("alice", 5_000);
    Ok((world, service))
}

async fn becomes(world: &World, service: &TestService, state: &str) -> proto::Payout {
    eventually(&format!("the payout to be {state}"), || async {
        world
            .payout(service)
            .await
            .ok()
            .filter(|payout| payout.state == state)
    })
    .await
}

#[tokio::test]
async fn a_lost_reply_is_unknown_and_the_same_key_again_makes_one_transfer() -> Result<()> {
    let (world, service) = closed().await?;
    world.front.fail_always(TRANSFERS, Some(Fault::LoseReply));
    world.close("2027-01").await?;
    let payout = becomes(&world, &service, "unknown").await;
    assert!(
        world
            .bed
            .announced::<proto::AttemptSettled>("payout")
            .await?
            .is_empty()
    );
    world.front.fail_always(TRANSFERS, None);
    service.settle().await;
    assert_eq!(world.payout(&service).await?.state, "sent");
    assert_eq!(world.transfers().await?.len(), 1);
    let keys = world.front.keys(TRANSFERS);
    assert!(keys.len() > 1);
    let key = format!("transfer:{}:0", payout.payout_id);
    assert!(keys.iter().all(|used| *used == key), "{keys:?}");
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_lost_reply_of_the_bank_step_pays_the_bank_once() -> Result<()> {
    let (mut world, service) = closed().await?;
    world.front.fail_next(BANK, Fault::LoseReply);
    world.close("2027-01").await?;
    service.settle().await;
    world.advance(START + Duration::days(3)).await?;
    world.deliver().await?;
    service.settle().await;
    let payout = world.payout(&service).await?;
    assert_eq!(payout.state, "paid");
    let key = format!("bank:{}:0", payout.payout_id);
    assert_eq!(world.front.keys(BANK), [key.clone(), key]);
    service.stop().await;
    Ok(())
}

/// Goal: an order that was written and perhaps sent is not sent again once its key is dead.
/// Method: a process that ends between Stripe's answer and its own record of it, and a long night
/// before the next one starts; for both steps.
#[tokio::test]
async fn an_order_whose_key_died_while_nobody_worked_is_looked_for_and_not_sent_again() -> Result<()>
{
    for (path, step) in [(TRANSFERS, "transfer"), (BANK, "bank")] {
        let (world, service) = closed().await?;
        world.front.fail_always(path, Some(Fault::LoseReply));
        world.close("2027-01").await?;
        becomes(&world, &service, "unknown").await;
        service.stop().await;
        let owner = world.bed.db.owner().await?;
        for forget in [
            "update payout.payout set state = 'sending', stumble_count = 0,
                    leased_until_wall_at = null",
            "update payout.attempt set state = 'sending', doubt = 'none' where state = 'unknown'",
        ] {
            sqlx::query(forget).execute(&owner).await?;
        }
        world.front.fail_always(path, None);
        world.advance(START + Duration::hours(25)).await?;
        let service = world.service().await?;
        service.settle().await;
        let payout = world.payout(&service).await?;
        assert_eq!(
            (payout.state.as_str(), payout.step.as_str()),
            ("sent", "bank"),
            "{step}"
        );
        assert_eq!(world.transfers().await?.len(), 1, "{step}");
        let account = world.accounts.first().map(String::as_str);
        let paid = world.list("/v1/payouts?limit=100", account).await?;
        assert_eq!(paid.len(), 1, "{step}");
        service.stop().await;
    }
    Ok(())
}

#[tokio::test]
async fn an_event_ends_a_doubt_that_no_answer_can() -> Result<()> {
    let (mut world, service) = closed().await?;
    world.front.fail_always(TRANSFERS, Some(Fault::LoseReply));
    world.close("2027-01").await?;
    becomes(&world, &service, "unknown").await;
    world.deliver().await?;
    becomes(&world, &service, "sent").await;
    assert_eq!(world.transfers().await?.len(), 1);
    service.settle().await;
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_new_key_is_taken_only_when_the_old_one_is_dead_and_nothing_is_found() -> Result<()> {
    let (world, service) = closed().await?;
    world.front.fail_always(TRANSFERS, Some(Fault::Swallow));
    world.close("2027-01").await?;
    let payout = becomes(&world, &service, "unknown").await;
    world.advance(START + Duration::hours(23)).await?;
    let payout_now = becomes(&world, &service, "retry_wait").await;
    assert_eq!(payout_now.failure_code, "lost_on_the_way");
    world.front.fail_always(TRANSFERS, None);
    world
        .advance(START + Duration::hours(23) + Duration::minutes(5))
        .await?;
    service.settle().await;
    assert_eq!(world.payout(&service).await?.state, "sent");
    let keys = world.front.keys(TRANSFERS);
    let last = format!("transfer:{}:1", payout.payout_id);
    assert_eq!(keys.last(), Some(&last));
    assert_eq!(keys.iter().filter(|key| **key == last).count(), 1);
    assert_eq!(world.transfers().await?.len(), 1);
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_transfer_that_arrived_after_all_is_found_when_its_key_is_dead() -> Result<()> {
    let (world, service) = closed().await?;
    world.front.fail_always(TRANSFERS, Some(Fault::LoseReply));
    world.close("2027-01").await?;
    becomes(&world, &service, "unknown").await;
    world.front.fail_always(TRANSFERS, Some(Fault::Swallow));
    world.advance(START + Duration::hours(23)).await?;
    service.settle().await;
    assert_eq!(world.payout(&service).await?.state, "sent");
    assert_eq!(world.transfers().await?.len(), 1);
    let keys = world.front.keys(TRANSFERS);
    assert!(keys.iter().all(|key| key.ends_with(":0")), "{keys:?}");
    service.stop().await;
    Ok(())
}
