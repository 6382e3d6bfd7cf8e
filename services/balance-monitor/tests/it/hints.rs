//! When it looks: on a hint, when the time has come, and never because of a timer.

use anyhow::Result;
use testkit::eventually;
use time::Duration;
use wire::balance_monitor::v1::BalanceTransactionObserved;
use wire::kit::v1::SettleRequest;
use wire::kit::v1::kit_service_client::KitServiceClient;

use crate::world::{START, World};

#[tokio::test]
async fn an_event_of_the_platform_leads_to_a_look_before_the_service_is_at_rest() -> Result<()> {
    let world = World::start().await?;
    world.service.settle().await;
    world.sandbox.top_up(500).await?;

    world.hint("evt_1", "payout.paid", "acct_creator").await?;
    world.service.settle().await;
    assert_eq!(world.announced::<BalanceTransactionObserved>().await?, []);

    world.hint("evt_2", "topup.succeeded", "").await?;
    world.service.settle().await;
    assert_eq!(
        world.announced::<BalanceTransactionObserved>().await?.len(),
        1
    );
    world.service.stop().await;
    Ok(())
}

/// Goal: a hint is not lost when Stripe cannot be asked, and nobody takes the service for idle.
/// Method: Stripe goes away before the hint comes; the clock is kept elsewhere.
#[tokio::test]
async fn a_hint_is_work_in_hand_until_the_look_is_done() -> Result<()> {
    let mut world = World::with_clock_apart().await?;
    world.service.settle().await;
    world.sandbox.stop();
    world.hint("evt_1", "charge.succeeded", "").await?;
    let peer = world.service.peer()?;
    let busy = eventually("the look to fail", || {
        let mut client = KitServiceClient::new(peer.clone());
        async move {
            let answer = client
                .settle(SettleRequest { clock: None })
                .await
                .ok()?
                .into_inner();
            assert!(!answer.idle || answer.busy.is_empty());
            answer
                .busy
                .into_iter()
                .find(|why| why.starts_with("watch fails"))
        }
    })
    .await;
    assert!(busy.contains("unavailable"), "{busy}");
    world.service.stop().await;
    Ok(())
}

#[tokio::test]
async fn the_periodic_check_runs_once_on_arrival_and_is_no_timer() -> Result<()> {
    let world = World::start().await?;
    assert_eq!(world.service.settle().await.next_due, None);
    assert_eq!(world.count("snapshot").await?, 1);

    world.sandbox.advance(START + Duration::minutes(14)).await?;
    world.service.settle().await;
    assert_eq!(world.count("snapshot").await?, 1);

    world.sandbox.advance(START + Duration::days(10)).await?;
    assert_eq!(world.service.settle().await.next_due, None);
    assert_eq!(world.count("snapshot").await?, 2);
    world.service.stop().await;
    Ok(())
}

/// Goal: a process that is killed at its work does not keep it for ever, and one that is at it
/// keeps others busy.
/// Method: a lease that somebody took and that ends soon.
#[tokio::test]
async fn a_look_that_another_process_took_and_left_is_taken_over() -> Result<()> {
    let world = World::start().await?;
    world.service.settle().await;
    let owner = world.bed.db.owner().await?;
    sqlx::query(
        "update balance_monitor.watch set leased_until_wall_at = now() + interval '2 seconds'",
    )
    .execute(&owner)
    .await?;
    world.sandbox.top_up(500).await?;
    world.hint("evt_1", "topup.succeeded", "").await?;
    world.service.settle().await;
    assert_eq!(
        world.announced::<BalanceTransactionObserved>().await?.len(),
        1
    );
    world.service.stop().await;
    Ok(())
}
