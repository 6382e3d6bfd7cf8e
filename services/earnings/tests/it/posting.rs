//! Posting: once, in any order, each fact by itself.

use anyhow::Result;
use earnings::{Books, Occurred, Outcome, Refusal, Store};
use ledger::{BalanceTransactionKind, BalanceTransactionObserved, Fact};
use money::{Asset, Balance};

use crate::some::{
    IN_JANUARY, Scene, balances, directed, fact, folded, id, january, message, publish, topup, usd,
};

#[tokio::test]
async fn a_fact_that_comes_twice_is_posted_once() -> Result<()> {
    let scene = Scene::start().await?;
    let facts = january();
    let twice: Vec<Fact> = facts.iter().chain(&facts).cloned().collect();
    scene.post(&twice).await?;
    scene.post(&facts).await?;
    assert_eq!(
        scene.count("select count(*) from earnings.posting").await?,
        12
    );
    assert_eq!(scene.balances().await?, folded(&facts));
    assert_eq!(scene.dead_letters().await?, Vec::<String>::new());
    Ok(())
}

/// Goal: two replicas that get the same facts at the same moment post them once.
/// Method: the same batch in many transactions at once, each begun again as the bus would.
#[tokio::test]
async fn a_fact_in_two_batches_at_once_is_posted_once() -> Result<()> {
    let scene = Scene::start().await?;
    // Top-ups touch platform accounts alone, so that no account's lock makes them take turns.
    let facts: Vec<Fact> = january()
        .into_iter()
        .chain((0..20).map(|n| topup(&format!("txn_{n}"), 100)))
        .collect();
    let pool = scene.bed.db.owner().await?;
    let racers = (0..8).map(|_| {
        let (pool, facts) = (pool.clone(), facts.clone());
        // Each has a memory of accounts of its own, as a process has.
        let books = Books::new(Store::new(pool.clone()));
        let batch: Vec<_> = facts
            .into_iter()
            .map(|fact| Occurred {
                fact,
                at: IN_JANUARY,
            })
            .collect();
        kit::spawn(async move {
            for _ in 0..20 {
                let mut tx = pool.begin().await?;
                if let Ok(outcomes) = books.post_in_tx(&mut tx, &batch).await {
                    tx.commit().await?;
                    return anyhow::Ok(outcomes.iter().filter(|o| **o == Outcome::Posted).count());
                }
            }
            anyhow::bail!("lost every race")
        })
    });
    let mut posted = 0;
    for racer in racers.collect::<Vec<_>>() {
        posted += racer.await??;
    }
    assert_eq!(posted, facts.len());
    assert_eq!(balances(&scene.bed).await?, folded(&facts));
    Ok(())
}

#[tokio::test]
async fn facts_in_any_order_give_the_same_balances() -> Result<()> {
    let facts = january();
    let wanted = folded(&facts);
    let scene = Scene::start().await?;
    let mut shuffled = facts.clone();
    shuffled.reverse();
    shuffled.rotate_left(5);
    // One message per fact: none shares a batch by design, and what is taken back comes first.
    for fact in &shuffled {
        publish(&scene.bed, std::slice::from_ref(fact)).await?;
    }
    scene.service.settle().await;
    assert_eq!(scene.balances().await?, wanted);
    Ok(())
}

#[tokio::test]
async fn a_refused_fact_takes_no_neighbour_down() -> Result<()> {
    let scene = Scene::start().await?;
    let facts = january();
    let mut messages: Vec<mailbox::Fact> = facts
        .iter()
        .map(message)
        .filter(|(stream, _)| *stream == "allocation")
        .map(|m| m.1)
        .collect();
    let mut garbled = messages[0].clone();
    garbled.fact_id = "funding:garbled".into();
    garbled.payload = vec![0xff, 0xff];
    let mut moves_nothing = message(&directed("ann", "alice", 9, 5, 6)).1;
    moves_nothing.payload = prost_of(&wire::allocation::v1::AllocationChanged {
        subscriber_id: "ann".into(),
        creator_id: "alice".into(),
        program: "allocation".into(),
        month: "2027-01".into(),
        version: 9,
        from_minor: 5,
        to_minor: 5,
        currency: "USD".into(),
    });
    messages.insert(1, garbled);
    messages.insert(3, moves_nothing);
    scene.bed.publish("allocation", &messages).await?;
    let cash: Vec<Fact> = facts
        .iter()
        .filter(|fact| message(fact).0 == "billing")
        .cloned()
        .collect();
    scene.post(&cash).await?;
    assert_eq!(scene.balances().await?, folded(&facts));
    let reasons = scene.dead_letters().await?;
    assert_eq!(reasons.len(), 2, "{reasons:?}");
    assert!(
        reasons
            .iter()
            .any(|reason| reason.contains("moves nothing")),
        "{reasons:?}"
    );
    Ok(())
}

fn prost_of(event: &wire::allocation::v1::AllocationChanged) -> Vec<u8> {
    mailbox::Fact::new("x", "x", 1, IN_JANUARY, event).payload
}

#[tokio::test]
async fn a_posting_that_would_empty_a_floor_account_is_refused_alone() -> Result<()> {
    let scene = Scene::start().await?;
    let pool = scene.bed.db.owner().await?;
    let books = Books::new(Store::new(pool.clone()));
    let held = |payout: &str, minor| {
        let part = ledger::HoldPart {
            program: ledger::Program::Allocation,
            month: crate::some::month("2027-01"),
            amount: usd(minor),
        };
        let (payout, creator) = (id(payout), id("alice"));
        fact(ledger::HoldPlaced {
            payout,
            creator,
            n: 1,
            parts: vec![part],
        })
    };
    let closed = ledger::close_creator(
        crate::some::month("2027-01"),
        ledger::Program::Allocation,
        id("alice"),
        usd(1_000),
        money::BasisPoints::ZERO,
    )?;
    let batch: Vec<_> = [
        closed,
        held("po_1", 600),
        held("po_2", 600),
        held("po_3", 400),
    ]
    .into_iter()
    .map(|fact| Occurred {
        fact,
        at: IN_JANUARY,
    })
    .collect();
    let mut tx = pool.begin().await?;
    let outcomes = books.post_in_tx(&mut tx, &batch).await?;
    tx.commit().await?;
    let refused = Refusal::BelowZero {
        account: "creator/alice/payable/allocation/2027-01".into(),
        balance_minor: 400,
    };
    let posted = || Outcome::Posted;
    assert_eq!(
        outcomes,
        [posted(), posted(), Outcome::Refused(refused), posted()]
    );
    let balances = balances(&scene.bed).await?;
    assert_eq!(
        balances.get("creator/alice/payable/allocation/2027-01"),
        None
    );
    assert_eq!(balances["creator/alice/reserved/po_3"], 400);
    Ok(())
}

#[tokio::test]
async fn a_balance_transaction_is_evidence_for_one_posting_only() -> Result<()> {
    let scene = Scene::start().await?;
    let facts = january();
    scene.post(&facts).await?;
    let (kind, amount) = (BalanceTransactionKind::Other, Balance::new(941, Asset::Usd));
    let again = fact(BalanceTransactionObserved {
        txn: id("txn_ann1"),
        kind,
        amount,
    });
    scene.post(&[again]).await?;
    assert_eq!(scene.balances().await?, folded(&facts));
    let reasons = scene.dead_letters().await?;
    assert_eq!(
        reasons,
        ["balance transaction txn_ann1 is on another posting"]
    );
    Ok(())
}

#[tokio::test]
async fn a_key_that_comes_with_other_contents_is_set_aside() -> Result<()> {
    let scene = Scene::start().await?;
    scene.post(&[directed("ann", "alice", 1, 0, 500)]).await?;
    scene.post(&[directed("ann", "alice", 1, 0, 900)]).await?;
    assert_eq!(
        scene.balances().await?["creator/alice/pending/allocation/2027-01"],
        500
    );
    let reasons = scene.dead_letters().await?;
    assert_eq!(
        reasons,
        ["alloc:ann:allocation:2027-01:1:alice was posted with other contents"]
    );
    Ok(())
}

#[tokio::test]
async fn what_a_rolled_back_transaction_made_is_not_remembered() -> Result<()> {
    let scene = Scene::start().await?;
    let pool = scene.bed.db.owner().await?;
    let books = Books::new(Store::new(pool.clone()));
    let batch: Vec<_> = january()
        .into_iter()
        .map(|fact| Occurred {
            fact,
            at: IN_JANUARY,
        })
        .collect();
    let mut tx = pool.begin().await?;
    books.post_in_tx(&mut tx, &batch).await?;
    // A second batch in the same transaction sees the accounts of the first.
    books.post_in_tx(&mut tx, &batch).await?;
    tx.rollback().await?;
    let mut tx = pool.begin().await?;
    books.post_in_tx(&mut tx, &batch).await?;
    tx.commit().await?;
    assert_eq!(balances(&scene.bed).await?, folded(&january()));
    Ok(())
}
