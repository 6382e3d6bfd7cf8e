//! A fact that cannot be applied takes no neighbour down.

use anyhow::Result;
use testkit::eventually;

use crate::bench::{Applier, Bench};

async fn buried(bench: &Bench) -> Vec<(String, String)> {
    sqlx::query_as("select fact_id, reason from post.dead_letter order by fact_id")
        .fetch_all(&bench.pool)
        .await
        .expect("dead letters")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_fact_is_set_aside_with_its_reason_and_its_neighbours_are_applied() -> Result<()> {
    let bench = Bench::start().await?;
    let applier = Applier { refused: ["b".to_owned()].into(), ..Default::default() };
    bench.announce(["a", "b", "c"].map(String::from)).await?;
    bench.relay().await?;
    bench.consumer(&applier).await?;
    bench.until_applied(2).await;
    assert_eq!(bench.applied().await?, ["a", "c"]);
    assert_eq!(buried(&bench).await, [("b".to_owned(), "not wanted".to_owned())]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fact_that_breaks_its_batch_is_found_and_set_aside_alone() -> Result<()> {
    let bench = Bench::start().await?;
    let applier = Applier { broken: ["b".to_owned()].into(), ..Default::default() };
    bench.announce(["a", "b", "c"].map(String::from)).await?;
    bench.relay().await?;
    let consumer = bench.consumer(&applier).await?;
    bench.until_applied(2).await;
    eventually("no lag", || async { consumer.lag().await.ok().filter(|lag| *lag == 0) }).await;
    assert_eq!(bench.applied().await?, ["a", "c"]);
    let buried = buried(&bench).await;
    assert_eq!(buried.len(), 1);
    assert!(buried[0].1.contains("cannot be applied"), "{buried:?}");
    Ok(())
}
