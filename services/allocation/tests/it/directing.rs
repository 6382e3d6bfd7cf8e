//! Subscribers direct money.

use anyhow::Result;
use kit::spawn;
use time::macros::datetime;
use tonic::Code;
use wire::allocation::v1::{AllocationChanged, KnowsCreatorRequest};

use crate::story::{Story, charge, refused, set, settled};

const JANUARY: time::OffsetDateTime = datetime!(2027-01-10 00:00 UTC);

/// sam has paid $10.00 for January.
async fn funded() -> Result<Story> {
    let story = Story::begin(JANUARY).await?;
    story
        .billing(&[settled(&charge("1", "sam", 1_000, "2027-01"))])
        .await?;
    Ok(story)
}

#[tokio::test]
async fn what_is_set_is_listed_and_announced() -> Result<()> {
    let story = funded().await?;
    let first = story.set("sam", "bob", 300).await?;
    assert_eq!(first.fact_id, "alloc:sam:allocation:2027-01:1:bob");
    let second = story.set("sam", "alice", 200).await?;
    let third = story.set("sam", "bob", 100).await?;
    let pool = third.pool.expect("the pool afterwards");
    assert_eq!(
        pool,
        story.pool("sam", "").await?,
        "the answer is what a read answers"
    );
    assert_eq!(
        (
            pool.funded_minor,
            pool.allocated_minor,
            pool.unallocated_minor
        ),
        (1_000, 300, 700)
    );
    let shares: Vec<(&str, i64)> = pool
        .allocations
        .iter()
        .map(|a| (a.creator_id.as_str(), a.amount_minor))
        .collect();
    assert_eq!(shares, [("alice", 200), ("bob", 100)]);
    assert_eq!(
        (pool.state.as_str(), pool.month.as_str()),
        ("open", "2027-01")
    );
    assert_eq!(
        pool.locks_at.map(|at| at.seconds),
        Some(1_801_440_000),
        "2027-02-01"
    );

    let told: Vec<AllocationChanged> = story.changed().await?;
    let told: Vec<(&str, i64, i64, i64)> = told
        .iter()
        .map(|t| (t.creator_id.as_str(), t.version, t.from_minor, t.to_minor))
        .collect();
    assert_eq!(
        told,
        [
            ("bob", 1, 0, 300),
            ("alice", 2, 0, 200),
            ("bob", 3, 300, 100)
        ]
    );
    assert_ne!(second.fact_id, third.fact_id);
    story.end().await
}

#[tokio::test]
async fn the_same_amount_again_is_no_change() -> Result<()> {
    let story = funded().await?;
    story.set("sam", "alice", 300).await?;
    let again = story.set("sam", "alice", 300).await?;
    assert_eq!(again.fact_id, "");
    assert_eq!(again.pool.expect("the pool").allocated_minor, 300);
    assert_eq!(story.changed().await?.len(), 1);
    story.end().await
}

#[tokio::test]
async fn lowering_to_zero_takes_a_creator_off_the_list_and_frees_the_money() -> Result<()> {
    let story = funded().await?;
    story.set("sam", "alice", 1_000).await?;
    let pool = story.set("sam", "alice", 0).await?.pool.expect("the pool");
    assert!(pool.allocations.is_empty());
    assert_eq!(pool.unallocated_minor, 1_000);
    assert_eq!(pool, story.pool("sam", "2027-01").await?);
    story.set("sam", "bob", 1_000).await?;
    story.end().await
}

#[tokio::test]
async fn insufficient_funds_tells_what_is_left() -> Result<()> {
    let story = funded().await?;
    story.set("sam", "alice", 880).await?;
    let (code, figures) = refused(story.set("sam", "bob", 121).await);
    assert_eq!(code, "INSUFFICIENT_FUNDS");
    assert_eq!(figures["left_minor"], "120");
    assert_eq!(
        (
            figures["funded_minor"].as_str(),
            figures["asked_minor"].as_str()
        ),
        ("1000", "121")
    );
    story.set("sam", "bob", 120).await?;
    story.end().await
}

#[tokio::test]
async fn sixteen_changes_at_once_never_overspend() -> Result<()> {
    let story = funded().await?;
    let creators: Vec<String> = (0..16).map(|n| format!("creator-{n}")).collect();
    let ids: Vec<&str> = creators.iter().map(String::as_str).collect();
    story.registered(&ids).await?;
    let peer = story.client()?;
    let changes = creators.iter().map(|creator| {
        let (mut peer, change) = (peer.clone(), set("sam", creator, 300, ""));
        spawn(async move { peer.set_allocation(change).await })
    });
    let mut passed = 0;
    for answer in futures::future::join_all(changes).await {
        match answer? {
            Ok(_) => passed += 1,
            refusal => assert_eq!(refused(refusal).0, "INSUFFICIENT_FUNDS"),
        }
    }
    assert_eq!(passed, 3, "three times $3.00 fit into $10.00");
    let pool = story.pool("sam", "").await?;
    assert_eq!((pool.allocated_minor, pool.allocations.len()), (900, 3));
    let mut versions: Vec<i64> = story
        .changed()
        .await?
        .iter()
        .map(|told| told.version)
        .collect();
    versions.sort_unstable();
    assert_eq!(versions, [1, 2, 3]);
    story.end().await
}

#[tokio::test]
async fn one_creator_set_by_many_at_once_ends_with_facts_that_add_up() -> Result<()> {
    let story = funded().await?;
    let peer = story.client()?;
    let changes = (1..=16).map(|n| {
        let (mut peer, change) = (peer.clone(), set("sam", "alice", 100 + n, ""));
        spawn(async move { peer.set_allocation(change).await })
    });
    for answer in futures::future::join_all(changes).await {
        answer??;
    }
    let told = story.changed().await?;
    let sum: i64 = told
        .iter()
        .map(|told| told.to_minor - told.from_minor)
        .sum();
    assert_eq!(told.len(), 16);
    assert_eq!(sum, story.pool("sam", "").await?.allocated_minor);
    story.end().await
}

#[tokio::test]
async fn a_creator_must_be_known_here_and_nobody_directs_money_to_itself() -> Result<()> {
    let story = funded().await?;
    let unknown = story.set("sam", "carol", 100).await;
    assert_eq!(unknown.as_ref().unwrap_err().code(), Code::NotFound);
    assert_eq!(refused(unknown).0, "CREATOR_UNKNOWN");
    assert_eq!(
        refused(story.set("sam", "sam", 100).await).0,
        "SELF_ALLOCATION"
    );
    let mut client = story.client()?;
    for (id, is_known) in [("alice", true), ("carol", false)] {
        let asked = KnowsCreatorRequest {
            creator_id: id.into(),
        };
        assert_eq!(
            client.knows_creator(asked).await?.into_inner().known,
            is_known,
            "{id}"
        );
    }
    story.end().await
}

#[tokio::test]
async fn bad_input_is_refused_by_the_name_of_the_field() -> Result<()> {
    let story = Story::begin(JANUARY).await?;
    let good = set("sam", "alice", 1, "2027-01");
    let cases = [
        ("subscriber_id", set("s/m", "alice", 1, "")),
        ("creator_id", set("sam", "", 1, "")),
        ("amount_minor", set("sam", "alice", -1, "")),
        ("amount_minor", set("sam", "alice", 100_000_001, "")),
        ("month", set("sam", "alice", 1, "2027-13")),
        (
            "program",
            wire::allocation::v1::SetAllocationRequest {
                program: "copies".into(),
                ..good
            },
        ),
    ];
    for (field, request) in cases {
        let answer = story.client()?.set_allocation(request).await;
        assert_eq!(
            answer.as_ref().unwrap_err().code(),
            Code::InvalidArgument,
            "{field}"
        );
        let (code, figures) = refused(answer);
        assert_eq!(
            (code.as_str(), figures["field"].as_str()),
            ("INVALID_ARGUMENT", field)
        );
    }
    story.end().await
}

/// A refusal travels in headers, which are short.
#[tokio::test]
async fn what_is_far_too_long_is_refused_by_its_field_as_well() -> Result<()> {
    let story = Story::begin(JANUARY).await?;
    let (mut program, mut month) = (set("sam", "alice", 1, ""), set("sam", "alice", 1, ""));
    program.program = "x".repeat(100_000);
    month.month = "x".repeat(100_000);
    for (field, request) in [("program", program), ("month", month)] {
        let answer = story.client()?.set_allocation(request).await;
        let (code, figures) = refused(answer);
        assert_eq!(
            (code.as_str(), figures["field"].as_str()),
            ("INVALID_ARGUMENT", field)
        );
    }
    story.end().await
}

#[tokio::test]
async fn a_subscriber_without_a_pool_reads_zeros() -> Result<()> {
    let story = Story::begin(JANUARY).await?;
    let pool = story.pool("nobody", "").await?;
    assert_eq!(
        (
            pool.funded_minor,
            pool.allocated_minor,
            pool.unallocated_minor
        ),
        (0, 0, 0)
    );
    assert_eq!(
        (pool.month.as_str(), pool.state.as_str()),
        ("2027-01", "open")
    );
    assert!(pool.allocations.is_empty());
    story.end().await
}
