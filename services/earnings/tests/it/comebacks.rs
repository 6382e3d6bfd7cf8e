//! Money that comes back: by the bank, or by a reversed transfer.

use std::collections::BTreeMap;

use anyhow::Result;
use ledger::AttemptStep::{Bank, Transfer};
use ledger::Fact;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::some::{FIRST_OF_FEBRUARY, JANUARY, Scene, directed_in, funded_in, refused};
use crate::stories::{ALICE, FEBRUARY, FIRST_OF_MARCH, returned, reversed, settled_of};

fn payable(balances: &BTreeMap<String, i64>, of: &str) -> i64 {
    let name = format!("creator/alice/payable/allocation/{of}");
    balances.get(&name).copied().unwrap_or_default()
}

#[tokio::test]
async fn what_a_bank_returns_is_on_its_way_again() -> Result<()> {
    let scene = Scene::january_closed().await?;
    scene.send("po_1", "alice", 9_000).await?;
    let there = [
        settled_of("po_1", "alice", Transfer, 1, 9_000),
        settled_of("po_1", "alice", Bank, 1, 9_000),
    ];
    scene.post(&there).await?;
    assert_eq!(scene.earnings("alice").await?.paid_minor, 9_000);
    let back = returned("po_1", "alice", 1, 9_000);
    scene.post(&[back.clone(), back]).await?;
    let told = scene.earnings("alice").await?;
    assert_eq!((told.paid_minor, told.in_transit_minor), (0, 9_000));
    assert_eq!(told.months[0].status, "in_payout");
    assert_eq!(scene.balances().await?["stripe/connected/alice"], 9_000);
    scene
        .post(&[settled_of("po_1", "alice", Bank, 2, 9_000)])
        .await?;
    assert_eq!(scene.earnings("alice").await?.paid_minor, 9_000);
    assert_eq!(scene.dead_letters().await?, Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn a_reversed_transfer_goes_back_to_the_months_that_were_taken_last() -> Result<()> {
    let scene = Scene::two_months_closed().await?;
    let held = ALICE + 860;
    scene.send("po_1", "alice", held).await?;
    scene
        .post(&[settled_of("po_1", "alice", Transfer, 1, held)])
        .await?;
    // 8.60 of it was February's, which had 18.60.
    let first = reversed("po_1", "alice", 1, 500, false);
    scene.post(&[first.clone(), first.clone()]).await?;
    let balances = scene.balances().await?;
    assert_eq!(
        (payable(&balances, FEBRUARY), payable(&balances, JANUARY)),
        (1_000 + 500, 0)
    );
    scene
        .post(&[reversed("po_1", "alice", 2, 460, false), first])
        .await?;
    let balances = scene.balances().await?;
    assert_eq!(
        (payable(&balances, FEBRUARY), payable(&balances, JANUARY)),
        (1_860, 100)
    );
    assert_eq!(balances["clearing/payout/po_1"], held - 960);
    let told = scene.earnings("alice").await?;
    assert_eq!(told.in_transit_minor, held - 960);
    assert_eq!(told.payable_minor, 1_960);
    // February has all of its own again; January is in the payout but for a dollar.
    let statuses: Vec<&str> = told.months.iter().map(|m| m.status.as_str()).collect();
    assert_eq!(statuses, ["payable", "in_payout"]);
    let january = scene.creator_month("alice", JANUARY).await?;
    assert_eq!(january.payouts[0].amount_minor, ALICE - 100);
    assert!(
        scene
            .creator_month("alice", FEBRUARY)
            .await?
            .payouts
            .is_empty()
    );
    assert_eq!(scene.dead_letters().await?, Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn a_reversal_that_fits_no_payout_is_set_aside_with_the_reason() -> Result<()> {
    let scene = Scene::january_closed().await?;
    scene.send("po_1", "alice", 5_000).await?;
    scene.hold("po_2", "alice", 1_000).await?;
    scene
        .post(&[settled_of("po_1", "alice", Transfer, 1, 5_000)])
        .await?;
    let before = scene.balances().await?;
    scene
        .post(&[
            reversed("po_9", "alice", 1, 5, false),
            reversed("po_1", "bob", 2, 5, false),
            reversed("po_2", "alice", 3, 5, false),
            reversed("po_1", "alice", 4, 5_001, false),
        ])
        .await?;
    assert_eq!(scene.balances().await?, before);
    let reasons = [
        "$50.01 is more than $50.00, of which it is said to be a part",
        "po_9 has no hold",
        "the hold of po_1 is of alice",
        "the hold of po_2 is held: nothing of it was sent",
    ];
    assert_eq!(scene.dead_letters().await?, reasons);

    // Beyond what came back before; under a known key with another amount, or another way; and a
    // refusal of what has come back.
    for fact in [
        reversed("po_1", "alice", 5, 4_000, false),
        reversed("po_1", "alice", 6, 1_001, false),
        reversed("po_1", "alice", 5, 3_999, false),
        reversed("po_1", "alice", 5, 4_000, true),
        refused("po_1", 1, 5_000, true),
    ] {
        scene.post(&[fact]).await?;
    }
    let told = scene.dead_letters().await?;
    let wanted = [
        "$40.00 of po_1 came back by a reversal: its transfer was not refused",
        "reversal:trr_po_1_5 was posted with other contents",
    ];
    for reason in wanted {
        assert!(told.iter().any(|said| said == reason), "{told:?}");
    }
    // Two of them were one fact by its id.
    assert_eq!(told.len(), reasons.len() + 3, "{told:?}");
    let january = format!("creator/alice/payable/allocation/{JANUARY}");
    assert_eq!(scene.balances().await?[&january], ALICE - 6_000 + 4_000);
    Ok(())
}

/// Everything that can become of one payout of 15.00, of which January gave 9.30.
fn saga(n: usize) -> Vec<Fact> {
    let (payout, creator) = (format!("po_{n}"), format!("c{n}"));
    let (payout, creator) = (payout.as_str(), creator.as_str());
    vec![
        settled_of(payout, creator, Transfer, 1, 1_500),
        reversed(payout, creator, 1, 600, false),
        settled_of(payout, creator, Bank, 1, 900),
        returned(payout, creator, 1, 900),
        reversed(payout, creator, 2, 500, false),
        settled_of(payout, creator, Bank, 2, 400),
        reversed(payout, creator, 3, 150, true),
        // Twice.
        settled_of(payout, creator, Transfer, 1, 1_500),
        reversed(payout, creator, 1, 600, false),
        returned(payout, creator, 1, 900),
    ]
}

const SAGAS: usize = 40;

/// Goal: what became of a payout is the same in whatever order it is told.
/// Method: as many payouts as orders, each of a creator with the same two months; one fact of each
/// at a time, so that no batch hides an order; then once more all at once, in one batch.
#[tokio::test]
async fn a_payouts_facts_in_any_order_end_in_the_same_books() -> Result<()> {
    let scene = Scene::start_at(FIRST_OF_FEBRUARY, &[]).await?;
    for (of, n) in [(JANUARY, 1), (FEBRUARY, 2)] {
        let mut facts = funded_in(of, "sam", n, 100_000).to_vec();
        for (version, creator) in (1..).zip(0..=SAGAS) {
            let creator = format!("c{creator}");
            facts.push(directed_in(of, "sam", &creator, version, (0, 1_000)));
        }
        scene.post(&facts).await?;
        scene.bed.clock.set(FIRST_OF_MARCH);
        scene.seal_of(of, &facts).await?;
        assert_eq!(scene.month_of(of).await?.state, "closed");
    }
    let mut runner = TestRunner::default();
    let mut orders = vec![saga(0)];
    for n in 1..=SAGAS {
        let order = Just(saga(n)).prop_shuffle().new_tree(&mut runner);
        orders.push(order.expect("a shuffle").current());
    }
    for n in 0..=SAGAS {
        scene
            .send(&format!("po_{n}"), &format!("c{n}"), 1_500)
            .await?;
    }
    for step in 0..orders[0].len() {
        let facts: Vec<Fact> = orders[1..]
            .iter()
            .map(|order| order[step].clone())
            .collect();
        scene.post(&facts).await?;
    }
    scene.post(&orders[0]).await?;
    assert_eq!(scene.dead_letters().await?, Vec::<String>::new());
    let balances = scene.balances().await?;
    for (n, order) in orders.iter().enumerate() {
        let of = |program: &str| balances.get(&format!("creator/c{n}/{program}")).copied();
        assert_eq!(
            (
                of("payable/allocation/2027-01"),
                of("payable/allocation/2027-02")
            ),
            (Some(680), Some(930)),
            "{order:#?}"
        );
        let told = scene.earnings(&format!("c{n}")).await?;
        assert_eq!((told.paid_minor, told.in_transit_minor), (250, 0));
        assert_eq!(
            told.lifetime_net_minor,
            told.payable_minor + told.paid_minor
        );
    }
    let left = |name: &&String| name.contains("/po_") || name.contains("connected");
    assert_eq!(balances.keys().find(left), None);
    Ok(())
}
