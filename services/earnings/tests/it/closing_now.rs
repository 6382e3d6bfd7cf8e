//! A close that somebody asks for, and the lines that it leaves.

use anyhow::Result;
use testkit::eventually;
use tonic::Status;
use wire::earnings::v1::{
    CloseMonthRequest, GetMonthResponse, ListMonthLinesRequest, ListMonthLinesResponse, MonthClosed,
};

use crate::some::{FIRST_OF_FEBRUARY, JANUARY, Scene, january, publish_seal, totals};
use crate::stories::{FEBRUARY, FIRST_OF_MARCH, february, january_over, why};

async fn close(scene: &Scene, of: &str) -> Result<GetMonthResponse, Status> {
    let mut client = scene.client().expect("a client");
    let month = of.to_owned();
    let answer = client.close_month(CloseMonthRequest { month }).await?;
    Ok(answer.into_inner())
}

async fn lines(
    scene: &Scene,
    after_line: i64,
    limit: i32,
) -> Result<ListMonthLinesResponse, Status> {
    let mut client = scene.client().expect("a client");
    let month = JANUARY.to_owned();
    let asked = ListMonthLinesRequest {
        month,
        after_line,
        limit,
    };
    Ok(client.list_month_lines(asked).await?.into_inner())
}

#[tokio::test]
async fn a_month_that_is_not_sealed_says_what_it_waits_for() -> Result<()> {
    let scene = Scene::start().await?;
    scene.post(&january()).await?;
    let early = close(&scene, JANUARY).await.unwrap_err();
    assert_eq!(early.code(), tonic::Code::FailedPrecondition);
    let waits = |code: &str| ("MONTH_NOT_SEALED".to_owned(), code.to_owned());
    assert_eq!(why(&early, "waits_for"), waits("month_end"));
    assert!(
        early.message().contains("it ends on 2027-02-01"),
        "{}",
        early.message()
    );
    scene.bed.clock.set(FIRST_OF_FEBRUARY);
    scene.service.settle().await;
    let over = close(&scene, JANUARY).await.unwrap_err();
    assert_eq!(why(&over, "waits_for"), waits("seal"));
    let nonsense = close(&scene, "2027-13").await.unwrap_err();
    assert_eq!(nonsense.code(), tonic::Code::InvalidArgument);
    Ok(())
}

/// Goal: who asks for a close takes turns with whoever is at it, and several who ask get one close.
/// Method: the close is in other hands until all of them wait for it.
#[tokio::test]
async fn a_sealed_month_is_closed_once_by_all_who_ask_for_it() -> Result<()> {
    let wanted = Scene::january_closed().await?.month().await?;
    let scene = january_over().await?;
    let owner = scene.bed.db.owner().await?;
    let mut others = owner.begin().await?;
    sqlx::query("select pg_advisory_xact_lock(hashtextextended('earnings.close', 0))")
        .execute(&mut *others)
        .await?;
    publish_seal(&scene.bed, &totals(&january())).await?;
    scene.service.settle().await;
    assert_eq!(scene.month_state().await?, "sealed");
    let mut asking = Vec::new();
    for _ in 0..4 {
        let mut client = scene.client()?;
        let month = JANUARY.to_owned();
        asking.push(kit::spawn(async move {
            client.close_month(CloseMonthRequest { month }).await
        }));
    }
    eventually("all who ask to wait", async || {
        let waiting = "select count(*) from pg_stat_activity
                       where datname = current_database() and wait_event_type = 'Lock'";
        let waits: i64 = sqlx::query_scalar(waiting).fetch_one(&owner).await.ok()?;
        (waits == 4).then_some(())
    })
    .await;
    others.rollback().await?;
    for asked in asking {
        let answer = asked.await??.into_inner();
        assert_eq!(answer, wanted);
    }
    // And again, long after.
    assert_eq!(close(&scene, JANUARY).await?, wanted);
    let told = scene.bed.announced::<MonthClosed>("earnings").await?;
    assert_eq!(told.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_month_that_does_not_add_up_is_refused_with_what_differs() -> Result<()> {
    let scene = Scene::start_at(FIRST_OF_FEBRUARY, &[]).await?;
    let facts = january();
    let (missing, there) = facts.split_last().expect("facts");
    scene.post(there).await?;
    scene.seal(&facts).await?;
    let refused = close(&scene, JANUARY).await.unwrap_err();
    let difference = "allocation allocation_changed: announced 6 facts of $115.01, posted 5 facts \
                      of $118.01: at least 1 fact missing";
    assert_eq!(
        why(&refused, "differences"),
        ("MONTH_STOPPED".into(), difference.into())
    );
    assert_eq!(
        refused.message(),
        format!("{JANUARY} does not add up: {difference}")
    );
    // It was asked for too early to be called stopped; a later month waits for it.
    assert_eq!(scene.month_state().await?, "sealed");
    scene.post(&february()).await?;
    scene.bed.clock.set(FIRST_OF_MARCH);
    scene.seal_of(FEBRUARY, &february()).await?;
    let after = close(&scene, FEBRUARY).await.unwrap_err();
    assert_eq!(
        why(&after, "month"),
        ("MONTH_STOPPED".into(), JANUARY.into())
    );
    scene.post(std::slice::from_ref(missing)).await?;
    assert_eq!(close(&scene, FEBRUARY).await?.state, "closed");
    assert_eq!(close(&scene, JANUARY).await?.state, "closed");
    Ok(())
}

#[tokio::test]
async fn a_closed_months_lines_hash_to_its_root() -> Result<()> {
    let scene = Scene::january_closed().await?;
    let all = lines(&scene, 0, 0).await?;
    let texts: Vec<&str> = all.lines.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(
        texts,
        [
            "v1|creator|alice|allocation|10001|700|9301",
            "v1|creator|bob|allocation|1500|105|1395",
            "v1|rest|allocation|4499",
        ]
    );
    let alice = &all.lines[0];
    assert_eq!((alice.line, alice.creator_id.as_str()), (1, "alice"));
    assert_eq!(
        (alice.gross_minor, alice.fee_minor, alice.net_minor),
        (10_001, 700, 9_301)
    );
    let rest = &all.lines[2];
    assert_eq!(
        (rest.creator_id.as_str(), rest.unallocated_minor),
        ("", 4_499)
    );

    // Line 0 is the head, which is no creator's and not listed.
    let mut text = format!("v1|manifest|{JANUARY}\n");
    let (mut after, mut pages) = (0, 0);
    loop {
        let page = lines(&scene, after, 2).await?;
        pages += 1;
        for line in &page.lines {
            text.push_str(&line.text);
            text.push('\n');
            after = line.line;
        }
        if !page.has_more {
            break;
        }
    }
    let owner = scene.bed.db.owner().await?;
    let hash: String = sqlx::query_scalar("select encode(sha256(convert_to($1, 'UTF8')), 'hex')")
        .bind(&text)
        .fetch_one(&owner)
        .await?;
    assert_eq!((hash, pages), (scene.month().await?.manifest_root, 2));
    let joined: String = sqlx::query_scalar(
        "select string_agg(text || E'\\n', '' order by line) from earnings.manifest_line",
    )
    .fetch_one(&owner)
    .await?;
    assert_eq!(joined, text);
    Ok(())
}

#[tokio::test]
async fn a_month_that_is_not_closed_has_no_lines() -> Result<()> {
    let scene = january_over().await?;
    let refused = lines(&scene, 0, 0).await.unwrap_err();
    assert_eq!(
        why(&refused, "state"),
        ("MONTH_NOT_CLOSED".into(), "open".into())
    );
    for (after, limit, field) in [(-1, 0, "after_line"), (0, 1_001, "limit"), (0, -1, "limit")] {
        let refused = lines(&scene, after, limit).await.unwrap_err();
        assert_eq!(
            why(&refused, "field"),
            ("INVALID_ARGUMENT".into(), field.into())
        );
    }
    Ok(())
}
