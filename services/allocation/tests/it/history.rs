//! Subscribers read what they changed, and what past months ended with.

use anyhow::Result;
use time::macros::datetime;
use tonic::{Code, Status};
use wire::allocation::v1::{ListChangesRequest, ListChangesResponse};

use crate::story::{Story, charge, cut, refused, settled, shares};

const DECEMBER: time::OffsetDateTime = datetime!(2026-12-10 00:00 UTC);
const JANUARY: time::OffsetDateTime = datetime!(2027-01-10 00:00 UTC);

/// sam's, with the defaults.
fn asked() -> ListChangesRequest {
    ListChangesRequest {
        subscriber_id: "sam".into(),
        ..Default::default()
    }
}

async fn list(story: &Story, request: ListChangesRequest) -> Result<ListChangesResponse, Status> {
    let mut client = story.client().expect("the gateway may call");
    Ok(client.list_changes(request).await?.into_inner())
}

/// `12 alice 0->100`: month, creator, from and to of each.
fn lines(page: &ListChangesResponse) -> Vec<String> {
    let changes = page.changes.iter();
    changes
        .map(|c| {
            let month = c.month.split('-').next_back().unwrap_or_default();
            format!("{month} {} {}->{}", c.creator_id, c.from_minor, c.to_minor)
        })
        .collect()
}

/// sam and tim direct money in December and in January.
async fn two_months() -> Result<Story> {
    let story = Story::begin(DECEMBER).await?;
    let charges = [
        settled(&charge("1", "sam", 1_000, "2026-12")),
        settled(&charge("2", "sam", 1_000, "2027-01")),
        settled(&charge("3", "tim", 1_000, "2026-12")),
    ];
    story.billing(&charges).await?;
    story.set("sam", "alice", 100).await?;
    story.set("tim", "alice", 900).await?;
    story.set_all("sam", &[("alice", 50), ("bob", 70)]).await?;
    story.at(JANUARY).await;
    story.copy("sam", "", false).await?;
    story.set("sam", "bob", 0).await?;
    Ok(story)
}

#[tokio::test]
async fn changes_are_listed_newest_first_and_each_subscriber_reads_its_own() -> Result<()> {
    let story = two_months().await?;
    let page = list(&story, asked()).await?;
    let expected = [
        "01 bob 70->0",
        "01 bob 0->70",
        "01 alice 0->50",
        "12 bob 0->70",
        "12 alice 100->50",
        "12 alice 0->100",
    ];
    assert_eq!(lines(&page), expected);
    assert!(!page.has_more);
    let newest = &page.changes[0];
    assert_eq!(newest.change_id, "alloc:sam:allocation:2027-01:2:bob");
    assert_eq!(newest.program, "allocation");
    let at = newest.changed_at.map(|at| at.seconds);
    assert_eq!(at, Some(JANUARY.unix_timestamp()));
    let nobody = ListChangesRequest {
        subscriber_id: "nobody".into(),
        ..asked()
    };
    assert!(list(&story, nobody).await?.changes.is_empty());
    story.end().await
}

/// What is announced is what is listed: the same keys, figures and no others.
#[tokio::test]
async fn the_history_is_the_facts() -> Result<()> {
    let story = two_months().await?;
    let mut listed: Vec<(String, i64, i64)> = list(&story, asked())
        .await?
        .changes
        .into_iter()
        .map(|c| (c.change_id, c.from_minor, c.to_minor))
        .collect();
    let told = story.changed().await?;
    let told = told.iter().filter(|told| told.subscriber_id == "sam");
    let mut told: Vec<(String, i64, i64)> = told
        .map(|t| {
            let key = format!(
                "alloc:sam:{}:{}:{}:{}",
                t.program, t.month, t.version, t.creator_id
            );
            (key, t.from_minor, t.to_minor)
        })
        .collect();
    listed.sort_unstable();
    told.sort_unstable();
    assert_eq!(listed, told);
    story.end().await
}

/// Method: pages of every size, with a newer change between each two.
#[tokio::test]
async fn pages_of_any_size_show_every_change_once_whatever_comes_meanwhile() -> Result<()> {
    let story = two_months().await?;
    for limit in 1..=6 {
        let all = ListChangesRequest {
            limit: 100,
            ..asked()
        };
        let whole = lines(&list(&story, all).await?);
        let mut request = ListChangesRequest { limit, ..asked() };
        let mut read = Vec::new();
        for cents in 1.. {
            let page = list(&story, request.clone()).await?;
            assert!(page.changes.len() <= usize::try_from(limit)?);
            read.extend(lines(&page));
            let last = page.changes.last().expect("no page is empty");
            request.starting_after.clone_from(&last.change_id);
            if !page.has_more {
                break;
            }
            story
                .set("sam", "alice", 100 * i64::from(limit) + cents)
                .await?;
        }
        assert_eq!(read, whole, "pages of {limit}");
    }
    story.end().await
}

#[tokio::test]
async fn changes_are_filtered_by_month_program_and_creator() -> Result<()> {
    let story = two_months().await?;
    let by_month = ListChangesRequest {
        month: "2026-12".into(),
        program: "allocation".into(),
        ..asked()
    };
    let page = list(&story, by_month.clone()).await?;
    let december = ["12 bob 0->70", "12 alice 100->50", "12 alice 0->100"];
    assert_eq!(lines(&page), december);
    let by_creator = ListChangesRequest {
        creator_id: "alice".into(),
        limit: 2,
        ..asked()
    };
    let page = list(&story, by_creator.clone()).await?;
    assert_eq!(lines(&page), ["01 alice 0->50", "12 alice 100->50"]);
    assert!(page.has_more);
    let last = page.changes[1].change_id.clone();
    let rest = ListChangesRequest {
        starting_after: last,
        ..by_creator
    };
    let page = list(&story, rest).await?;
    assert_eq!(lines(&page), ["12 alice 0->100"]);
    assert!(!page.has_more);
    let both = ListChangesRequest {
        creator_id: "bob".into(),
        ..by_month
    };
    assert_eq!(lines(&list(&story, both).await?), ["12 bob 0->70"]);
    story.end().await
}

#[tokio::test]
async fn a_page_that_cannot_be_meant_is_refused_by_the_name_of_the_field() -> Result<()> {
    let story = two_months().await?;
    let limit = |limit| ListChangesRequest { limit, ..asked() };
    let after = |text: &str| ListChangesRequest {
        starting_after: text.into(),
        ..asked()
    };
    let cases = [
        ("limit", limit(-1)),
        ("limit", limit(101)),
        (
            "starting_after",
            after("alloc:tim:allocation:2026-12:1:alice"),
        ),
        (
            "starting_after",
            after("alloc:sam:allocation:2026-12:x:alice"),
        ),
        ("starting_after", after("funding:ch_1")),
        (
            "program",
            ListChangesRequest {
                program: "copies".into(),
                ..asked()
            },
        ),
        (
            "month",
            ListChangesRequest {
                month: "2027".into(),
                ..asked()
            },
        ),
        (
            "creator_id",
            ListChangesRequest {
                creator_id: "a b".into(),
                ..asked()
            },
        ),
    ];
    for (field, request) in cases {
        let answer = list(&story, request).await;
        let code = answer.as_ref().unwrap_err().code();
        assert_eq!(code, Code::InvalidArgument, "{field}");
        let (code, figures) = refused(answer);
        let named = (code.as_str(), figures["field"].as_str());
        assert_eq!(named, ("INVALID_ARGUMENT", field));
    }
    list(&story, limit(100)).await?;
    story.end().await
}

#[tokio::test]
async fn ten_changes_are_a_page_unless_another_number_is_asked_for() -> Result<()> {
    let story = two_months().await?;
    for cents in 1..=7 {
        story.set("sam", "alice", cents).await?;
    }
    let page = list(&story, asked()).await?;
    assert_eq!((page.changes.len(), page.has_more), (10, true));
    story.end().await
}

#[tokio::test]
async fn a_past_month_reads_as_it_ended_locked_and_then_sealed() -> Result<()> {
    let story = two_months().await?;
    let locked = story.pool("sam", "2026-12").await?;
    assert_eq!(locked.state, "locked");
    assert_eq!(shares(&locked), [("alice", 50), ("bob", 70)]);
    let figures = (
        locked.funded_minor,
        locked.allocated_minor,
        locked.unallocated_minor,
    );
    assert_eq!(figures, (1_000, 120, 880));
    let active = |allocation: &wire::allocation::v1::Allocation| {
        let at = allocation.updated_at.map(|at| at.seconds);
        allocation.status == "active" && at == Some(DECEMBER.unix_timestamp())
    };
    assert!(locked.allocations.iter().all(active));
    let ended = locked.locks_at.map(|at| at.seconds);
    let january = datetime!(2027-01-01 00:00 UTC).unix_timestamp();
    assert_eq!(ended, Some(january));

    let paid = [
        charge("1", "sam", 1_000, "2026-12"),
        charge("3", "tim", 1_000, "2026-12"),
    ];
    let sealed = cut("2026-12", &[&paid[0], &paid[1]]);
    story.billing(&[sealed]).await?;
    let sealed = story.pool("sam", "2026-12").await?;
    assert_eq!(sealed.state, "sealed");
    assert_eq!(sealed.allocations, locked.allocations);
    story.end().await
}
