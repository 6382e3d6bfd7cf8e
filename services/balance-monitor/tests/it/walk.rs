//! Stripe's balance transactions are recorded once, and announced if nobody else does.

use std::collections::BTreeSet;

use anyhow::Result;
use wire::balance_monitor::v1::BalanceTransactionObserved;
use wire::balance_monitor::v1::CheckNowRequest;
use wire::balance_monitor::v1::balance_monitor_service_client::BalanceMonitorServiceClient;

use crate::world::{Sandbox, World, stripe_event};

/// Goal: however many look at once and however often, a top-up is one fact.
/// Method: two replicas, hints that come twice, and checks on both at the same time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_top_up_is_announced_once_however_often_and_by_whomever_it_is_looked_at() -> Result<()> {
    let world = World::start().await?;
    let other = world.replica().await?;
    for round in 1..=5 {
        world.sandbox.top_up(round * 100).await?;
        let event = stripe_event(&format!("evt_{round}"), "topup.succeeded", "");
        world
            .bed
            .publish("webhook_ingest", &[event.clone(), event])
            .await?;
        let mut here = BalanceMonitorServiceClient::new(world.service.peer()?);
        let mut there = BalanceMonitorServiceClient::new(other.peer()?);
        tokio::try_join!(
            here.check_now(CheckNowRequest {}),
            there.check_now(CheckNowRequest {})
        )?;
    }
    world.service.settle().await;
    other.settle().await;

    let observed = world.announced::<BalanceTransactionObserved>().await?;
    let amounts: Vec<i64> = observed.iter().map(|one| one.net_minor).collect();
    assert_eq!(amounts, [100, 200, 300, 400, 500]);
    let of_topups =
        |one: &BalanceTransactionObserved| one.r#type == "topup" && one.currency == "USD";
    assert!(observed.iter().all(of_topups), "{observed:?}");
    assert_eq!(world.count("balance_transaction").await?, 5);
    other.stop().await;
    world.service.stop().await;
    Ok(())
}

#[tokio::test]
async fn charges_and_transfers_are_recorded_and_left_to_their_owners() -> Result<()> {
    let world = World::start().await?;
    world.sandbox.top_up(5_000).await?;
    world.sandbox.charge(1_000).await?;
    world.sandbox.transfer(700).await?;
    let snapshot = world.check().await?;
    assert_eq!(
        (snapshot.available_minor, snapshot.pending_minor),
        (4_300, 941)
    );

    let owner = world.bed.db.owner().await?;
    let rows: Vec<(String, String, i64, i64)> = sqlx::query_as(
        "select type, owner, net_minor, fee_minor from balance_monitor.balance_transaction
         order by recorded_no",
    )
    .fetch_all(&owner)
    .await?;
    let row = |kind: &str, owner: &str, net, fee| (kind.to_owned(), owner.to_owned(), net, fee);
    assert_eq!(
        rows,
        [
            row("topup", "balance-monitor", 5_000, 0),
            row("charge", "billing", 941, 59),
            row("transfer", "payout", -700, 0),
        ]
    );
    let observed = world.announced::<BalanceTransactionObserved>().await?;
    assert_eq!(
        observed
            .iter()
            .map(|one| one.r#type.as_str())
            .collect::<Vec<_>>(),
        ["topup"]
    );
    world.service.stop().await;
    Ok(())
}

/// Goal: no transaction is missed, however many there are: at the first look, which goes back to
/// the beginning, and at a later one, which goes on from what is known.
/// Method: more than two pages before the service starts, and more than two while it runs.
#[tokio::test]
async fn a_walk_goes_beyond_one_page_in_both_directions() -> Result<()> {
    let sandbox = Sandbox::start().await?;
    for cents in 1..=250 {
        sandbox.top_up(cents).await?;
    }
    let world = World::with(sandbox, None).await?;
    world.service.settle().await;
    assert_eq!(all(&world).await?, (1..=250).collect());
    for cents in 251..=505 {
        world.sandbox.top_up(cents).await?;
    }
    world.check().await?;
    assert_eq!(all(&world).await?, (1..=505).collect());
    assert_eq!(world.count("balance_transaction").await?, 505);
    world.service.stop().await;
    Ok(())
}

/// The amounts announced; each top-up of that test has its own.
async fn all(world: &World) -> Result<BTreeSet<i64>> {
    let observed = world.announced::<BalanceTransactionObserved>().await?;
    let amounts: BTreeSet<i64> = observed.iter().map(|one| one.net_minor).collect();
    assert_eq!(amounts.len(), observed.len(), "one was announced twice");
    Ok(amounts)
}
