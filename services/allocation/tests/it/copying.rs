//! Subscribers direct the open month as an earlier one.

use anyhow::Result;
use time::macros::datetime;
use tonic::Code;

use crate::story::{Story, charge, cut, refused, settled, shares};

const DECEMBER: time::OffsetDateTime = datetime!(2026-12-10 00:00 UTC);
const JANUARY: time::OffsetDateTime = datetime!(2027-01-10 00:00 UTC);

/// sam has paid $20.00 for December and directed $15.00 of it to alice, bob and carol; December
/// is over, and `cents` are there for January.
async fn january(cents: u32) -> Result<Story> {
    let story = Story::begin(DECEMBER).await?;
    story.registered(&["carol", "dan"]).await?;
    let charges = [
        settled(&charge("12", "sam", 2_000, "2026-12")),
        settled(&charge("01", "sam", cents, "2027-01")),
    ];
    story.billing(&charges).await?;
    story.set("sam", "dan", 400).await?;
    let december = [("alice", 500), ("bob", 500), ("carol", 500), ("dan", 0)];
    story.set_all("sam", &december).await?;
    story.at(JANUARY).await;
    Ok(story)
}

#[tokio::test]
async fn a_copy_is_what_the_month_before_ended_with_in_place_of_what_is_there() -> Result<()> {
    let story = january(2_000).await?;
    story.set_all("sam", &[("dan", 100), ("bob", 500)]).await?;
    let copied = story.copy("sam", "", false).await?;
    assert_eq!(
        copied.fact_ids,
        ["alice", "carol", "dan"].map(|id| format!("alloc:sam:allocation:2027-01:2:{id}"))
    );
    let pool = copied.pool.expect("the pool afterwards");
    assert_eq!(pool, story.pool("sam", "").await?);
    let december = [("alice", 500), ("bob", 500), ("carol", 500)];
    assert_eq!(shares(&pool), december);
    let again = story.copy("sam", "2026-12", true).await?;
    assert!(again.fact_ids.is_empty(), "the same again is no change");
    assert_eq!(shares(&story.pool("sam", "2026-12").await?), december);
    story.end().await
}

#[tokio::test]
async fn a_copy_that_does_not_fit_is_refused_or_on_demand_scaled_by_creator() -> Result<()> {
    let story = january(1_000).await?;
    story.set("sam", "dan", 1_000).await?;
    let (code, figures) = refused(story.copy("sam", "2026-12", false).await);
    assert_eq!(code, "INSUFFICIENT_FUNDS");
    let told = (
        figures["left_minor"].as_str(),
        figures["needed_minor"].as_str(),
    );
    assert_eq!(told, ("1000", "1500"));
    assert_eq!(shares(&story.pool("sam", "").await?), [("dan", 1_000)]);

    let scaled = story.copy("sam", "2026-12", true).await?;
    let pool = scaled.pool.expect("the pool afterwards");
    assert_eq!(
        shares(&pool),
        [("alice", 334), ("bob", 333), ("carol", 333)]
    );
    assert_eq!(pool.unallocated_minor, 0);
    story.end().await
}

#[tokio::test]
async fn creators_whose_part_is_no_cent_are_left_out_of_a_scaled_copy() -> Result<()> {
    let story = january(2).await?;
    let pool = story.copy("sam", "", true).await?.pool.expect("the pool");
    assert_eq!(shares(&pool), [("alice", 1), ("bob", 1)]);
    story.end().await
}

/// Sealed or only locked: what a month ended with is there.
#[tokio::test]
async fn any_earlier_month_can_be_copied() -> Result<()> {
    let story = january(1_000).await?;
    let paid = charge("12", "sam", 2_000, "2026-12");
    story.billing(&[cut("2026-12", &[&paid])]).await?;
    assert_eq!(story.month("2026-12").await?.state, "sealed");
    let paid = charge("02", "sam", 1_500, "2027-02");
    story.billing(&[settled(&paid)]).await?;
    story.set("sam", "dan", 7).await?;
    story.at(datetime!(2027-02-01 00:00 UTC)).await;
    let pool = story.copy("sam", "", false).await?.pool.expect("the pool");
    assert_eq!(
        (pool.month.as_str(), shares(&pool)),
        ("2027-02", vec![("dan", 7)])
    );
    let pool = story.copy("sam", "2026-12", false).await?.pool;
    let december = [("alice", 500), ("bob", 500), ("carol", 500)];
    assert_eq!(shares(&pool.expect("the pool")), december);
    story.end().await
}

#[tokio::test]
async fn a_month_in_which_nothing_was_directed_leaves_nothing_to_copy() -> Result<()> {
    let story = january(1_000).await?;
    story.set("sam", "alice", 10).await?;
    for from in ["2026-11", "2020-01"] {
        for scale in [false, true] {
            let none = story.copy("sam", from, scale).await;
            assert_eq!(none.as_ref().unwrap_err().code(), Code::FailedPrecondition);
            let (code, figures) = refused(none);
            let told = (code.as_str(), figures["from_month"].as_str());
            assert_eq!(told, ("NOTHING_TO_COPY", from));
        }
    }
    let paid = charge("9", "tim", 1_000, "2027-01");
    story.billing(&[settled(&paid)]).await?;
    assert_eq!(
        refused(story.copy("tim", "", false).await).0,
        "NOTHING_TO_COPY"
    );
    assert_eq!(shares(&story.pool("sam", "").await?), [("alice", 10)]);
    story.end().await
}

#[tokio::test]
async fn only_an_earlier_month_is_copied() -> Result<()> {
    let story = january(1_000).await?;
    for from in ["2027-01", "2027-02", "2027-1"] {
        let answer = story.copy("sam", from, false).await;
        assert_eq!(answer.as_ref().unwrap_err().code(), Code::InvalidArgument);
        let (code, figures) = refused(answer);
        let told = (code.as_str(), figures["field"].as_str());
        assert_eq!(told, ("INVALID_ARGUMENT", "from_month"), "{from}");
    }
    story.end().await
}

#[tokio::test]
async fn without_funds_nothing_is_copied_scaled_or_not() -> Result<()> {
    let story = january(1).await?;
    story.at(datetime!(2027-02-10 00:00 UTC)).await;
    let live = crate::story::subscription("sam", "active", 1);
    story.billing(&[live]).await?;
    for scale in [false, true] {
        let (code, figures) = refused(story.copy("sam", "2026-12", scale).await);
        let left = figures["left_minor"].as_str();
        assert_eq!((code.as_str(), left), ("INSUFFICIENT_FUNDS", "0"));
    }
    story.end().await
}
