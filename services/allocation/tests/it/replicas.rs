//! Two replicas, and many changes at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use allocation::Allocation;
use anyhow::Result;
use kit::{Peer, spawn};
use sqlx::PgPool;
use testkit::eventually;
use time::macros::datetime;
use tonic::Status;
use wire::allocation::v1::AllocationChanged;
use wire::allocation::v1::allocation_service_client::AllocationServiceClient;

use crate::story::{Story, all, charge, copy, cut, refused, set, settled, shares, totals_of};

const JANUARY: time::OffsetDateTime = datetime!(2027-01-31 23:59 UTC);
const FEBRUARY: time::OffsetDateTime = datetime!(2027-02-01 00:00 UTC);

type Client = AllocationServiceClient<Peer>;

/// Asks in one of the three ways, by `turn`; answers the keys of the facts.
async fn ask(client: &mut Client, turn: usize) -> Result<Vec<String>, Status> {
    let cents = i64::try_from(turn * 37 % 700).expect("few cents");
    let creator = ["alice", "bob", "carol"][turn % 3];
    match turn % 5 {
        0 | 1 => {
            let answer = client
                .set_allocation(set("sam", creator, cents, ""))
                .await?;
            let key = answer.into_inner().fact_id;
            Ok(Some(key)
                .filter(|key| !key.is_empty())
                .into_iter()
                .collect())
        }
        2 | 3 => {
            let targets = [(creator, cents), ("dan", 1_000 - cents)];
            let answer = client.set_allocations(all("sam", &targets, "")).await?;
            Ok(answer.into_inner().fact_ids)
        }
        _ => {
            let scale = turn.is_multiple_of(2);
            let answer = client.copy_allocations(copy("sam", "", scale)).await?;
            Ok(answer.into_inner().fact_ids)
        }
    }
}

/// Folds one pool's facts by version and answers what each creator has in the end.
///
/// Panics when a version is missing, when a share does not begin where it ended, or when a
/// version directs more than `funded`.
fn fold(told: &[AllocationChanged], funded: i64) -> BTreeMap<&str, i64> {
    let mut versions: BTreeMap<i64, Vec<&AllocationChanged>> = BTreeMap::new();
    for change in told {
        versions.entry(change.version).or_default().push(change);
    }
    let mut shares: BTreeMap<&str, i64> = BTreeMap::new();
    for (expected, (version, changes)) in (1..).zip(versions) {
        assert_eq!(version, expected, "every version is one more");
        for change in changes {
            let was = shares.insert(&change.creator_id, change.to_minor);
            assert_eq!(was.unwrap_or(0), change.from_minor, "version {version}");
        }
        let allocated: i64 = shares.values().sum();
        assert!(allocated <= funded, "version {version} directs {allocated}");
    }
    shares.retain(|_, cents| *cents > 0);
    shares
}

/// Goal: whatever one subscriber asks for at once, on whichever replica, every version of the
/// pool directs at most what was funded, and the facts are the pool.
/// Method: twelve at a time ask in all three ways; the answers' facts are folded by version.
#[tokio::test]
async fn changes_at_once_on_two_replicas_never_overspend() -> Result<()> {
    let story = Story::begin(datetime!(2026-12-10 00:00 UTC)).await?;
    story.registered(&["carol", "dan"]).await?;
    let charges = [
        settled(&charge("12", "sam", 3_000, "2026-12")),
        settled(&charge("01", "sam", 1_000, "2027-01")),
    ];
    story.billing(&charges).await?;
    let december = [("alice", 900), ("bob", 800), ("dan", 300)];
    story.set_all("sam", &december).await?;
    story.at(JANUARY).await;
    let other = story.bed.service::<Allocation>(&[]).await?;
    other.settle().await;

    let clients = [story.client()?, Client::new(other.peer()?)];
    let askers = (0..12).map(|asker| {
        let mut client = clients[asker % 2].clone();
        spawn(async move {
            let mut keys = Vec::new();
            for round in 0..10 {
                match ask(&mut client, asker * 10 + round).await {
                    Ok(of_one) => keys.extend(of_one),
                    refusal => assert_eq!(refused(refusal).0, "INSUFFICIENT_FUNDS"),
                }
            }
            keys
        })
    });
    let mut answered = Vec::new();
    for asker in futures::future::join_all(askers).await {
        let keys = asker?;
        assert!(!keys.is_empty(), "every asker changed something");
        answered.extend(keys);
    }

    let mut told = story.changed().await?;
    told.retain(|told| told.month == "2027-01");
    let pool = story.pool("sam", "").await?;
    let folded: Vec<(&str, i64)> = fold(&told, 1_000).into_iter().collect();
    assert_eq!(folded, shares(&pool));
    let sum: i64 = folded.iter().map(|(_, cents)| cents).sum();
    assert_eq!((pool.funded_minor, pool.allocated_minor), (1_000, sum));
    assert_eq!(pool.unallocated_minor, 1_000 - sum);
    answered.sort_unstable();
    assert_eq!(answered, keys(&told), "answered is what was announced");
    other.stop().await;
    story.end().await
}

fn keys(told: &[AllocationChanged]) -> Vec<String> {
    let key = |t: &AllocationChanged| {
        format!(
            "alloc:{}:{}:{}:{}:{}",
            t.subscriber_id, t.program, t.month, t.version, t.creator_id
        )
    };
    let keys: BTreeSet<String> = told.iter().map(key).collect();
    keys.into_iter().collect()
}

/// Counts January's changes within the transaction that locks it: those that came before.
async fn watch_lock(owner: &PgPool) -> Result<()> {
    sqlx::raw_sql(
        "create table allocation.at_lock (changes bigint not null);
         create function allocation.count_at_lock() returns trigger language plpgsql
         security definer as $$
         begin
             insert into allocation.at_lock
             select count(*) from allocation.allocation_change where month = new.month;
             return null;
         end $$;
         create trigger count_at_lock after update on allocation.month
         for each row when (old.month = 202701 and new.state = 'locked')
         execute function allocation.count_at_lock();",
    )
    .execute(owner)
    .await?;
    Ok(())
}

/// Asks for January and for whatever is open, by turns, until January was refused often enough
/// to have been locked for everybody. Answers the keys of January's facts; counts its turns.
async fn hammer(
    mut client: Client,
    subscriber: String,
    first: i64,
    turns: Arc<AtomicUsize>,
) -> Vec<String> {
    let mut keys = Vec::new();
    let mut refusals = 0;
    let mut cents = first;
    while refusals < 5 {
        cents = cents % 400 + 1;
        let one = set(&subscriber, "alice", cents, "2027-01");
        match client.set_allocation(one).await {
            Ok(answer) => keys.push(answer.into_inner().fact_id),
            refusal => {
                assert_eq!(refused(refusal).0, "MONTH_LOCKED");
                refusals += 1;
            }
        }
        cents = cents % 400 + 1;
        let both = [("alice", cents), ("bob", 401 - cents)];
        let both = all(&subscriber, &both, "");
        let answer = client.set_allocations(both).await;
        keys.extend(answer.expect("some month is open").into_inner().fact_ids);
        turns.fetch_add(1, Ordering::Relaxed);
    }
    keys.retain(|key| key.contains(":2027-01:"));
    keys.retain(|key| !key.is_empty());
    keys
}

/// Goal: when the lock is committed, no fact is stamped with the month any more, and every
/// change that was answered is in the control totals.
/// Method: four subscribers change their pools on both replicas until the month is locked
/// under their hands. The locking transaction counts the changes that it sees; there must never
/// be one more.
#[tokio::test]
async fn a_month_that_is_locked_under_changes_on_two_replicas_has_all_that_were_answered()
-> Result<()> {
    let story = Story::begin(JANUARY).await?;
    let other = story.bed.service::<Allocation>(&[]).await?;
    let owner = story.owner().await?;
    watch_lock(&owner).await?;
    let charges = |month: &str| {
        let of = |n| {
            charge(
                &format!("{n}_{}", &month[5..]),
                &format!("sub-{n}"),
                1_000,
                month,
            )
        };
        (0..4).map(of).collect::<Vec<_>>()
    };
    let (january, february) = (charges("2027-01"), charges("2027-02"));
    let paid: Vec<_> = january.iter().chain(&february).map(settled).collect();
    story.billing(&paid).await?;
    other.settle().await;

    let clients = [story.client()?, Client::new(other.peer()?)];
    let turns: Vec<Arc<AtomicUsize>> = (0..8).map(|_| Arc::default()).collect();
    let hammers: Vec<_> = turns
        .iter()
        .enumerate()
        .map(|(n, turns)| {
            let client = clients[n % 2].clone();
            let first = i64::try_from(n * 50).expect("small");
            spawn(hammer(
                client,
                format!("sub-{}", n / 2),
                first,
                turns.clone(),
            ))
        })
        .collect();
    eventually("changes by all of them", || async {
        let began = |turns: &Arc<AtomicUsize>| turns.load(Ordering::Relaxed) >= 3;
        turns.iter().all(began).then_some(())
    })
    .await;
    let hammers = futures::future::join_all(hammers);
    let ((), hammers) = futures::future::join(story.at(FEBRUARY), hammers).await;
    let mut answered = Vec::new();
    for keys in hammers {
        let keys = keys?;
        assert!(!keys.is_empty(), "every one of them changed January");
        answered.extend(keys);
    }

    let mut told = story.changed().await?;
    told.retain(|told| told.month == "2027-01");
    let at_lock: Vec<i64> = sqlx::query_scalar("select changes from allocation.at_lock")
        .fetch_all(&owner)
        .await?;
    assert_eq!(at_lock, [i64::try_from(told.len())?], "none after the lock");
    answered.sort_unstable();
    assert_eq!(answered, keys(&told), "answered is what was announced");

    let cut = cut("2027-01", &january.iter().collect::<Vec<_>>());
    story.billing(&[cut]).await?;
    other.settle().await;
    story.service.settle().await;
    let seal = story.seal("2027-01").await?;
    let announced = story.announced_totals("2027-01").await?;
    assert_eq!(totals_of(&seal)?.compare(&announced), []);
    assert_eq!(seal.totals[1].count, at_lock[0]);
    other.stop().await;
    story.end().await
}
