//! The barrier: a lock waits for whoever is stamping the month, on every replica.

use allocation::Allocation;
use anyhow::Result;
use kit::spawn;
use sqlx::{PgPool, Postgres, Transaction};
use testkit::eventually;
use time::macros::datetime;
use wire::allocation::v1::allocation_service_client::AllocationServiceClient;

use crate::story::{Story, charge, cut, refused, set, settled, totals_of};

const JANUARY: time::OffsetDateTime = datetime!(2027-01-31 23:59 UTC);
const FEBRUARY: time::OffsetDateTime = datetime!(2027-02-01 00:00 UTC);

/// Holds sam's pool, so that a change of it stands still with the month's lock in hand.
async fn hold_pool(owner: &PgPool) -> Result<Transaction<'static, Postgres>> {
    let mut held = owner.begin().await?;
    sqlx::query("select 1 from allocation.pool where subscriber_id = 'sam' for update")
        .execute(&mut *held)
        .await?;
    Ok(held)
}

/// Waits until January has `mode` locks, granted or waited for.
async fn january_has(owner: &PgPool, mode: &str, granted: bool, count: i64) {
    eventually(
        &format!("{count} {mode} on January, granted {granted}"),
        || async {
            let found: i64 = sqlx::query_scalar(
                "select count(*) from pg_catalog.pg_locks
             where locktype = 'advisory' and classid = 7301 and objid = 202701
                 and mode = $1 and granted = $2
                 and database = (select oid from pg_catalog.pg_database
                                 where datname = current_database())",
            )
            .bind(mode)
            .bind(granted)
            .fetch_one(owner)
            .await
            .ok()?;
            (found == count).then_some(())
        },
    )
    .await;
}

/// Goal: a change that began before the lock is in the seal, and the lock waits for it.
/// Method: two replicas; the change stands still on the first while the month ends for both.
#[tokio::test]
async fn a_lock_waits_for_a_change_in_flight_on_another_replica_and_the_seal_has_it() -> Result<()>
{
    let story = Story::begin(JANUARY).await?;
    let other = story.bed.service::<Allocation>(&[]).await?;
    let paid = charge("1", "sam", 1_000, "2027-01");
    story.billing(&[settled(&paid)]).await?;
    let owner = story.owner().await?;

    let held = hold_pool(&owner).await?;
    let mut client = story.client()?;
    let change = spawn(async move { client.set_allocation(set("sam", "alice", 250, "")).await });
    january_has(&owner, "ShareLock", true, 1).await;

    story.bed.clock.set(FEBRUARY);
    january_has(&owner, "ExclusiveLock", false, 1).await;
    // Who comes now waits behind the lock, and finds the month locked.
    let mut client = AllocationServiceClient::new(other.peer()?);
    let late = spawn(async move {
        client
            .set_allocation(set("tim", "alice", 1, "2027-01"))
            .await
    });
    january_has(&owner, "ShareLock", false, 1).await;
    assert_eq!(
        story.month("2027-01").await?.state,
        "open",
        "the lock has not passed"
    );
    assert!(!change.is_finished() && !late.is_finished());

    held.commit().await?;
    assert_eq!(
        change.await??.into_inner().fact_id,
        "alloc:sam:allocation:2027-01:1:alice"
    );
    assert_eq!(refused(late.await?).0, "MONTH_LOCKED");
    story.service.settle().await;
    other.settle().await;

    story.billing(&[cut("2027-01", &[&paid])]).await?;
    other.settle().await;
    assert_eq!(story.month("2027-01").await?.state, "sealed");
    let seal = story.seal("2027-01").await?;
    let announced = story.announced_totals("2027-01").await?;
    assert_eq!(totals_of(&seal)?.compare(&announced), []);
    assert_eq!(
        (seal.totals[1].kind.as_str(), seal.totals[1].sum_minor),
        ("allocation_changed", 250)
    );
    other.stop().await;
    story.end().await
}

#[tokio::test]
async fn whoever_asks_for_the_open_month_gets_the_one_that_is_open_when_it_is_its_turn()
-> Result<()> {
    let story = Story::begin(JANUARY).await?;
    let charges = [("1", "2027-01"), ("2", "2027-02")];
    let charges = charges.map(|(id, month)| settled(&charge(id, "tim", 1_000, month)));
    story.billing(&charges).await?;
    let owner = story.owner().await?;

    let mut held = owner.begin().await?;
    sqlx::query("select pg_advisory_xact_lock_shared(7301, 202701)")
        .execute(&mut *held)
        .await?;
    story.bed.clock.set(FEBRUARY);
    january_has(&owner, "ExclusiveLock", false, 1).await;
    let mut client = story.client()?;
    let change = spawn(async move { client.set_allocation(set("tim", "bob", 5, "")).await });
    january_has(&owner, "ShareLock", false, 1).await;
    held.commit().await?;
    assert_eq!(
        change.await??.into_inner().fact_id,
        "alloc:tim:allocation:2027-02:1:bob"
    );
    assert_eq!(story.pool("tim", "2027-01").await?.state, "locked");
    story.end().await
}

/// Goal: a charge that was being stamped when the month was complete otherwise is in the seal,
/// or funds the next month; never both, never neither.
#[tokio::test]
async fn a_charge_that_meets_the_seal_funds_the_month_after_it() -> Result<()> {
    let story = Story::begin(JANUARY).await?;
    let paid = charge("1", "sam", 1_000, "2027-01");
    story.billing(&[settled(&paid)]).await?;
    story.at(FEBRUARY).await;
    let owner = story.owner().await?;

    // The seal's turn comes while a charge is on its way; both wait for this transaction.
    let mut held = owner.begin().await?;
    sqlx::query("select pg_advisory_xact_lock_shared(7301, 202701)")
        .execute(&mut *held)
        .await?;
    story
        .bed
        .publish("billing", &[cut("2027-01", &[&paid])])
        .await?;
    january_has(&owner, "ExclusiveLock", false, 1).await;
    story
        .bed
        .publish("billing", &[settled(&charge("2", "sam", 30, "2027-01"))])
        .await?;
    january_has(&owner, "ShareLock", false, 1).await;
    held.commit().await?;
    story.service.settle().await;

    assert_eq!(story.month("2027-01").await?.state, "sealed");
    assert_eq!(story.pool("sam", "2027-01").await?.funded_minor, 1_000);
    assert_eq!(story.pool("sam", "2027-02").await?.funded_minor, 30);
    let announced = story.announced_totals("2027-01").await?;
    assert_eq!(
        totals_of(&story.seal("2027-01").await?)?.compare(&announced),
        []
    );
    story.end().await
}

#[tokio::test]
async fn two_replicas_lock_and_seal_once_and_both_serve_what_is_so() -> Result<()> {
    let story = Story::begin(JANUARY).await?;
    let other = story.bed.service::<Allocation>(&[]).await?;
    let paid: Vec<_> = (0..40)
        .map(|n| charge(&n.to_string(), &format!("sub-{n}"), 1_000, "2027-01"))
        .collect();
    let facts: Vec<_> = paid.iter().map(settled).collect();
    for batch in facts.chunks(5) {
        story.bed.publish("billing", batch).await?;
    }
    story.service.settle().await;
    other.settle().await;
    let peers = [story.service.peer()?, other.peer()?];
    let changes = (0..40).map(|n| {
        let mut client = AllocationServiceClient::new(peers[n % 2].clone());
        let change = set(&format!("sub-{n}"), "alice", 100, "");
        spawn(async move { client.set_allocation(change).await })
    });
    for answer in futures::future::join_all(changes).await {
        answer??;
    }
    story.bed.clock.set(FEBRUARY);
    story
        .billing(&[cut("2027-01", &paid.iter().collect::<Vec<_>>())])
        .await?;
    other.settle().await;
    story.service.settle().await;

    for peer in peers {
        let mut client = AllocationServiceClient::new(peer);
        let answer = client
            .set_allocation(set("sub-1", "bob", 1, "2027-01"))
            .await;
        assert_eq!(refused(answer).0, "MONTH_LOCKED");
    }
    let seal = story.seal("2027-01").await?;
    let announced = story.announced_totals("2027-01").await?;
    assert_eq!(totals_of(&seal)?.compare(&announced), []);
    assert_eq!(
        (seal.totals[0].count, seal.totals[1].sum_minor),
        (40, 4_000)
    );
    other.stop().await;
    story.end().await
}
