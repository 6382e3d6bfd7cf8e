//! Runs take turns, and none forgets what happens beside it.

use anyhow::Result;
use sqlx::{PgPool, Postgres, Transaction};
use testkit::eventually;

use crate::front::{BALANCE, Fault};
use crate::order::{at_the_desk, going_out, run_of, single_max};
use crate::undecided::{ask, passed};
use crate::world::{START, TRANSFERS, payouts, run};

/// Keeps all replicas from taking a run.
async fn turn(owner: &PgPool) -> Result<Transaction<'static, Postgres>> {
    let mut tx = owner.begin().await?;
    sqlx::query("select pg_advisory_xact_lock(hashtextextended('payout.run', 0))")
        .execute(&mut *tx)
        .await?;
    Ok(tx)
}

/// So many replicas want to take a run and have to wait.
async fn replicas_wait(owner: &PgPool, count: i64) {
    eventually("replicas to wait for their turn", async || {
        let query = "select count(*) from pg_locks
                     where not granted and locktype = 'advisory' and database =
                         (select oid from pg_database where datname = current_database())";
        let waiting = sqlx::query_scalar::<_, i64>(query).fetch_one(owner);
        (waiting.await.ok()? == count).then_some(())
    })
    .await;
}

/// Goal: two runs never count on the same funds.
/// Method: one replica is at work on a run; the other looks and leaves the next run alone.
#[tokio::test]
async fn while_a_run_is_planned_no_other_is() -> Result<()> {
    let (mut world, service, _desk) = at_the_desk(5_000).await?;
    world.creator(&service, "bob", None).await?;
    world.others.owe("bob", 5_000);
    world.top_up(5_000).await?;
    let other = world.service().await?;
    let owner = world.bed.db.owner().await?;
    let held = world.front.hold_balance().await;
    let first = turn(&owner).await?;
    world.close("2027-01").await?;
    world.close("2027-02").await?;
    run_of(&service, "the first run", |run| run.state == "planning").await;
    eventually("the second run", async || {
        let run = run(&service, "2027-02").await.ok()?;
        (run.state == "planning").then_some(())
    })
    .await;
    replicas_wait(&owner, 2).await;
    first.commit().await?;
    eventually("a run to be taken", async || {
        (!world.front.keys(BALANCE).is_empty()).then_some(())
    })
    .await;
    // Whoever planned would not come back for another turn.
    let second = turn(&owner).await?;
    replicas_wait(&owner, 1).await;
    assert_eq!(world.front.keys(BALANCE).len(), 1);
    second.commit().await?;
    drop(held);
    service.settle().await;
    other.settle().await;
    assert_eq!(going_out(&service).await?, [5_000]);
    service.stop().await;
    other.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_run_that_cannot_be_planned_does_not_hold_up_the_next() -> Result<()> {
    let (world, service, _desk) = at_the_desk(5_000).await?;
    world.top_up(100_000).await?;
    let owner = world.bed.db.owner().await?;
    let broken = "alter table payout.payout
                  add constraint no_january check (month <> '2027-01')";
    sqlx::query(broken).execute(&owner).await?;
    world.close("2027-01").await?;
    world.close("2027-02").await?;
    passed(&world, "2027-02", 1).await?;
    let mended = "alter table payout.payout drop constraint no_january";
    sqlx::query(mended).execute(&owner).await?;
    service.settle().await;
    assert_eq!(run(&service, "2027-02").await?.planned_minor, 5_000);
    assert_eq!(run(&service, "2027-01").await?.state, "done");
    assert_eq!(going_out(&service).await?, [5_000]);
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn money_that_a_payout_held_while_a_run_went_by_is_planned_when_it_comes_back() -> Result<()>
{
    let (world, service, _desk) = at_the_desk(6_000).await?;
    world.top_up(100_000).await?;
    world.others.books.lock().unwrap().commits_down = true;
    ask(&service, "alice", 6_000).await?;
    world.close("2027-01").await?;
    passed(&world, "2027-01", 1).await?;
    let no = Fault::Refuse("no_account");
    world.front.fail_next(TRANSFERS, no);
    world.others.books.lock().unwrap().commits_down = false;
    service.settle().await;
    assert_eq!(going_out(&service).await?, [6_000]);
    assert_eq!(run(&service, "2027-01").await?.planned_minor, 6_000);
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_payout_that_is_asked_for_after_a_run_and_fails_is_not_planned_by_it() -> Result<()> {
    let (world, service, _desk) = at_the_desk(2_000).await?;
    world.top_up(100_000).await?;
    world.close("2027-01").await?;
    service.settle().await;
    world.others.owe("alice", 6_000);
    let no = Fault::Refuse("no_account");
    world.front.fail_next(TRANSFERS, no);
    ask(&service, "alice", 6_000).await?;
    service.settle().await;
    assert_eq!(world.payout(&service).await?.state, "failed");
    assert_eq!(payouts(&service).await?.len(), 1);
    service.stop().await;
    Ok(())
}

/// Goal: funds for what takes a capped payout's place are spoken for.
/// Method: they would suffice for bob while the larger payout's hold cannot be given back.
#[tokio::test]
async fn what_takes_a_capped_payouts_place_is_not_promised_to_another() -> Result<()> {
    let (mut world, service, desk) = at_the_desk(9_000).await?;
    world.creator(&service, "bob", None).await?;
    world.top_up(10_000).await?;
    single_max(&world, 6_000);
    desk.close_releases(true);
    world.close("2027-01").await?;
    run_of(&service, "the rest to be promised", |run| {
        run.carried_over.len() == 1
    })
    .await;
    world.others.owe("bob", 5_000);
    world.close("2027-02").await?;
    passed(&world, "2027-02", 1).await?;
    assert_eq!(run(&service, "2027-02").await?.planned_count, 0);
    desk.close_releases(false);
    service.settle().await;
    assert_eq!(going_out(&service).await?, [6_000]);
    service.stop().await;
    Ok(())
}

/// Goal: a limit met between a close and its run does not put off what the run pays.
/// Method: the next month's run is in other hands until the limit has left a rest.
#[tokio::test]
async fn a_rest_that_is_promised_before_a_run_begins_puts_nobody_off() -> Result<()> {
    let (world, service, _desk) = at_the_desk(9_000).await?;
    world.top_up(100_000).await?;
    single_max(&world, 6_000);
    world.others.books.lock().unwrap().holds_down = true;
    world.close("2027-01").await?;
    passed(&world, "2027-01", 1).await?;
    let owner = world.bed.db.owner().await?;
    let closed = "insert into payout.run (month, state, due_at, leased_until_wall_at)
                  values ('2027-02', 'planning', $1, now() + interval '1 hour')";
    sqlx::query(closed).bind(START).execute(&owner).await?;
    world.others.books.lock().unwrap().holds_down = false;
    eventually("the capped payout to go out", async || {
        (going_out(&service).await.ok()? == [6_000]).then_some(())
    })
    .await;
    world.others.owe("alice", 5_000);
    sqlx::query("update payout.run set leased_until_wall_at = null")
        .execute(&owner)
        .await?;
    service.settle().await;
    assert_eq!(going_out(&service).await?, [5_000, 6_000]);
    service.stop().await;
    Ok(())
}
