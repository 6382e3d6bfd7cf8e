//! Requests that come again under the key that they were given: carried out once, answered alike.

use allocation::Allocation;
use anyhow::Result;
use kit::spawn;
use sqlx::PgPool;
use testkit::eventually;
use time::macros::datetime;
use tonic::Status;
use wire::allocation::v1::allocation_service_client::AllocationServiceClient;
use wire::allocation::v1::{
    CopyAllocationsRequest, SetAllocationRequest, SetAllocationResponse, SetAllocationsRequest,
};

use crate::story::{Story, all, charge, copy, refused, set, settled, shares, subscription};

const DECEMBER: time::OffsetDateTime = datetime!(2026-12-10 00:00 UTC);
const JANUARY: time::OffsetDateTime = datetime!(2027-01-10 00:00 UTC);
const FEBRUARY: time::OffsetDateTime = datetime!(2027-02-01 00:00 UTC);

/// It is January; sam and tim have paid $10.00 for it.
async fn funded() -> Result<Story> {
    let story = Story::begin(JANUARY).await?;
    let charges = ["sam", "tim"].map(|who| settled(&charge(who, who, 1_000, "2027-01")));
    story.billing(&charges).await?;
    Ok(story)
}

fn keyed(key: &str, creator: &str, cents: i64) -> SetAllocationRequest {
    SetAllocationRequest {
        idempotency_key: key.into(),
        ..set("sam", creator, cents, "")
    }
}

fn all_keyed(key: &str, targets: &[(&str, i64)]) -> SetAllocationsRequest {
    SetAllocationsRequest {
        idempotency_key: key.into(),
        ..all("sam", targets, "")
    }
}

async fn ask(
    story: &Story,
    request: &SetAllocationRequest,
) -> Result<SetAllocationResponse, Status> {
    let mut client = story.client().expect("the gateway may call");
    let answer = client.set_allocation(request.clone()).await?;
    Ok(answer.into_inner())
}

async fn kept(owner: &PgPool) -> Result<Vec<String>> {
    let keys = "select request_key from allocation.answered_request order by request_key";
    Ok(sqlx::query_scalar(keys).fetch_all(owner).await?)
}

/// Waits until so many transactions wait for a lock.
async fn waiting(owner: &PgPool, count: i64) {
    eventually("transactions to wait", || async {
        let waiting = "select count(*) from pg_catalog.pg_stat_activity
             where datname = current_database() and wait_event_type = 'Lock'";
        let waiting: i64 = sqlx::query_scalar(waiting).fetch_one(owner).await.ok()?;
        (waiting == count).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_comes_again_under_its_key_is_answered_as_before_and_undoes_nothing() -> Result<()> {
    let story = funded().await?;
    story.set("sam", "bob", 50).await?;
    let first = ask(&story, &keyed("k1", "alice", 300)).await?;
    assert_eq!(first.fact_id, "alloc:sam:allocation:2027-01:2:alice");
    // Meanwhile sam thinks better of it, takes bob's share back, and pays more.
    story.set("sam", "alice", 200).await?;
    story.set("sam", "bob", 0).await?;
    story
        .billing(&[settled(&charge("more", "sam", 500, "2027-01"))])
        .await?;
    assert_eq!(ask(&story, &keyed("k1", "alice", 300)).await?, first);
    assert_eq!(shares(&story.pool("sam", "").await?), [("alice", 200)]);
    assert_eq!(story.changed().await?.len(), 4);
    story.end().await
}

/// Goal: a request of January whose reply was lost does nothing in February, in whichever way
/// it asked.
#[tokio::test]
async fn what_comes_again_after_the_months_end_is_answered_with_the_month_it_was_done_in()
-> Result<()> {
    let story = Story::begin(DECEMBER).await?;
    let months = ["2026-12", "2027-01", "2027-02"];
    let charges = months.map(|month| settled(&charge(&month[5..], "sam", 1_000, month)));
    story.billing(&charges).await?;
    story
        .set_all("sam", &[("alice", 400), ("bob", 100)])
        .await?;
    story.at(JANUARY).await;
    let mut client = story.client()?;
    let one = keyed("k1", "alice", 300);
    let whole = all_keyed("k2", &[("bob", 700), ("alice", 0)]);
    let copied = CopyAllocationsRequest {
        idempotency_key: "k3".into(),
        ..copy("sam", "", true)
    };
    let answers = (
        client.set_allocation(one.clone()).await?.into_inner(),
        client.set_allocations(whole.clone()).await?.into_inner(),
        client.copy_allocations(copied.clone()).await?.into_inner(),
    );
    story.at(FEBRUARY).await;
    let again = (
        client.set_allocation(one).await?.into_inner(),
        client.set_allocations(whole).await?.into_inner(),
        client.copy_allocations(copied).await?.into_inner(),
    );
    assert_eq!(again, answers);
    assert_eq!(answers.1.fact_ids.len(), 2);
    let pool = answers.2.pool.expect("the pool afterwards");
    assert_eq!(
        (pool.month.as_str(), pool.state.as_str()),
        ("2027-01", "open")
    );
    assert_eq!(shares(&pool), [("alice", 400), ("bob", 100)]);
    assert_eq!(shares(&story.pool("sam", "2027-02").await?), []);
    story.end().await
}

#[tokio::test]
async fn a_month_that_was_named_and_is_locked_since_answers_what_was_done_in_it() -> Result<()> {
    let story = funded().await?;
    let request = SetAllocationRequest {
        month: "2027-01".into(),
        ..keyed("k1", "alice", 300)
    };
    let first = ask(&story, &request).await?;
    story.at(FEBRUARY).await;
    assert_eq!(ask(&story, &request).await?, first);
    let late = SetAllocationRequest {
        idempotency_key: "k2".into(),
        ..request
    };
    assert_eq!(refused(ask(&story, &late).await).0, "MONTH_LOCKED");
    story.end().await
}

#[tokio::test]
async fn what_found_nothing_to_change_changes_nothing_when_it_comes_again() -> Result<()> {
    let story = funded().await?;
    story.set("sam", "alice", 300).await?;
    let first = ask(&story, &keyed("k1", "alice", 300)).await?;
    assert_eq!(first.fact_id, "");
    story.set("sam", "alice", 200).await?;
    assert_eq!(ask(&story, &keyed("k1", "alice", 300)).await?, first);
    assert_eq!(story.pool("sam", "").await?.allocated_minor, 200);
    story.end().await
}

#[tokio::test]
async fn a_key_that_came_with_another_request_of_its_subscriber_is_refused() -> Result<()> {
    let story = funded().await?;
    ask(&story, &keyed("k1", "alice", 300)).await?;
    let mut client = story.client()?;
    let elsewhere = SetAllocationRequest {
        month: "2027-01".into(),
        ..keyed("k1", "alice", 300)
    };
    for other in [
        keyed("k1", "alice", 301),
        keyed("k1", "bob", 300),
        elsewhere,
    ] {
        let (code, _) = refused(ask(&story, &other).await);
        assert_eq!(code, "IDEMPOTENCY_KEY_REUSED", "{other:?}");
    }
    let whole = all_keyed("k1", &[("alice", 300)]);
    let whole = client.set_allocations(whole).await;
    assert_eq!(refused(whole).0, "IDEMPOTENCY_KEY_REUSED");
    let of_tim = SetAllocationRequest {
        idempotency_key: "k1".into(),
        ..set("tim", "bob", 10, "")
    };
    let of_tim = ask(&story, &of_tim).await?;
    assert_eq!(of_tim.fact_id, "alloc:tim:allocation:2027-01:1:bob");
    assert_eq!(shares(&story.pool("sam", "").await?), [("alice", 300)]);
    story.end().await
}

#[tokio::test]
async fn what_was_refused_is_decided_anew_under_its_key() -> Result<()> {
    let story = funded().await?;
    let request = keyed("k1", "alice", 1_200);
    assert_eq!(refused(ask(&story, &request).await).0, "INSUFFICIENT_FUNDS");
    story
        .billing(&[settled(&charge("more", "sam", 200, "2027-01"))])
        .await?;
    let done = ask(&story, &request).await?;
    assert_eq!(done.fact_id, "alloc:sam:allocation:2027-01:1:alice");
    story.end().await
}

#[tokio::test]
async fn a_key_is_no_longer_than_keys_are_and_without_one_nothing_is_kept() -> Result<()> {
    let story = funded().await?;
    for bad in ["k".repeat(256), "tab\there".to_owned()] {
        let (code, figures) = refused(ask(&story, &keyed(&bad, "alice", 1)).await);
        assert_eq!(code, "INVALID_ARGUMENT");
        assert_eq!(figures["field"], "idempotency_key");
    }
    let longest = "k".repeat(255);
    ask(&story, &keyed(&longest, "alice", 1)).await?;
    story.set("sam", "alice", 2).await?;
    assert_eq!(kept(&story.owner().await?).await?, [longest]);
    story.end().await
}

#[tokio::test]
async fn ten_at_once_under_one_key_on_two_replicas_are_one_change() -> Result<()> {
    let story = funded().await?;
    let other = story.bed.service::<Allocation>(&[]).await?;
    let clients = [story.client()?, AllocationServiceClient::new(other.peer()?)];
    let asked = (0..10).map(|number| {
        let mut client = clients[number % 2].clone();
        spawn(async move { client.set_allocation(keyed("k1", "alice", 300)).await })
    });
    for answer in futures::future::join_all(asked).await {
        let answer = answer??.into_inner();
        assert_eq!(answer.fact_id, "alloc:sam:allocation:2027-01:1:alice");
    }
    assert_eq!(story.changed().await?.len(), 1);
    other.stop().await;
    story.end().await
}

/// Goal: nobody is told of a refusal under a key that was carried out.
/// Method: three stand before sam's pool, in this order: a request, one that leaves nothing for
/// it, and the first once more, which would be refused by what the second left.
#[tokio::test]
async fn what_waited_for_its_own_first_sending_is_answered_as_that_was() -> Result<()> {
    let story = funded().await?;
    let owner = story.owner().await?;
    let mut held = owner.begin().await?;
    sqlx::query("select 1 from allocation.pool where subscriber_id = 'sam' for update")
        .execute(&mut *held)
        .await?;
    let send = || {
        let mut client = story.client().expect("the gateway may call");
        spawn(async move { client.set_allocation(keyed("k1", "alice", 600)).await })
    };
    let first = send();
    waiting(&owner, 1).await;
    let mut client = story.client()?;
    let all_to_bob = all("sam", &[("bob", 1_000)], "");
    let between = spawn(async move { client.set_allocations(all_to_bob).await });
    waiting(&owner, 2).await;
    let second = send();
    waiting(&owner, 3).await;
    held.commit().await?;
    let first = first.await??.into_inner();
    between.await??;
    assert_eq!(second.await??.into_inner(), first);
    assert_eq!(shares(&story.pool("sam", "").await?), [("bob", 1_000)]);
    story.end().await
}

/// Goal: where no pool keeps two requests of one key apart, the key does.
/// Method: tom has no pool yet. Another transaction takes tom's key and is not at its end when
/// tom's request comes to the same point.
#[tokio::test]
async fn who_finds_the_key_taken_at_the_end_gives_up_what_it_did() -> Result<()> {
    let story = funded().await?;
    story.billing(&[subscription("tom", "active", 1)]).await?;
    let owner = story.owner().await?;
    let mut first = owner.begin().await?;
    sqlx::query(
        "insert into allocation.answered_request
             (subscriber_id, request_key, request_hash, program, month, version, changed,
              funded_minor)
         values ('tom', 'k1', 'x', 'allocation', 202701, 0, false, 0)",
    )
    .execute(&mut *first)
    .await?;
    let mut client = story.client()?;
    let second = SetAllocationRequest {
        idempotency_key: "k1".into(),
        ..set("tom", "alice", 0, "")
    };
    let second = spawn(async move { client.set_allocation(second).await });
    waiting(&owner, 1).await;
    first.commit().await?;
    assert_eq!(refused(second.await?).0, "IDEMPOTENCY_KEY_REUSED");
    story.end().await
}

#[tokio::test]
async fn keys_older_than_the_limit_are_forgotten_and_younger_ones_are_not() -> Result<()> {
    let story = funded().await?;
    for key in ["old", "young"] {
        ask(&story, &keyed(key, "alice", 300)).await?;
    }
    let owner = story.owner().await?;
    sqlx::query(
        "update allocation.answered_request
         set answered_wall_at = now() - case request_key
             when 'old' then interval '31 days 1 minute' else interval '30 days 1 hour' end",
    )
    .execute(&owner)
    .await?;
    // A fresh process takes a turn as it starts.
    let other = story.bed.service::<Allocation>(&[]).await?;
    let left = eventually("the old key to be gone", || async {
        kept(&owner).await.ok().filter(|left| left.len() < 2)
    })
    .await;
    assert_eq!(left, ["young"], "kept for longer than the gateway keeps it");
    other.stop().await;
    story.end().await
}
