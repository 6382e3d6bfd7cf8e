//! The broker forgets, the process is told to stop: nothing is lost, and nothing waits for a restart.

use std::sync::Arc;

use anyhow::Result;
use testkit::eventually;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::bench::{Applier, Bench};

#[tokio::test(flavor = "multi_thread")]
async fn facts_that_a_broker_forgot_before_they_were_applied_are_published_again() -> Result<()> {
    let mut bench = Bench::start().await?;
    let applier = Applier::default();
    *applier.outages.lock().expect("not poisoned") = u32::MAX;
    bench.relay().await?;
    let consumer = bench.consumer(&applier).await?;
    bench.announce(["a", "b"].map(String::from)).await?;
    bench.until_published().await;
    bench.nats.restart_empty().await?;
    *applier.outages.lock().expect("not poisoned") = 0;
    bench.announce(["c".to_owned()]).await?;
    bench.until_applied(3).await;
    eventually("no lag", || async {
        consumer.lag().await.ok().filter(|lag| *lag == 0)
    })
    .await;
    assert_eq!(bench.applied().await?, ["a", "b", "c"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_told_to_stop_finishes_its_batch_and_gives_the_rest_back_at_once() -> Result<()>
{
    let bench = Bench::start().await?;
    let gate = Arc::new(Semaphore::new(0));
    let applier = Applier {
        gate: Some(Arc::clone(&gate)),
        ..Default::default()
    };
    bench.relay().await?;
    let stop = CancellationToken::new();
    let (consumer, task) = bench.consumer_until(&applier, stop.clone()).await?;
    bench.announce(["first".to_owned()]).await?;
    bench.until_published().await;
    eventually("the first to be in hand", || async {
        consumer.lag().await.ok().filter(|lag| *lag == 1)
    })
    .await;
    bench.announce(["second".to_owned()]).await?;
    bench.until_published().await;
    stop.cancel();
    gate.add_permits(1);
    task.await?;
    assert_eq!(bench.applied().await?, ["first"]);
    // Well before the broker would deliver it again by itself.
    let begun = std::time::Instant::now();
    bench.consumer(&Applier::default()).await?;
    bench.until_applied(2).await;
    assert!(
        begun.elapsed() < std::time::Duration::from_secs(15),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(bench.applied().await?, ["first", "second"]);
    Ok(())
}
