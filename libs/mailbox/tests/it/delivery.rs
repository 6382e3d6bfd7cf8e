//! At least once delivered, exactly once applied.

use anyhow::Result;
use testkit::eventually;

use crate::bench::{Applier, Bench};

fn ids(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("f{n:04}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_announced_is_applied_once_by_two_consumers_and_two_relays() -> Result<()> {
    let bench = Bench::start().await?;
    let applier = Applier::default();
    bench.relay().await?;
    bench.relay().await?;
    let one = bench.consumer(&applier).await?;
    bench.consumer(&applier).await?;
    for chunk in ids(1000).chunks(70) {
        bench.announce(chunk.to_vec()).await?;
    }
    bench.until_applied(1000).await;
    eventually("no lag", || async {
        one.lag().await.ok().filter(|lag| *lag == 0)
    })
    .await;
    assert_eq!(bench.applied().await?, ids(1000));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fact_published_again_changes_nothing() -> Result<()> {
    let bench = Bench::start().await?;
    bench.relay().await?;
    let consumer = bench.consumer(&Applier::default()).await?;
    bench.announce(ids(5)).await?;
    bench.until_applied(5).await;
    // As an operator refills a lost stream; packed otherwise, so that the broker sees new messages.
    sqlx::query("update post.outbox set published_wall_at = null where outbox_id > 2")
        .execute(&bench.pool)
        .await?;
    bench.announce(["last".to_owned()]).await?;
    bench.until_applied(6).await;
    eventually("no lag", || async {
        consumer.lag().await.ok().filter(|lag| *lag == 0)
    })
    .await;
    assert_eq!(
        bench.applied().await?,
        [ids(5), vec!["last".to_owned()]].concat()
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_met_an_outage_is_applied_later() -> Result<()> {
    let bench = Bench::start().await?;
    let applier = Applier::default();
    *applier.outages.lock().expect("not poisoned") = 2;
    bench.relay().await?;
    bench.consumer(&applier).await?;
    bench.announce(ids(3)).await?;
    bench.until_applied(3).await;
    assert_eq!(bench.applied().await?, ids(3));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fact_of_a_transaction_that_was_rolled_back_is_never_published() -> Result<()> {
    let bench = Bench::start().await?;
    bench.relay().await?;
    bench.consumer(&Applier::default()).await?;
    let mut tx = bench.pool.begin().await?;
    let undone = mailbox::Fact::new(
        "undone",
        "m",
        1,
        time::OffsetDateTime::UNIX_EPOCH,
        &wire::billing::v1::MonthCut::default(),
    );
    bench.outbox.enqueue_in_tx(&mut tx, &[undone]).await?;
    tx.rollback().await?;
    bench.announce(["done".to_owned()]).await?;
    bench.until_applied(1).await;
    assert_eq!(bench.applied().await?, ["done"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn facts_that_do_not_concern_a_subscriber_are_acknowledged_and_wake_nobody() -> Result<()> {
    let bench = Bench::start().await?;
    let applier = Applier {
        indifferent: ids(7).into_iter().collect(),
        ..Applier::default()
    };
    bench.relay().await?;
    let consumer = bench.consumer(&applier).await?;
    bench.announce(ids(7)).await?;
    bench.until_published().await;
    eventually("no lag", || async {
        consumer.lag().await.ok().filter(|lag| *lag == 0)
    })
    .await;
    assert_eq!(consumer.pulse.activity(), 0);

    bench.announce(ids(9)).await?;
    bench.until_applied(2).await;
    assert_eq!(bench.applied().await?, ["f0007", "f0008"]);
    Ok(())
}
