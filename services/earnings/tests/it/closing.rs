//! The close: complete or not at all, once, and the same however it went.

use std::collections::BTreeMap;

use anyhow::Result;
use earnings::Earnings;
use ledger::Fact;
use testkit::eventually;
use time::Duration;
use wire::earnings::v1::{BooksUnbalanced, MonthClosed};

use crate::some::{
    FIRST_OF_FEBRUARY, Scene, balances, directed, funded, january, publish, publish_seal, totals,
};

/// 160.00 came in: 100.01 for alice and 15.00 for bob, of which 7 % is the platform's, and
/// 44.99 were left over.
#[tokio::test]
async fn the_close_conserves_every_cent() -> Result<()> {
    let scene = Scene::january_closed().await?;
    let balances = scene.balances().await?;
    let wanted: BTreeMap<String, i64> = [
        ("creator/alice/payable/allocation/2027-01", 9_301),
        ("creator/bob/payable/allocation/2027-01", 1_395),
        ("revenue/fees", 700 + 105),
        ("revenue/unallocated", 4_499),
        ("stripe/payments", 16_000 - 3 * 59),
        ("expense/stripe_fees", 3 * 59),
    ]
    .map(|(name, minor)| (name.to_owned(), minor))
    .into();
    assert_eq!(balances, wanted);
    let month = scene.month().await?;
    assert_eq!(
        (month.gross_minor, month.fee_minor, month.net_minor),
        (11_501, 805, 10_696)
    );
    assert_eq!((month.unallocated_minor, month.creator_count), (4_499, 2));
    assert!(month.totals.iter().all(|total| total.digest_equal));
    let told = scene.bed.announced::<MonthClosed>("earnings").await?;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].manifest_root, month.manifest_root);
    assert_eq!(told[0].net_minor, 10_696);
    Ok(())
}

#[tokio::test]
async fn the_same_facts_in_another_order_close_to_the_same_root() -> Result<()> {
    let one = Scene::january_closed().await?.month().await?.manifest_root;
    let scene = Scene::start_at(FIRST_OF_FEBRUARY, &[]).await?;
    let mut facts = january();
    facts.reverse();
    // The seal comes first, and twice.
    scene.seal(&facts).await?;
    scene.seal(&facts).await?;
    assert_eq!(scene.month_state().await?, "sealed");
    for fact in &facts {
        scene.post(std::slice::from_ref(fact)).await?;
    }
    let month = scene.month().await?;
    assert_eq!((month.state.as_str(), month.manifest_root), ("closed", one));
    Ok(())
}

/// Many creators and subscribers, so that a close of a line a turn has many turns to die in.
fn crowd() -> Vec<Fact> {
    let mut facts = Vec::new();
    for n in 0..40u32 {
        let subscriber = format!("s{n}");
        facts.extend(funded(&subscriber, 1, 1_000));
        facts.push(directed(
            &subscriber,
            &format!("c{}", n % 25),
            1,
            0,
            i64::from(300 + n),
        ));
    }
    facts
}

#[tokio::test]
async fn a_close_that_was_interrupted_ends_with_the_same_root_and_books() -> Result<()> {
    let whole = Scene::start_at(FIRST_OF_FEBRUARY, &[]).await?;
    whole.post(&crowd()).await?;
    whole.seal(&crowd()).await?;
    let wanted = (whole.month().await?.manifest_root, whole.balances().await?);

    let one_a_turn = [("EARNINGS__CLOSE__LINES_PER_TURN", "1")];
    let mut scene = Scene::start_at(FIRST_OF_FEBRUARY, &one_a_turn).await?;
    scene.post(&crowd()).await?;
    publish_seal(&scene.bed, &totals(&crowd())).await?;
    // Stopped and started again at three places of the close.
    for closed in [3, 17, 30] {
        eventually("some lines to be closed", async || {
            let count =
                scene.count("select count(*) from earnings.posting where kind like '%_closed'");
            count.await.ok().filter(|count| *count >= closed)
        })
        .await;
        let Scene { bed, service } = scene;
        service.stop().await;
        let service = bed.service::<Earnings>(&one_a_turn).await?;
        scene = Scene { bed, service };
    }
    scene.service.settle().await;
    assert_eq!(
        (scene.month().await?.manifest_root, scene.balances().await?),
        wanted
    );
    assert_eq!(
        scene.bed.announced::<MonthClosed>("earnings").await?.len(),
        1
    );
    Ok(())
}

#[tokio::test]
async fn two_replicas_close_a_month_once() -> Result<()> {
    let one_a_turn = [("EARNINGS__CLOSE__LINES_PER_TURN", "1")];
    let scene = Scene::start_at(FIRST_OF_FEBRUARY, &one_a_turn).await?;
    let other = scene.bed.service::<Earnings>(&one_a_turn).await?;
    publish(&scene.bed, &crowd()).await?;
    publish_seal(&scene.bed, &totals(&crowd())).await?;
    eventually("the month to be closed", async || {
        scene
            .month_state()
            .await
            .ok()
            .filter(|state| state == "closed")
    })
    .await;
    scene.service.settle().await;
    other.settle().await;
    let books = balances(&scene.bed).await?;
    assert_eq!(
        books
            .keys()
            .filter(|name| name.contains("/pending/"))
            .count(),
        0
    );
    let lines = scene
        .count("select count(*) from earnings.creator_month")
        .await?;
    let postings = scene
        .count("select count(*) from earnings.posting where kind = 'creator_closed'")
        .await?;
    assert_eq!((lines, postings), (25, 25));
    assert_eq!(
        scene.bed.announced::<MonthClosed>("earnings").await?.len(),
        1
    );
    assert_eq!(scene.dead_letters().await?, Vec::<String>::new());
    other.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_month_whose_totals_differ_says_what_differs_and_waits_for_it() -> Result<()> {
    let scene = Scene::start_at(FIRST_OF_FEBRUARY, &[]).await?;
    let facts = january();
    let (missing, there) = facts.split_last().expect("facts");
    scene.post(there).await?;
    scene.seal(&facts).await?;
    assert_eq!(scene.month_state().await?, "sealed");
    assert!(
        scene
            .bed
            .announced::<BooksUnbalanced>("earnings")
            .await?
            .is_empty()
    );

    scene
        .bed
        .clock
        .set(FIRST_OF_FEBRUARY + Duration::minutes(11));
    scene.service.settle().await;
    assert_eq!(scene.month_state().await?, "stopped");
    let told = scene.bed.announced::<BooksUnbalanced>("earnings").await?;
    assert_eq!((told.len(), told[0].differences.len()), (1, 1));
    let difference = &told[0].differences[0];
    assert!(
        difference.starts_with("allocation allocation_changed: announced 6 facts"),
        "{difference}"
    );
    assert!(difference.contains("posted 5 facts"), "{difference}");
    let checks = scene.month().await?.totals;
    let unequal = checks.iter().filter(|check| !check.digest_equal);
    assert_eq!(
        unequal.map(|check| check.kind.as_str()).collect::<Vec<_>>(),
        ["allocation_changed"]
    );

    // Told once; and when what was missing comes, the month closes by itself.
    scene.bed.clock.set(FIRST_OF_FEBRUARY + Duration::days(2));
    scene.service.settle().await;
    assert_eq!(
        scene
            .bed
            .announced::<BooksUnbalanced>("earnings")
            .await?
            .len(),
        1
    );
    scene.post(std::slice::from_ref(missing)).await?;
    assert_eq!(scene.month_state().await?, "closed");
    let whole = Scene::january_closed().await?;
    assert_eq!(
        scene.month().await?.manifest_root,
        whole.month().await?.manifest_root
    );
    Ok(())
}

#[tokio::test]
async fn a_month_with_equal_counts_and_sums_but_other_facts_does_not_close() -> Result<()> {
    let scene = Scene::start_at(FIRST_OF_FEBRUARY, &[]).await?;
    let mut posted = january();
    posted.pop();
    posted.push(directed("ben", "bob", 3, 300, 0));
    scene.post(&posted).await?;
    scene.seal(&january()).await?;
    assert_eq!(scene.month_state().await?, "sealed");
    Ok(())
}

/// What the seal promises to be complete can still leave a pool below zero, if more was
/// directed than was funded: such a month is not closed either.
#[tokio::test]
async fn a_month_with_an_account_below_zero_does_not_close() -> Result<()> {
    let scene = Scene::start_at(FIRST_OF_FEBRUARY, &[]).await?;
    let facts: Vec<Fact> = january()
        .into_iter()
        .chain([directed("dan", "alice", 1, 0, 700)])
        .collect();
    scene.post(&facts).await?;
    scene.seal(&facts).await?;
    assert_eq!(scene.month_state().await?, "closing");
    scene
        .bed
        .clock
        .set(FIRST_OF_FEBRUARY + Duration::minutes(11));
    scene.service.settle().await;
    assert_eq!(scene.month_state().await?, "stopped");
    let told = scene.bed.announced::<BooksUnbalanced>("earnings").await?;
    assert_eq!(
        told[0].differences,
        ["subscriber/dan/unallocated/allocation/2027-01 is at -700, not at zero"]
    );
    // Its creators are closed: what comes now for any of them could never be.
    scene.post(&[directed("ann", "alice", 99, 0, 1)]).await?;
    let late = "2027-01 is closed: no fact is stamped with it any more";
    assert_eq!(scene.dead_letters().await?, [late]);
    Ok(())
}

/// Goal: a fact that is being posted when its month begins to close is either counted by the
/// comparison or refused, and never slips in between.
/// Method: the close is kept from beginning, by its own lock in other hands, until a posting waits
/// in the middle of its transaction, by a row of a third party under the same key.
#[tokio::test]
async fn what_is_posted_while_a_close_begins_is_counted_or_refused() -> Result<()> {
    let scene = Scene::start_at(FIRST_OF_FEBRUARY, &[]).await?;
    let owner = scene.bed.db.owner().await?;
    let mut no_close = owner.begin().await?;
    sqlx::query("select pg_advisory_xact_lock(hashtextextended('earnings.close', 0))")
        .execute(&mut *no_close)
        .await?;
    let mut no_close = Some(no_close);
    scene.post(&january()).await?;
    scene.seal(&january()).await?;
    assert_eq!(scene.month_state().await?, "sealed");

    let late = directed("cal", "bob", 9, 0, 100);
    let mut in_the_way = owner.begin().await?;
    sqlx::query(
        "insert into earnings.posting
             (posting_key, key_text, kind, signed_minor, digest, occurred_at)
         values ($1, 'x', 'x', 0, 0, $2)",
    )
    .bind(late.key().hash16().to_vec())
    .bind(FIRST_OF_FEBRUARY)
    .execute(&mut *in_the_way)
    .await?;
    let waiting = "select count(*) from pg_stat_activity
                   where datname = current_database() and wait_event_type = 'Lock'";
    publish(&scene.bed, &[late]).await?;
    for (what, count) in [("the late fact", 1), ("the close", 2)] {
        eventually(&format!("{what} to wait"), async || {
            let waits: i64 = sqlx::query_scalar(waiting).fetch_one(&owner).await.ok()?;
            (waits == count).then_some(())
        })
        .await;
        no_close.take();
    }
    in_the_way.rollback().await?;
    scene.service.settle().await;
    let late = scene
        .count("select count(*) from earnings.posting where key_text like 'alloc:cal:%'")
        .await?;
    assert_eq!((late, scene.month_state().await?.as_str()), (1, "sealed"));
    Ok(())
}

#[tokio::test]
async fn a_fact_stamped_with_a_closed_month_is_set_aside() -> Result<()> {
    let scene = Scene::january_closed().await?;
    let before = scene.balances().await?;
    // What was posted before the close comes again, and is no such fact.
    scene.post(&january()).await?;
    scene.post(&[directed("ann", "alice", 99, 0, 1)]).await?;
    assert_eq!(scene.balances().await?, before);
    assert_eq!(
        scene.dead_letters().await?,
        ["2027-01 is closed: no fact is stamped with it any more"]
    );
    Ok(())
}
