//! When a month is cut, and which month a charge funds.

use anyhow::Result;
use ledger::{Control, Fact};
use serde_json::Value;
use testkit::{TestService, eventually};
use wire::billing::v1::billing_service_client::BillingServiceClient;
use wire::billing::v1::{ChargeSettled, GetMonthRequest, GetMonthResponse, MonthCut};

use crate::world::{FEBRUARY, SCHEMA, World};

/// What the announced charges of a month add up to.
async fn totals(world: &World, month: &str) -> Result<Control> {
    let mut sum = Control::default();
    for charge in world.bed.announced::<ChargeSettled>(SCHEMA).await? {
        if charge.period_month == month {
            sum = sum.merge(Control::of(&Fact::try_new(wire::facts::charge_settled(
                &charge,
            )?)?))?;
        }
    }
    Ok(sum)
}

async fn cuts(world: &World) -> Result<Vec<(String, Control)>> {
    let cuts = world.bed.announced::<MonthCut>(SCHEMA).await?;
    let control = |cut: &MonthCut| Control {
        count: u64::try_from(cut.charge_count).unwrap_or(u64::MAX),
        sum_minor: cut.gross_minor,
        digest: cut.digest,
    };
    Ok(cuts
        .iter()
        .map(|cut| (cut.month.clone(), control(cut)))
        .collect())
}

async fn month(service: &TestService, month: &str) -> Result<GetMonthResponse> {
    let mut client = BillingServiceClient::new(service.peer()?);
    Ok(client
        .get_month(GetMonthRequest {
            month: month.into(),
        })
        .await?
        .into_inner())
}

/// Events of January, and those after it.
fn by_month(events: Vec<Value>) -> (Vec<Value>, Vec<Value>) {
    let ended = FEBRUARY.unix_timestamp();
    events
        .into_iter()
        .partition(|event| event["created"].as_i64().is_some_and(|at| at < ended))
}

#[tokio::test]
async fn a_month_is_cut_once_by_two_replicas_when_all_of_its_events_are_read() -> Result<()> {
    let world = World::begin().await?;
    let (one, two) = (world.service().await?, world.service().await?);
    for who in ["ann", "bob", "cid"] {
        world.subscribe(&one, who).await?;
    }
    world.advance(FEBRUARY).await?;
    let (january, february) = by_month(world.events().await?);
    assert!(!february.is_empty(), "renewals are made at midnight");
    let (last, others) = january.split_last().expect("there are events");

    // Renewals of February do not hold up January, nor do they count in it.
    world.deliver(&february, None).await?;
    world.deliver(others, None).await?;
    world.ingested("2027-01", &january).await?;
    one.settle().await;
    two.settle().await;
    assert!(cuts(&world).await?.is_empty(), "an event is missing");

    world.deliver(std::slice::from_ref(last), None).await?;
    one.settle().await;
    two.settle().await;
    let wanted = totals(&world, "2027-01").await?;
    assert_eq!((wanted.count, wanted.sum_minor), (3, 3_000));
    assert_eq!(cuts(&world).await?, [("2027-01".to_owned(), wanted)]);
    let shown = GetMonthResponse {
        cut: true,
        charge_count: 3,
        gross_minor: 3_000,
        pending_count: 0,
    };
    assert_eq!(month(&one, "2027-01").await?, shown);
    assert_eq!(
        month(&two, "2027-02").await?,
        GetMonthResponse {
            cut: false,
            ..shown
        }
    );
    one.stop().await;
    two.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_month_waits_for_what_is_still_to_be_read() -> Result<()> {
    let world = World::begin().await?;
    let service = world.service().await?;
    world.subscribe(&service, "bob").await?;
    world.advance(FEBRUARY).await?;
    let (january, _) = by_month(world.events().await?);
    let owner = world.bed.db.owner().await?;
    // The charge is read, and cannot be recorded.
    let mut held = owner.begin().await?;
    sqlx::query("lock table billing.charge in share mode")
        .execute(&mut *held)
        .await?;
    world.deliver(&january, None).await?;
    world.ingested("2027-01", &january).await?;
    eventually("the charge to be half recorded", || async {
        let query = "select count(*) from pg_locks where not granted and mode = 'RowExclusiveLock'
            and database = (select oid from pg_database where datname = current_database())";
        let waiting: i64 = sqlx::query_scalar(query).fetch_one(&owner).await.ok()?;
        let known: i64 = sqlx::query_scalar("select count(*) from billing.month_ingested")
            .fetch_one(&owner)
            .await
            .ok()?;
        (waiting > 0 && known > 0).then_some(())
    })
    .await;
    assert!(month(&service, "2027-01").await?.pending_count >= 1);
    assert!(cuts(&world).await?.is_empty());
    held.commit().await?;
    service.settle().await;
    let wanted = totals(&world, "2027-01").await?;
    assert_eq!(wanted.count, 1);
    assert_eq!(cuts(&world).await?, [("2027-01".to_owned(), wanted)]);
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_charge_that_comes_after_its_month_was_cut_funds_the_next_one() -> Result<()> {
    let world = World::begin().await?;
    let service = world.service().await?;
    world.subscribe(&service, "ann").await?;
    let early = world.events().await?;
    world.subscribe(&service, "bob").await?;
    let late: Vec<Value> = world.events().await?.split_off(early.len());
    world.advance(FEBRUARY).await?;

    world.deliver(&early, None).await?;
    world.ingested("2027-01", &early).await?;
    service.settle().await;
    let january = ("2027-01".to_owned(), totals(&world, "2027-01").await?);
    assert_eq!(
        (january.1.count, cuts(&world).await?),
        (1, vec![january.clone()])
    );

    // Created in January, and delivered when webhook-ingest had cut it.
    world.deliver(&late, Some(FEBRUARY)).await?;
    service.settle().await;
    let charges = world.bed.announced::<ChargeSettled>(SCHEMA).await?;
    let bobs = charges
        .iter()
        .find(|charge| charge.subscriber_id == "bob")
        .expect("it is announced");
    assert_eq!(bobs.period_month, "2027-02");

    let all: Vec<Value> = early.into_iter().chain(late).collect();
    world.ingested("2027-02", &all).await?;
    service.settle().await;
    let february = ("2027-02".to_owned(), totals(&world, "2027-02").await?);
    assert_eq!(february.1.count, 1);
    assert_eq!(cuts(&world).await?, [january, february]);
    service.stop().await;
    Ok(())
}

/// Who waits for the exclusive lock keeps everyone from the shared one. So a month that is not
/// complete must not ask for it, however often it is looked at.
#[tokio::test]
async fn a_month_that_is_not_complete_keeps_no_charge_from_being_recorded() -> Result<()> {
    let world = World::begin().await?;
    let service = world.service().await?;
    world.subscribe(&service, "ann").await?;
    let events = world.events().await?;
    let (last, others) = events.split_last().expect("there are events");
    let owner = world.bed.db.owner().await?;
    // Another replica records something, and takes its time.
    let mut recording = owner.begin().await?;
    sqlx::query("select pg_advisory_xact_lock_shared(hashtextextended('billing.month_cut', 0))")
        .execute(&mut *recording)
        .await?;
    world.ingested("2027-01", &events).await?;
    service.settle().await;
    world.deliver(others, None).await?;
    service.settle().await;
    assert_eq!(world.bed.announced::<ChargeSettled>(SCHEMA).await?.len(), 1);
    recording.commit().await?;
    world.deliver(std::slice::from_ref(last), None).await?;
    service.settle().await;
    assert_eq!(cuts(&world).await?.len(), 1);
    service.stop().await;
    Ok(())
}
