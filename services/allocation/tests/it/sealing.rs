//! Months are locked, and sealed when they are complete.

use allocation::Allocation;
use anyhow::Result;
use time::macros::datetime;
use tonic::Code;

use crate::story::{Story, charge, cut, refused, settled, totals_of};

const JANUARY: time::OffsetDateTime = datetime!(2027-01-10 00:00 UTC);
const FEBRUARY: time::OffsetDateTime = datetime!(2027-02-01 00:00 UTC);

#[tokio::test]
async fn after_the_lock_a_month_takes_no_more_changes_and_the_next_begins_empty() -> Result<()> {
    let story = Story::begin(JANUARY).await?;
    let months = [("1", "2027-01"), ("2", "2027-02")];
    let charges = months.map(|(id, month)| settled(&charge(id, "sam", 1_000, month)));
    story.billing(&charges).await?;
    story.set("sam", "alice", 400).await?;
    story.at(datetime!(2027-01-31 23:59:59 UTC)).await;
    story.set_in("2027-01", "sam", "bob", 100).await?;

    story.at(FEBRUARY).await;
    let (code, figures) = refused(story.set_in("2027-01", "sam", "bob", 200).await);
    assert_eq!(
        (code.as_str(), figures["open_month"].as_str()),
        ("MONTH_LOCKED", "2027-02")
    );
    assert_eq!(story.pool("sam", "2027-01").await?.state, "locked");
    let february = story.pool("sam", "").await?;
    assert_eq!(
        (february.month.as_str(), february.allocated_minor),
        ("2027-02", 0)
    );
    assert!(february.allocations.is_empty());
    story.set("sam", "alice", 1_000).await?;
    assert_eq!(story.pool("sam", "2027-01").await?.allocated_minor, 500);
    story.end().await
}

#[tokio::test]
async fn the_seal_waits_for_the_cut_and_for_its_charges_and_equals_what_was_announced() -> Result<()>
{
    let story = Story::begin(JANUARY).await?;
    let one = charge("1", "sam", 1_000, "2027-01");
    let two = charge("2", "tim", 500, "2027-01");
    let next = charge("3", "tim", 700, "2027-02");
    story.billing(&[settled(&one), settled(&next)]).await?;
    for (creator, cents) in [
        ("alice", 400),
        ("bob", 600),
        ("alice", 150),
        ("bob", 0),
        ("bob", 30),
    ] {
        story.set("sam", creator, cents).await?;
    }
    assert!(
        story
            .month("")
            .await?
            .waiting_for
            .contains("2027-02-01 00:00 UTC")
    );
    story.at(FEBRUARY).await;
    story.set("tim", "bob", 70).await?;
    assert_eq!(
        story.month("2027-01").await?.waiting_for,
        "billing's cut of 2027-01"
    );

    story.billing(&[cut("2027-01", &[&one, &two])]).await?;
    let waits = story.month("2027-01").await?;
    assert_eq!((waits.state.as_str(), waits.totals.len()), ("locked", 0));
    assert!(
        waits.waiting_for.contains("applied are 1 facts"),
        "{}",
        waits.waiting_for
    );

    story.billing(&[settled(&two)]).await?;
    let sealed = story.month("2027-01").await?;
    assert_eq!(
        (sealed.state.as_str(), sealed.waiting_for.as_str()),
        ("sealed", "")
    );
    let seal = story.seal("2027-01").await?;
    assert_eq!(seal.totals, sealed.totals);
    let announced = story.announced_totals("2027-01").await?;
    assert_eq!(totals_of(&seal)?.compare(&announced), []);
    let counts: Vec<(&str, i64, i64)> = seal
        .totals
        .iter()
        .map(|t| (t.kind.as_str(), t.count, t.sum_minor))
        .collect();
    assert_eq!(
        counts,
        [
            ("funding_attributed", 2, 1_500),
            ("allocation_changed", 5, 180)
        ]
    );
    story.end().await
}

#[tokio::test]
async fn a_cut_that_names_another_charge_of_the_same_sum_seals_nothing() -> Result<()> {
    let story = Story::begin(JANUARY).await?;
    let applied = charge("1", "sam", 1_000, "2027-01");
    let other = charge("2", "sam", 1_000, "2027-01");
    story
        .billing(&[settled(&applied), cut("2027-01", &[&other])])
        .await?;
    story.at(FEBRUARY).await;
    assert_eq!(story.month("2027-01").await?.state, "locked");
    assert!(story.seal("2027-01").await.is_err());
    story.end().await
}

#[tokio::test]
async fn a_jump_over_months_locks_each_and_idle_ones_are_sealed_with_empty_totals() -> Result<()> {
    let story = Story::begin(JANUARY).await?;
    let cuts = ["2027-01", "2027-02", "2027-03"].map(|month| cut(month, &[]));
    story.billing(&cuts).await?;
    assert_eq!(
        story.month("2027-01").await?.state,
        "open",
        "a cut does not end a month"
    );
    let due = story.service.settle().await.next_due;
    assert_eq!(due.map(|at| at.seconds), Some(FEBRUARY.unix_timestamp()));
    story.at(datetime!(2027-04-15 00:00 UTC)).await;
    for month in ["2027-01", "2027-02", "2027-03"] {
        assert_eq!(story.month(month).await?.state, "sealed", "{month}");
        assert!(story.seal(month).await?.totals.is_empty());
    }
    assert_eq!(story.month("").await?.month, "2027-04");
    story.end().await
}

#[tokio::test]
async fn the_first_month_stays_the_first_at_the_next_start() -> Result<()> {
    let Story { bed, service } = Story::begin(JANUARY).await?;
    service.stop().await;
    bed.clock.set(datetime!(2027-03-10 00:00 UTC));
    let service = bed.service::<Allocation>(&[]).await?;
    let story = Story { bed, service };
    story.service.settle().await;
    assert_eq!(story.month("2027-01").await?.state, "locked");
    assert_eq!(story.month("").await?.month, "2027-03");
    let before = story.month("2026-12").await.unwrap_err();
    let before = before.downcast_ref::<tonic::Status>().expect("a status");
    assert_eq!(before.code(), Code::NotFound);
    story.end().await
}

#[tokio::test]
async fn facts_that_were_announced_cannot_be_changed_by_the_service() -> Result<()> {
    let story = Story::begin(JANUARY).await?;
    story
        .billing(&[settled(&charge("1", "sam", 1_000, "2027-01"))])
        .await?;
    let mut tx = story.owner().await?.begin().await?;
    sqlx::query("set local role allocation_svc")
        .execute(&mut *tx)
        .await?;
    let refused = sqlx::query("update allocation.funding set amount_minor = 1")
        .execute(&mut *tx)
        .await
        .unwrap_err();
    assert!(
        refused.to_string().contains("permission denied"),
        "{refused}"
    );
    story.end().await
}
