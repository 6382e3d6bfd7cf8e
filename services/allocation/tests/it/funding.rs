//! Charges fund pools.

use anyhow::Result;
use money::Amount;
use time::macros::datetime;

use crate::story::{Story, charge, cut, refused, settled};

const JANUARY: time::OffsetDateTime = datetime!(2027-01-10 00:00 UTC);
const FEBRUARY: time::OffsetDateTime = datetime!(2027-02-01 00:00 UTC);

#[tokio::test]
async fn a_charge_delivered_twice_funds_once() -> Result<()> {
    let story = Story::begin(JANUARY).await?;
    let one = settled(&charge("1", "sam", 1_000, "2027-01"));
    let two = settled(&charge("2", "sam", 500, "2027-01"));
    // Twice in one batch, then again in a later one, among new charges.
    story.billing(&[one.clone(), one.clone()]).await?;
    story.billing(&[one, two]).await?;
    assert_eq!(story.pool("sam", "").await?.funded_minor, 1_500);
    let told = story.funded().await?;
    let told: Vec<(&str, &str, i64)> = told
        .iter()
        .map(|t| (t.charge.as_str(), t.month.as_str(), t.amount_minor))
        .collect();
    assert_eq!(told, [("ch_1", "2027-01", 1_000), ("ch_2", "2027-01", 500)]);
    story.end().await
}

#[tokio::test]
async fn tax_does_not_fund_a_pool() -> Result<()> {
    let story = Story::begin(JANUARY).await?;
    let taxed = ledger::ChargeSettled {
        tax: Amount::usd(70),
        ..charge("1", "sam", 1_070, "2027-01")
    };
    story.billing(&[settled(&taxed)]).await?;
    assert_eq!(story.pool("sam", "").await?.funded_minor, 1_000);
    assert_eq!(story.funded().await?[0].amount_minor, 1_000);
    story.end().await
}

#[tokio::test]
async fn a_locked_month_is_funded_until_it_is_sealed_and_then_the_open_one_is() -> Result<()> {
    let story = Story::begin(JANUARY).await?;
    let one = charge("1", "sam", 1_000, "2027-01");
    let two = charge("2", "sam", 200, "2027-01");
    story.billing(&[settled(&one)]).await?;
    story.at(FEBRUARY).await;
    story.billing(&[settled(&two)]).await?;
    assert_eq!(
        story.pool("sam", "2027-01").await?.funded_minor,
        1_200,
        "locked, not sealed"
    );

    story.billing(&[cut("2027-01", &[&one, &two])]).await?;
    assert_eq!(story.month("2027-01").await?.state, "sealed");
    story
        .billing(&[settled(&charge("3", "sam", 40, "2027-01"))])
        .await?;
    assert_eq!(story.pool("sam", "2027-01").await?.funded_minor, 1_200);
    assert_eq!(story.pool("sam", "").await?.funded_minor, 40);
    let told = story.funded().await?;
    assert_eq!(
        (told[2].charge.as_str(), told[2].month.as_str()),
        ("ch_3", "2027-02")
    );
    story.end().await
}

#[tokio::test]
async fn a_charge_that_comes_early_funds_a_month_that_subscribers_cannot_direct_yet() -> Result<()>
{
    let story = Story::begin(JANUARY).await?;
    story
        .billing(&[settled(&charge("1", "sam", 1_000, "2027-03"))])
        .await?;
    assert_eq!(story.month("2027-03").await?.state, "future");
    assert_eq!(
        refused(story.set_in("2027-03", "sam", "alice", 1).await).0,
        "MONTH_NOT_OPEN"
    );
    assert_eq!(
        refused(story.set_in("2027-09", "sam", "alice", 1).await).0,
        "MONTH_NOT_OPEN"
    );
    assert_eq!(
        story.pool("sam", "").await?.funded_minor,
        0,
        "January has none of it"
    );

    story.at(datetime!(2027-03-01 00:00 UTC)).await;
    let pool = story.pool("sam", "").await?;
    assert_eq!((pool.month.as_str(), pool.funded_minor), ("2027-03", 1_000));
    story.set("sam", "alice", 1).await?;
    story.end().await
}

#[tokio::test]
async fn an_earlier_month_is_funded_while_nothing_is_sealed() -> Result<()> {
    let story = Story::begin(JANUARY).await?;
    let late = charge("1", "sam", 300, "2026-11");
    story.billing(&[settled(&late)]).await?;
    assert_eq!(story.pool("sam", "2026-11").await?.funded_minor, 300);
    assert_eq!(story.month("2026-12").await?.state, "locked");
    assert_eq!(
        refused(story.set_in("2026-11", "sam", "alice", 1).await).0,
        "MONTH_LOCKED"
    );
    assert_eq!(story.pool("sam", "").await?.month, "2027-01");

    story.billing(&[cut("2026-11", &[&late])]).await?;
    assert_eq!(story.month("2026-11").await?.state, "sealed");
    // Now the past is settled: what paid for October funds the first month that is not sealed.
    story
        .billing(&[settled(&charge("2", "sam", 50, "2026-10"))])
        .await?;
    assert_eq!(story.pool("sam", "2026-12").await?.funded_minor, 50);
    story.end().await
}

#[tokio::test]
async fn a_charge_that_cannot_be_meant_is_set_aside_and_its_neighbours_fund() -> Result<()> {
    let story = Story::begin(JANUARY).await?;
    let astray = charge("1", "sam", 300, "2126-11");
    let good = charge("2", "sam", 400, "2027-01");
    story.billing(&[settled(&astray), settled(&good)]).await?;
    assert_eq!(story.pool("sam", "").await?.funded_minor, 400);
    let aside: Vec<String> = sqlx::query_scalar("select fact_id from allocation.dead_letter")
        .fetch_all(&story.owner().await?)
        .await?;
    assert_eq!(aside, ["charge:ch_1"]);
    story.end().await
}
