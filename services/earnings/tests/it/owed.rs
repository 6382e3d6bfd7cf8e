//! What is owed, to whom, and as of when.

use std::collections::BTreeMap;

use anyhow::Result;
use earnings::{Books, Occurred, Store};
use ledger::AttemptStep::{Bank, Transfer};
use ledger::{Account, Balances, Fact, Obligations};
use money::{Asset, Balance};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use sqlx::Connection;
use wire::earnings::v1::{
    GetSolvencyRequest, GetSolvencyResponse, ListObligationsRequest, ListObligationsResponse,
    Obligation, ReleaseHoldRequest,
};

use crate::reading::{agree, rates};
use crate::some::{
    FIRST_OF_FEBRUARY, IN_JANUARY, JANUARY, Scene, directed, directed_in, funded, funded_in,
    january, topup,
};
use crate::stories::{ALICE, FEBRUARY, late, returned, reversed, settled_of, why};

async fn list(scene: &Scene, after: &str, limit: i32) -> Result<ListObligationsResponse> {
    let after_creator_id = after.to_owned();
    let asked = ListObligationsRequest {
        after_creator_id,
        limit,
    };
    Ok(scene.client()?.list_obligations(asked).await?.into_inner())
}

async fn solvency(scene: &Scene) -> Result<GetSolvencyResponse> {
    let answer = scene.client()?.get_solvency(GetSolvencyRequest {}).await?;
    Ok(answer.into_inner())
}

/// All pages, small ones; every page says the same sum.
pub async fn all(scene: &Scene, limit: i32) -> Result<(Vec<Obligation>, Obligation)> {
    let (mut after, mut owed) = (String::new(), Vec::<Obligation>::new());
    loop {
        let page = list(scene, &after, limit).await?;
        owed.extend(page.obligations);
        if !page.has_more {
            return Ok((owed, page.sum.expect("a sum")));
        }
        after = owed
            .last()
            .expect("a page of none has none after it")
            .creator_id
            .clone();
    }
}

#[tokio::test]
async fn what_is_owed_to_a_creator_is_told_by_where_it_stands() -> Result<()> {
    let scene = Scene::january_closed().await?;
    scene.send("po_1", "alice", 5_000).await?;
    scene.hold("po_2", "alice", 1_000).await?;
    scene
        .post(&[directed_in(FEBRUARY, "dan", "carol", 1, (0, 1_001))])
        .await?;
    let (owed, sum) = all(&scene, 1).await?;
    let alice = Obligation {
        creator_id: "alice".into(),
        payable_minor: ALICE - 6_000,
        reserved_minor: 1_000,
        in_transit_minor: 5_000,
        total_minor: ALICE,
        ..Obligation::default()
    };
    let bob = Obligation {
        creator_id: "bob".into(),
        payable_minor: 1_395,
        total_minor: 1_395,
        ..Obligation::default()
    };
    let carol = Obligation {
        creator_id: "carol".into(),
        pending_gross_minor: 1_001,
        pending_net_minor: 931,
        total_minor: 931,
        ..Obligation::default()
    };
    assert_eq!(owed, [alice, bob, carol]);
    assert_eq!(sum.total_minor, ALICE + 1_395 + 931);
    assert_eq!(sum.total_minor, agree(&scene).await?.obligations_minor);
    let refused = list(&scene, "", 1_001).await.unwrap_err();
    let refused = refused.downcast::<tonic::Status>()?;
    assert_eq!(
        why(&refused, "field"),
        ("INVALID_ARGUMENT".into(), "limit".into())
    );
    Ok(())
}

/// What one payout goes through; some of it is refused, and that is all the same here.
#[derive(Debug, Clone)]
struct Step {
    creator: usize,
    minor: i64,
    /// How far it goes: held, released, sent, at the connected account, at the bank, back.
    far: u8,
}

fn steps() -> impl Strategy<Value = (Vec<i64>, Vec<Step>)> {
    let step = (0..12usize, 1..900i64, 0..7u8).prop_map(|(creator, minor, far)| Step {
        creator,
        minor,
        far,
    });
    (
        prop::collection::vec(1..2_000i64, 24),
        prop::collection::vec(step, 20),
    )
}

async fn play(scene: &Scene, n: usize, step: &Step) -> Result<Vec<Fact>> {
    let (payout, creator) = (format!("po_{n}"), format!("c{}", step.creator));
    let (payout, creator, minor) = (payout.as_str(), creator.as_str(), step.minor);
    if scene.hold(payout, creator, minor).await.is_err() || step.far == 0 {
        return Ok(Vec::new());
    }
    if step.far == 1 {
        let payout_id = payout.to_owned();
        let mut client = scene.client()?;
        client
            .release_hold(ReleaseHoldRequest { payout_id })
            .await?;
        return Ok(Vec::new());
    }
    let attempt = 1;
    let payout_id = payout.to_owned();
    let asked = wire::earnings::v1::CommitHoldRequest { payout_id, attempt };
    scene.client()?.commit_hold(asked).await?;
    let mut facts = vec![
        settled_of(payout, creator, Transfer, 1, minor),
        settled_of(payout, creator, Bank, 1, minor),
        returned(payout, creator, 1, minor),
        reversed(payout, creator, 1, (minor / 2).max(1), false),
    ];
    facts.truncate(usize::from(step.far) - 2);
    Ok(facts)
}

/// Goal: whatever the books say, what is listed by creator adds up to what solvency counts, and
/// each creator's line is what the ledger's own rule makes of the creator's accounts.
/// Method: random books: two months, one of them open, payouts that got anywhere, late earnings
/// whose freeze is not known yet.
#[tokio::test]
async fn obligations_by_creator_add_up_to_what_solvency_counts() -> Result<()> {
    let mut runner = TestRunner::default();
    let (amounts, steps) = steps().new_tree(&mut runner).expect("books").current();
    let scene = Scene::start_at(FIRST_OF_FEBRUARY, &[]).await?;
    let mut first = funded("sam", 1, 100_000).to_vec();
    let mut second = funded_in(FEBRUARY, "sam", 2, 100_000).to_vec();
    for (n, amount) in amounts.iter().enumerate() {
        let (creator, version) = (format!("c{}", n % 12), u64::try_from(n)? + 1);
        if n < 12 {
            first.push(directed("sam", &creator, version, 0, *amount));
        } else {
            second.push(directed_in(
                FEBRUARY,
                "sam",
                &creator,
                version,
                (0, *amount),
            ));
        }
    }
    scene.post(&first).await?;
    scene.seal(&first).await?;
    scene.post(&second).await?;
    for (n, step) in steps.iter().enumerate() {
        let facts = play(&scene, n, step).await?;
        scene.post(&facts).await?;
    }
    let freed = (0..5).map(|n| late(&format!("c{n}"), "dp_1", FEBRUARY, amounts[n]));
    scene.post_own(FIRST_OF_FEBRUARY, freed.collect()).await?;
    assert_eq!(scene.dead_letters().await?, Vec::<String>::new());

    let told = agree(&scene).await?;
    let (owed, sum) = all(&scene, 5).await?;
    assert_eq!(
        sum.total_minor, told.obligations_minor,
        "{amounts:?} {steps:?}"
    );
    let added: i64 = owed.iter().map(|line| line.total_minor).sum();
    assert_eq!(added, sum.total_minor, "{amounts:?} {steps:?}");
    for (creator, books) in by_creator(&scene, &steps).await? {
        let total = Obligations::of(&books, rates()?)?.total()?.minor();
        let line = owed.iter().find(|line| line.creator_id == creator);
        let said = line.map(|line| line.total_minor).unwrap_or_default();
        assert_eq!(said, total, "{creator}: {amounts:?} {steps:?}");
    }
    Ok(())
}

async fn by_creator(scene: &Scene, steps: &[Step]) -> Result<BTreeMap<String, Balances>> {
    let mut books: BTreeMap<String, Balances> = BTreeMap::new();
    for (name, minor) in scene.balances().await? {
        let account = Account::parse(&name)?;
        let payout = name.strip_prefix("clearing/payout/po_");
        let creator = match (payout, account.owner()) {
            (Some(n), _) => format!("c{}", steps[n.parse::<usize>()?].creator),
            (None, Some(owner)) => owner.to_owned(),
            (None, None) => continue,
        };
        let balance = Balance::new(minor, Asset::Usd);
        books.entry(creator).or_default().set(account, balance)?;
    }
    Ok(books)
}

async fn required_as_of(scene: &Scene, cut: &str) -> Result<i64> {
    let mut auditor = sqlx::PgConnection::connect(&scene.bed.db.role_url("auditor")).await?;
    let programs = ["allocation", "copies", "streaming"].map(str::to_owned);
    let required = sqlx::query_scalar(include_str!("required_as_of_cut.sql"))
        .bind(cut)
        .bind(programs)
        .bind([9_300, 10_000, 10_000])
        .bind([9_300, 7_000, 10_000])
        .fetch_one(&mut auditor)
        .await?;
    Ok(required)
}

/// Goal: what must stay can be recomputed later as of the very snapshot that it was read from.
/// Method: a posting is half-way when the snapshot is taken, and committed afterwards; and much
/// else is posted.
#[tokio::test]
async fn what_is_required_recomputes_from_postings_as_of_its_cut() -> Result<()> {
    let scene = Scene::start_at(FIRST_OF_FEBRUARY, &[]).await?;
    let empty = solvency(&scene).await?;
    assert_eq!((empty.required_minor, empty.missing_minor), (0, 0));
    assert_eq!(required_as_of(&scene, &empty.cut).await?, 0);
    scene.post(&january()).await?;

    let pool = scene.bed.db.owner().await?;
    let books = Books::new(Store::new(pool.clone()));
    let mut half_way = pool.begin().await?;
    let facts = funded("dan", 1, 1_000).into_iter();
    let facts: Vec<_> = facts
        .map(|fact| Occurred {
            fact,
            at: IN_JANUARY,
        })
        .collect();
    books.post_in_tx(&mut half_way, &facts).await?;
    let open = solvency(&scene).await?;
    half_way.commit().await?;
    assert!(open.required_minor > 0);
    assert_eq!(
        required_as_of(&scene, &open.cut).await?,
        open.required_minor
    );

    let all: Vec<Fact> = january()
        .into_iter()
        .chain(funded("dan", 1, 1_000))
        .collect();
    scene.seal(&all).await?;
    assert_eq!(scene.month_of(JANUARY).await?.state, "closed");
    scene.send("po_1", "alice", 9_000).await?;
    scene
        .post(&[
            settled_of("po_1", "alice", Transfer, 1, 9_000),
            settled_of("po_1", "alice", Bank, 1, 9_000),
        ])
        .await?;
    let paid = solvency(&scene).await?;
    for then in [&empty, &open, &paid] {
        assert_eq!(
            required_as_of(&scene, &then.cut).await?,
            then.required_minor
        );
        let parts = [
            then.obligations_minor,
            then.claims_minor,
            then.frozen_minor,
            then.deferred_minor,
            then.tax_minor,
        ];
        assert_eq!(then.required_minor, parts.iter().sum::<i64>());
    }
    assert!(paid.required_minor < open.required_minor);
    Ok(())
}

/// Goal: what nobody accounts for yet is not dropped: it stands in suspense, and what is owed is
/// counted on as if it were not there.
#[tokio::test]
async fn a_refund_that_nobody_accounts_for_stands_in_suspense() -> Result<()> {
    let scene = Scene::january_closed().await?;
    scene.post(&[topup("txn_top", 2_000)]).await?;
    let before = agree(&scene).await?;
    let event = wire::balance_monitor::v1::BalanceTransactionObserved {
        txn: "txn_re1".into(),
        r#type: "refund".into(),
        net_minor: -1_000,
        currency: "USD".into(),
    };
    let fact = mailbox::Fact::new("txn:txn_re1", "txn_re1", 1, FIRST_OF_FEBRUARY, &event);
    scene.bed.publish("balance_monitor", &[fact]).await?;
    scene.service.settle().await;
    let balances = scene.balances().await?;
    assert_eq!(balances["suspense/stripe/txn_re1"], -1_000);
    let after = agree(&scene).await?;
    assert_eq!(after.payments_minor, before.payments_minor - 1_000);
    assert_eq!(after.required_minor, before.required_minor);
    assert_eq!(
        all(&scene, 10).await?.1.total_minor,
        before.obligations_minor
    );
    assert_eq!(scene.dead_letters().await?, Vec::<String>::new());
    Ok(())
}
