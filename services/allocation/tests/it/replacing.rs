//! Subscribers set all of their allocations at once.

use anyhow::Result;
use kit::context::{Context, within};
use time::macros::datetime;
use tonic::Code;
use wire::allocation::v1::SetAllocationsRequest;

use crate::story::{Story, all, charge, refused, settled, shares};

const JANUARY: time::OffsetDateTime = datetime!(2027-01-10 00:00 UTC);

/// sam has paid $10.00 for January; carol is a creator as well.
async fn funded() -> Result<Story> {
    let story = Story::begin(JANUARY).await?;
    story.registered(&["carol"]).await?;
    story
        .billing(&[settled(&charge("1", "sam", 1_000, "2027-01"))])
        .await?;
    Ok(story)
}

#[tokio::test]
async fn a_set_takes_the_place_of_what_was_there_as_one_version_with_a_fact_per_change()
-> Result<()> {
    let story = funded().await?;
    story.set("sam", "alice", 400).await?;
    story.set("sam", "bob", 300).await?;
    let set = story
        .set_all("sam", &[("carol", 600), ("bob", 300), ("alice", 100)])
        .await?;
    assert_eq!(
        set.fact_ids,
        [
            "alloc:sam:allocation:2027-01:3:alice",
            "alloc:sam:allocation:2027-01:3:carol"
        ],
        "bob gets what he got"
    );
    let pool = set.pool.expect("the pool afterwards");
    assert_eq!(pool, story.pool("sam", "").await?);
    let expected = [("alice", 100), ("bob", 300), ("carol", 600)];
    assert_eq!(shares(&pool), expected);
    assert_eq!((pool.allocated_minor, pool.unallocated_minor), (1_000, 0));

    let told = story.changed().await?;
    let told: Vec<_> = told[2..]
        .iter()
        .map(|t| (t.creator_id.as_str(), t.version, t.from_minor, t.to_minor))
        .collect();
    assert_eq!(told, [("alice", 3, 400, 100), ("carol", 3, 0, 600)]);

    let next = story.set("sam", "alice", 50).await?;
    assert_eq!(next.fact_id, "alloc:sam:allocation:2027-01:4:alice");
    story.end().await
}

#[tokio::test]
async fn whoever_is_not_named_or_named_with_zero_gets_nothing() -> Result<()> {
    let story = funded().await?;
    story
        .set_all("sam", &[("alice", 100), ("bob", 200), ("carol", 300)])
        .await?;
    let set = story.set_all("sam", &[("bob", 0), ("carol", 300)]).await?;
    assert_eq!(set.fact_ids.len(), 2, "alice and bob");
    assert_eq!(shares(&set.pool.expect("the pool")), [("carol", 300)]);
    let none = story.set_all("sam", &[]).await?;
    let pool = none.pool.expect("the pool");
    assert_eq!((pool.allocated_minor, pool.unallocated_minor), (0, 1_000));
    assert_eq!(pool, story.pool("sam", "").await?);
    story.end().await
}

#[tokio::test]
async fn the_same_set_again_announces_nothing() -> Result<()> {
    let story = funded().await?;
    let wanted = [("alice", 100), ("bob", 200)];
    story.set_all("sam", &wanted).await?;
    let again = story.set_all("sam", &wanted).await?;
    assert!(again.fact_ids.is_empty());
    assert_eq!(shares(&again.pool.expect("the pool")), wanted);
    assert_eq!(story.changed().await?.len(), 2);
    story.end().await
}

/// The whole set is refused: not even the part that would fit is done.
#[tokio::test]
async fn what_is_refused_changes_nothing_and_says_what_was_wrong() -> Result<()> {
    let story = funded().await?;
    story.set("sam", "alice", 900).await?;
    let before = story.pool("sam", "").await?;

    let too_much = story.set_all("sam", &[("alice", 500), ("bob", 501)]).await;
    let (code, figures) = refused(too_much);
    assert_eq!(code, "INSUFFICIENT_FUNDS");
    assert_eq!(figures["left_minor"], "1000");
    assert_eq!(figures["needed_minor"], "1001");

    let unknown = [("bob", 1), ("zoe", 1), ("dan", 0), ("alice", 1)];
    let unknown = story.set_all("sam", &unknown).await;
    assert_eq!(unknown.as_ref().unwrap_err().code(), Code::NotFound);
    let (code, figures) = refused(unknown);
    let named = (code.as_str(), figures["creator_id"].as_str());
    assert_eq!(
        named,
        ("CREATOR_UNKNOWN", "zoe"),
        "the first in the order given"
    );

    let itself = story.set_all("sam", &[("bob", 1), ("sam", 1)]).await;
    assert_eq!(refused(itself).0, "SELF_ALLOCATION");

    assert_eq!(story.pool("sam", "").await?, before);
    assert_eq!(story.changed().await?.len(), 1);
    story.end().await
}

#[tokio::test]
async fn a_set_is_for_the_open_month_alone() -> Result<()> {
    let story = funded().await?;
    let mut client = story.client()?;
    client
        .set_allocations(all("sam", &[("alice", 10)], "2027-01"))
        .await?;
    let future = all("sam", &[("alice", 20)], "2027-02");
    assert_eq!(
        refused(client.set_allocations(future).await).0,
        "MONTH_NOT_OPEN"
    );
    story.at(datetime!(2027-02-01 00:00 UTC)).await;
    let past = all("sam", &[("alice", 20)], "2027-01");
    assert_eq!(
        refused(client.set_allocations(past).await).0,
        "MONTH_LOCKED"
    );
    assert_eq!(
        shares(&story.pool("sam", "2027-01").await?),
        [("alice", 10)]
    );
    story.end().await
}

#[tokio::test]
async fn bad_input_is_refused_by_the_name_and_the_place_of_the_field() -> Result<()> {
    let story = funded().await?;
    let creators: Vec<String> = (0..1_001).map(|n| format!("creator-{n}")).collect();
    let many: Vec<(&str, i64)> = creators.iter().map(|id| (id.as_str(), 1)).collect();
    let twice = [("alice", 1), ("bob", 2), ("alice", 1)];
    let cases: [(&str, SetAllocationsRequest); 7] = [
        ("targets", all("sam", &many, "")),
        ("targets[2].creator_id", all("sam", &twice, "")),
        ("targets[0].creator_id", all("sam", &[("a/b", 1)], "")),
        (
            "targets[1].amount_minor",
            all("sam", &[("bob", 1), ("alice", -1)], ""),
        ),
        (
            "targets[0].amount_minor",
            all("sam", &[("bob", i64::MAX)], ""),
        ),
        ("subscriber_id", all("", &[], "")),
        ("month", all("sam", &[], "January")),
    ];
    for (field, request) in cases {
        let answer = story.client()?.set_allocations(request).await;
        let code = answer.as_ref().unwrap_err().code();
        assert_eq!(code, Code::InvalidArgument, "{field}");
        let (code, figures) = refused(answer);
        let named = (code.as_str(), figures["field"].as_str());
        assert_eq!(named, ("INVALID_ARGUMENT", field));
    }
    assert!(story.changed().await?.is_empty());
    story.end().await
}

#[tokio::test]
async fn a_thousand_creators_are_one_change() -> Result<()> {
    let story = funded().await?;
    let creators: Vec<String> = (0..1_000).map(|n| format!("creator-{n:03}")).collect();
    let ids: Vec<&str> = creators.iter().map(String::as_str).collect();
    story.registered(&ids).await?;
    let targets: Vec<(&str, i64)> = ids.iter().map(|id| (*id, 1)).collect();
    let set = story.set_all("sam", &targets).await?;
    assert_eq!(set.fact_ids.len(), 1_000);
    assert_eq!(shares(&story.pool("sam", "").await?), targets);
    let told = story.changed().await?;
    assert!(told.iter().all(|told| told.version == 1));
    story.end().await
}

#[tokio::test]
async fn every_fact_of_a_set_carries_the_request_that_asked_for_it() -> Result<()> {
    let story = funded().await?;
    let asked = Context {
        request_id: "req_42".to_owned(),
        ..Context::default()
    };
    within(asked, story.set_all("sam", &[("alice", 1), ("bob", 2)])).await?;
    let found: Vec<String> = sqlx::query_scalar(
        "select request_id from allocation.outbox
         where subject = 'allocation.v1.allocation.changed'",
    )
    .fetch_all(&story.owner().await?)
    .await?;
    assert_eq!(found, ["req_42", "req_42"]);
    story.end().await
}
