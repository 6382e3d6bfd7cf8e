//! When a month is announced, and what counts in it.

use anyhow::Result;
use ledger::Month;
use ledger::digest64;
use testkit::{TestBed, eventually};
use time::macros::datetime;
use wire::webhook_ingest::v1::{MonthIngested, StripeEvent};

use crate::stripe_like::{FEBRUARY, JANUARY, bed, deliver, event, service};

const SCHEMA: &str = "webhook_ingest";

async fn months(bed: &TestBed) -> Result<Vec<(String, i64, u64)>> {
    let announced = bed.announced::<MonthIngested>(SCHEMA).await?;
    Ok(announced
        .into_iter()
        .map(|cut| (cut.month, cut.event_count, cut.digest))
        .collect())
}

fn digest(ids: &[&str]) -> u64 {
    ids.iter()
        .fold(0_u64, |sum, id| sum.wrapping_add(digest64(id)))
}

#[tokio::test]
async fn two_replicas_announce_a_month_once_with_all_that_was_created_before_its_end() -> Result<()>
{
    let bed = bed().await?;
    let (one, two) = (service(&bed).await?, service(&bed).await?);
    let created = [
        ("evt_1", JANUARY),
        ("evt_2", datetime!(2027-01-31 23:59:59 UTC)),
        ("evt_3", FEBRUARY),
    ];
    for (n, (id, created)) in created.iter().enumerate() {
        deliver(if n == 0 { &one } else { &two }, &event(id, *created)).await?;
    }
    bed.clock.set(datetime!(2027-01-31 23:59:59 UTC));
    let due = one.settle().await.next_due.map(|due| due.seconds);
    assert_eq!(
        due,
        Some(FEBRUARY.unix_timestamp()),
        "the sandbox has no grace period"
    );
    assert!(months(&bed).await?.is_empty());

    bed.clock.set(datetime!(2027-03-01 00:00 UTC));
    tokio::join!(one.settle(), two.settle());
    let january = ("2027-01".to_owned(), 2, digest(&["evt_1", "evt_2"]));
    let february = (
        "2027-02".to_owned(),
        3,
        digest(&["evt_1", "evt_2", "evt_3"]),
    );
    assert_eq!(months(&bed).await?, [january, february]);
    one.stop().await;
    two.stop().await;
    Ok(())
}

#[tokio::test]
async fn an_event_that_comes_after_its_month_was_cut_counts_in_the_next_one() -> Result<()> {
    let bed = bed().await?;
    let service = service(&bed).await?;
    deliver(&service, &event("evt_1", JANUARY)).await?;
    bed.clock.set(FEBRUARY);
    service.settle().await;
    deliver(&service, &event("evt_late", JANUARY)).await?;
    service.settle().await;
    assert_eq!(
        months(&bed).await?,
        [("2027-01".to_owned(), 1, digest(&["evt_1"]))]
    );
    let late = bed
        .announced::<StripeEvent>(SCHEMA)
        .await?
        .pop()
        .expect("it was announced");
    assert_eq!(late.created, Some(wire::timestamp(JANUARY)));
    assert_eq!(late.counts_from, Some(wire::timestamp(FEBRUARY)));

    bed.clock.set(datetime!(2027-03-01 00:00 UTC));
    service.settle().await;
    let february = ("2027-02".to_owned(), 2, digest(&["evt_1", "evt_late"]));
    assert_eq!(months(&bed).await?.last(), Some(&february));
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_month_waits_for_events_that_are_half_stored() -> Result<()> {
    let bed = bed().await?;
    let service = service(&bed).await?;
    deliver(&service, &event("evt_1", JANUARY)).await?;
    service.settle().await;
    let owner = bed.db.owner().await?;
    // What a writer of another replica has done before its commit.
    let mut writer = owner.begin().await?;
    sqlx::query(
        "select pg_advisory_xact_lock_shared(hashtextextended('webhook_ingest.month_cut', 0))",
    )
    .execute(&mut *writer)
    .await?;
    sqlx::query(
        "insert into webhook_ingest.stripe_event
         select 'evt_2', type, created_at, counts_from, account, livemode, api_version, object_id,
                object_kind, body, body_sha256, $1, endpoint, announced, received_wall_at
         from webhook_ingest.stripe_event",
    )
    .bind(digest64("evt_2").cast_signed())
    .execute(&mut *writer)
    .await?;
    bed.clock.set(FEBRUARY);
    eventually("the cut to wait for the writer", || async {
        let query = "select count(*) from pg_locks where not granted and locktype = 'advisory'
            and database = (select oid from pg_database where datname = current_database())";
        let waiting: i64 = sqlx::query_scalar(query).fetch_one(&owner).await.ok()?;
        (waiting > 0).then_some(())
    })
    .await;
    assert!(months(&bed).await?.is_empty());
    writer.commit().await?;
    service.settle().await;
    let january = (
        Month::of(JANUARY).to_string(),
        2,
        digest(&["evt_1", "evt_2"]),
    );
    assert_eq!(months(&bed).await?, [january]);
    service.stop().await;
    Ok(())
}
