//! A closed month's numbers never change.

use anyhow::Result;
use ledger::AttemptStep::{Bank, Transfer};
use wire::earnings::v1::{
    CloseMonthRequest, GetMonthResponse, ListMonthLinesRequest, MonthLine, ReleaseHoldRequest,
};

use crate::some::{JANUARY, Scene, directed, refused, topup};
use crate::stories::{
    FEBRUARY, FIRST_OF_MARCH, MARCH, february, late, returned, reversed, settled_of,
};

/// A creator's figures by program: gross, fee, net; and late earnings that are paid with it.
type Figures = (Vec<(String, i64, i64, i64)>, usize);

/// Everything that is told of January as closed.
#[derive(Debug, Clone, PartialEq)]
struct Told {
    month: GetMonthResponse,
    lines: Vec<MonthLine>,
    alice: Figures,
    bob: Figures,
    stored: Vec<String>,
}

async fn figures(scene: &Scene, creator: &str) -> Result<Figures> {
    let answer = scene.creator_month(creator, JANUARY).await?;
    let programs = answer.programs.into_iter().map(|line| {
        assert_eq!(line.pending_minor, 0);
        (
            line.program,
            line.gross_minor,
            line.fee_minor,
            line.net_minor,
        )
    });
    Ok((programs.collect(), answer.late.len()))
}

async fn told(scene: &Scene) -> Result<Told> {
    let month = JANUARY.to_owned();
    let (after_line, limit) = (0, 0);
    let asked = ListMonthLinesRequest {
        month,
        after_line,
        limit,
    };
    let owner = scene.bed.db.owner().await?;
    let stored = sqlx::query_scalar(
        "select m::text from earnings.month m where month = 202701
         union all select c::text from earnings.creator_month c where month = 202701
         union all select r::text from earnings.rest_month r where month = 202701
         union all select f::text from earnings.manifest f where month = 202701
         union all select l::text from earnings.manifest_line l where month = 202701
         union all select s::text from earnings.seal_total s where month = 202701
         order by 1",
    );
    Ok(Told {
        month: scene.month().await?,
        lines: scene
            .client()?
            .list_month_lines(asked)
            .await?
            .into_inner()
            .lines,
        alice: figures(scene, "alice").await?,
        bob: figures(scene, "bob").await?,
        stored: stored.fetch_all(&owner).await?,
    })
}

/// Row, lines and creators' months are three tellings of one close.
fn agree(told: &Told) {
    let sum = |read: fn(&MonthLine) -> i64| told.lines.iter().map(read).sum::<i64>();
    let month = &told.month;
    assert_eq!(sum(|line| line.gross_minor), month.gross_minor);
    assert_eq!(sum(|line| line.fee_minor), month.fee_minor);
    assert_eq!(sum(|line| line.net_minor), month.net_minor);
    assert_eq!(sum(|line| line.unallocated_minor), month.unallocated_minor);
    for (creator, (programs, _)) in [("alice", &told.alice), ("bob", &told.bob)] {
        let lines = told.lines.iter().filter(|line| line.creator_id == creator);
        let lines: Vec<_> = lines
            .map(|line| {
                let program = line.program.clone();
                (program, line.gross_minor, line.fee_minor, line.net_minor)
            })
            .collect();
        assert_eq!(programs, &lines);
    }
}

/// Goal: nothing that is posted after a close changes what is told of the month as closed.
/// Method: every kind of fact that may follow, and some that may not; compared after each.
#[tokio::test]
async fn a_closed_months_numbers_never_change() -> Result<()> {
    let scene = Scene::january_closed().await?;
    let before = told(&scene).await?;
    agree(&before);
    let same = async |after: &str| {
        assert_eq!(told(&scene).await?, before, "after {after}");
        anyhow::Ok(())
    };
    scene.send("po_1", "alice", 6_000).await?;
    same("a hold and its commit").await?;
    for fact in [
        settled_of("po_1", "alice", Transfer, 1, 6_000),
        reversed("po_1", "alice", 1, 1_000, false),
        settled_of("po_1", "alice", Bank, 1, 5_000),
        returned("po_1", "alice", 1, 5_000),
        settled_of("po_1", "alice", Bank, 2, 5_000),
        reversed("po_1", "alice", 2, 500, true),
        topup("txn_top", 700),
    ] {
        let key = fact.key().to_string();
        scene.post(&[fact]).await?;
        same(&key).await?;
    }
    scene.hold("po_2", "bob", 1_000).await?;
    let payout_id = "po_2".to_owned();
    let mut client = scene.client()?;
    client
        .release_hold(ReleaseHoldRequest { payout_id })
        .await?;
    same("a release").await?;
    scene.send("po_3", "alice", 100).await?;
    scene.post(&[refused("po_3", 1, 100, true)]).await?;
    same("a final refusal").await?;
    assert_eq!(scene.dead_letters().await?, Vec::<String>::new());

    // What is stamped with January, or would be paid with it, is too late.
    scene.post(&[directed("ann", "alice", 99, 0, 1)]).await?;
    scene
        .post_own(FIRST_OF_MARCH, vec![late("bob", "dp_1", JANUARY, 100)])
        .await?;
    same("facts that came too late").await?;
    assert_eq!(scene.dead_letters().await?.len(), 1);

    scene.post(&february()).await?;
    scene.bed.clock.set(FIRST_OF_MARCH);
    scene.seal_of(FEBRUARY, &february()).await?;
    same("the next month's close").await?;
    scene
        .post_own(FIRST_OF_MARCH, vec![late("bob", "dp_2", MARCH, 100)])
        .await?;
    same("a late earning of it").await?;
    let month = JANUARY.to_owned();
    let again = client.close_month(CloseMonthRequest { month }).await?;
    assert_eq!(again.into_inner(), before.month);
    Ok(())
}
