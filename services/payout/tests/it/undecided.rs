//! Whoever has a payout that is being set aside while a run looks is neither forgotten nor overtaken.

use anyhow::Result;
use testkit::{TestService, eventually};
use time::Duration;
use wire::payout::v1 as proto;

use crate::order::{MIDNIGHT, at_the_desk, going_out};
use crate::world::{START, World, client, run};

const BEING_SET_ASIDE: &str =
    "another payout is being set aside: what is left is planned right after it";

fn limits_down(world: &World, down: bool) {
    let mut books = world.others.books.lock().expect("no test panics with it");
    books.limits_down = down;
}

pub async fn ask(service: &TestService, creator_id: &str, minor: i64) -> Result<proto::Payout> {
    let request = proto::RequestPayoutRequest {
        creator_id: creator_id.into(),
        amount_minor: minor,
        idempotency_key: "k1".into(),
    };
    Ok(client(service)?.request_payout(request).await?.into_inner())
}

/// So many passes of a run are over.
pub async fn passed(world: &World, month: &str, count: i32) -> Result<()> {
    let owner = world.bed.db.owner().await?;
    eventually("a pass to be over", async || {
        let passes = "select pass_count from payout.run where month = $1";
        let passes = sqlx::query_scalar::<_, i32>(passes)
            .bind(month)
            .fetch_optional(&owner);
        (passes.await.ok()?? >= count).then_some(())
    })
    .await;
    Ok(())
}

/// Who waits, and what is said.
async fn told(service: &TestService, month: &str) -> Result<Vec<(String, String)>> {
    let carried = run(service, month).await?.carried_over;
    Ok(carried
        .into_iter()
        .map(|one| (one.creator_id, one.reason))
        .collect())
}

#[tokio::test]
async fn whoever_has_a_payout_that_waits_for_the_limits_is_planned_once_they_answer() -> Result<()>
{
    let (mut world, service, _desk) = at_the_desk(15_000).await?;
    world.creator(&service, "bob", None).await?;
    world.others.owe("bob", 15_000);
    world.top_up(100_000).await?;
    limits_down(&world, true);
    ask(&service, "alice", 6_000).await?;
    // Half of it: taken off twice, nothing would be left.
    ask(&service, "bob", 7_500).await?;
    world.close("2027-01").await?;
    passed(&world, "2027-01", 1).await?;
    let figures = run(&service, "2027-01").await?;
    assert_eq!(
        (figures.state.as_str(), figures.planned_count),
        ("planning", 0)
    );
    let waits = ["alice", "bob"].map(|id| (id.to_owned(), BEING_SET_ASIDE.to_owned()));
    assert_eq!(told(&service, "2027-01").await?, waits);

    limits_down(&world, false);
    service.settle().await;
    assert_eq!(going_out(&service).await?, [6_000, 7_500, 7_500, 9_000]);
    assert!(told(&service, "2027-01").await?.is_empty());
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_run_that_pauses_for_somebody_undecided_does_not_hold_up_the_next() -> Result<()> {
    let (world, service, _desk) = at_the_desk(15_000).await?;
    world.top_up(100_000).await?;
    limits_down(&world, true);
    ask(&service, "alice", 6_000).await?;
    world.close("2027-01").await?;
    passed(&world, "2027-01", 2).await?;
    world.close("2027-02").await?;
    passed(&world, "2027-02", 1).await?;
    assert_eq!(run(&service, "2027-01").await?.state, "done");
    let waits = [("alice".to_owned(), BEING_SET_ASIDE.to_owned())];
    assert_eq!(told(&service, "2027-02").await?, waits);

    limits_down(&world, false);
    service.settle().await;
    assert_eq!(run(&service, "2027-02").await?.planned_minor, 9_000);
    service.stop().await;
    Ok(())
}

/// Goal: an undecided creator keeps a place in the order.
/// Method: available funds suffice for bob, and not for alice, who is in front of him.
#[tokio::test]
async fn nobody_overtakes_whoever_waits_and_has_a_payout_that_is_being_set_aside() -> Result<()> {
    let (mut world, service, _desk) = at_the_desk(15_000).await?;
    world.creator(&service, "bob", None).await?;
    world.top_up(11_000).await?;
    world.close("2027-01").await?;
    service.settle().await;
    limits_down(&world, true);
    ask(&service, "alice", 6_000).await?;
    world.others.owe("bob", 4_000);
    world.advance(MIDNIGHT).await?;
    passed(&world, "2027-01", 2).await?;
    limits_down(&world, false);
    service.settle().await;
    assert_eq!(going_out(&service).await?, [6_000]);

    world.top_up(4_000).await?;
    world.advance(MIDNIGHT + Duration::DAY).await?;
    service.settle().await;
    assert_eq!(going_out(&service).await?, [6_000, 9_000]);
    service.stop().await;
    Ok(())
}

/// Goal: whoever waits for funds and could not be decided about is not put off until midnight.
/// Method: a pass comes before, and then funds suffice.
#[tokio::test]
async fn whoever_waits_for_funds_is_looked_at_right_after_a_payout_is_set_aside() -> Result<()> {
    let (world, service, _desk) = at_the_desk(15_000).await?;
    world.top_up(11_000).await?;
    world.close("2027-01").await?;
    service.settle().await;
    limits_down(&world, true);
    ask(&service, "alice", 6_000).await?;
    world.top_up(100_000).await?;
    sqlx::query("update payout.run set due_at = $1")
        .bind(START)
        .execute(&world.bed.db.owner().await?)
        .await?;
    passed(&world, "2027-01", 2).await?;
    limits_down(&world, false);
    service.settle().await;
    assert_eq!(going_out(&service).await?, [6_000, 9_000]);
    service.stop().await;
    Ok(())
}
