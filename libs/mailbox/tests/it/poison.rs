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
async fn a_refused_fact_is_set_aside_with_its_reason_and_its_neighbours_are_applied() -> Result<()>
{
    let bench = Bench::start().await?;
    let applier = Applier {
        refused: ["b".to_owned()].into(),
        ..Default::default()
    };
    bench.announce(["a", "b", "c"].map(String::from)).await?;
    bench.relay().await?;
    bench.consumer(&applier).await?;
    bench.until_applied(2).await;
    assert_eq!(bench.applied().await?, ["a", "c"]);
    assert_eq!(
        buried(&bench).await,
        [("b".to_owned(), "not wanted".to_owned())]
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fact_that_breaks_its_batch_is_found_and_set_aside_alone() -> Result<()> {
    let bench = Bench::start().await?;
    let applier = Applier {
        broken: ["b".to_owned()].into(),
        ..Default::default()
    };
    bench.announce(["a", "b", "c"].map(String::from)).await?;
    bench.relay().await?;
    let consumer = bench.consumer(&applier).await?;
    bench.until_applied(2).await;
    eventually("no lag", || async {
        consumer.lag().await.ok().filter(|lag| *lag == 0)
    })
    .await;
    assert_eq!(bench.applied().await?, ["a", "c"]);
    let buried = buried(&bench).await;
    assert_eq!(buried.len(), 1);
    assert!(buried[0].1.contains("cannot be applied"), "{buried:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fact_at_which_the_code_panics_is_set_aside_and_the_consumer_lives_on() -> Result<()> {
    let bench = Bench::start().await?;
    let applier = Applier {
        panicking: ["b".to_owned()].into(),
        ..Default::default()
    };
    bench.announce(["a", "b", "c"].map(String::from)).await?;
    bench.relay().await?;
    bench.consumer(&applier).await?;
    bench.until_applied(2).await;
    assert_eq!(bench.applied().await?, ["a", "c"]);
    eventually("the dead letter", || async {
        (buried(&bench).await.len() == 1).then_some(())
    })
    .await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fact_too_large_for_the_broker_is_refused_when_it_is_announced() -> Result<()> {
    let bench = Bench::start().await?;
    let huge = mailbox::Fact::new(
        "huge",
        "m",
        1,
        time::OffsetDateTime::UNIX_EPOCH,
        &wire::billing::v1::MonthCut {
            month: "x".repeat(1024 * 1024),
            ..Default::default()
        },
    );
    let mut tx = bench.pool.begin().await?;
    let refused = bench
        .outbox
        .enqueue_in_tx(&mut tx, &[huge])
        .await
        .expect_err("it was taken");
    assert!(refused.to_string().contains("huge"), "{refused}");
    assert!(!mailbox::passes_by_itself(&refused));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_the_broker_does_not_take_holds_up_nobody_else() -> Result<()> {
    let bench = Bench::start().await?;
    bench.announce(["huge".to_owned()]).await?;
    sqlx::query("update post.outbox set payload = convert_to(repeat('x', 2000000), 'UTF8')")
        .execute(&bench.pool)
        .await?;
    bench.announce(["a".to_owned()]).await?;
    bench.relay().await?;
    bench.consumer(&Applier::default()).await?;
    bench.until_applied(1).await;
    assert_eq!(bench.applied().await?, ["a"]);
    assert_eq!(bench.outbox.waiting_count(&bench.pool).await?, 1);
    Ok(())
}
