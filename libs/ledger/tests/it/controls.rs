use ledger::{Control, ControlTotals, Fact, FactKind, LedgerError, Program};
use proptest::prelude::*;

use crate::some::{allocation, attribution, charge, fact, id, in_two_orders, usd};

fn totals(facts: &[Fact]) -> Result<ControlTotals, LedgerError> {
    let mut totals = ControlTotals::new();
    facts.iter().try_for_each(|fact| totals.add(fact))?;
    Ok(totals)
}

#[test]
fn a_missing_fact_is_named_by_program_and_kind() {
    let facts = [
        fact(allocation(1, "bob", 0, 300)),
        fact(allocation(2, "eve", 0, 200)),
        fact(charge(1000, 59, 0)),
    ];
    let announced = totals(&facts).expect("all are counted");
    let posted = totals(&facts[1..]).expect("all are counted");
    let differences = announced.compare(&posted);
    assert_eq!(differences.len(), 1);
    let difference = differences[0];
    assert_eq!(difference.program, Program::Allocation);
    assert_eq!(difference.kind, FactKind::AllocationChanged);
    assert_eq!(
        (difference.announced.count, difference.posted.count),
        (2, 1)
    );
    let text = difference.to_string();
    assert!(
        text.starts_with("allocation allocation_changed: announced 2 facts, sum 500"),
        "{text}"
    );
}

#[test]
fn equal_count_and_sum_of_other_facts_is_a_difference() {
    let one = totals(&[fact(allocation(1, "bob", 0, 300))]).expect("counted");
    let other = totals(&[fact(allocation(1, "eve", 0, 300))]).expect("counted");
    assert_eq!(one.compare(&other).len(), 1);
    assert_eq!(one.compare(&one), []);
}

#[test]
fn what_is_on_the_other_side_only_is_a_difference_too() {
    let some = totals(&[fact(allocation(1, "bob", 0, 300))]).expect("counted");
    assert_eq!(ControlTotals::new().compare(&some).len(), 1);
}

#[test]
fn facts_without_program_and_month_are_not_counted() {
    let (payout, creator, amount) = (id("po_1"), id("bob"), usd(558));
    let committed = fact(ledger::HoldCommitted {
        payout,
        creator,
        n: 1,
        amount,
    });
    let refusal = ControlTotals::new().add(&committed);
    assert_eq!(
        refusal,
        Err(LedgerError::NotCounted {
            kind: "hold_committed"
        })
    );
}

#[test]
fn a_sum_beyond_a_bigint_is_refused_and_changes_nothing() {
    let mut totals = totals(&[fact(allocation(1, "bob", 0, 300))]).expect("counted");
    let before = totals.clone();
    let huge = Control {
        count: 1,
        sum_minor: i64::MAX,
        digest: 1,
    };
    assert!(
        totals
            .add_control(Program::Allocation, FactKind::AllocationChanged, huge)
            .is_err()
    );
    assert_eq!(totals, before);
}

proptest! {
    #[test]
    fn the_order_of_counting_makes_no_difference(
        (one, other) in in_two_orders(attribution().prop_map(fact)),
    ) {
        let (one, other) = (totals(&one)?, totals(&other)?);
        prop_assert_eq!(one.canonical(), other.canonical());
        prop_assert_eq!(one.compare(&other), []);
    }

    #[test]
    fn totals_of_parts_merge_to_the_totals_of_the_whole(
        facts in prop::collection::vec(attribution().prop_map(fact), 0..30),
        cut in any::<prop::sample::Index>(),
    ) {
        let (left, right) = facts.split_at(cut.index(facts.len() + 1));
        let mut merged = totals(left)?;
        merged.merge(&totals(right)?)?;
        prop_assert_eq!(merged, totals(&facts)?);
    }
}
