use std::collections::BTreeSet;

use ledger::{
    AttemptRefused, AttemptSettled, AttemptStep, Fact, FactKind, FundingAttributed, LedgerError,
    Program, close_creator, close_subscriber, plan_hold,
};
use money::{Amount, Asset};
use proptest::prelude::*;

use crate::some::{allocation, any_fact, any_month, bps, charge, fact, id, month, some_usd, usd};

#[test]
fn a_fact_that_moves_nothing_is_refused() {
    let same = Fact::try_new(allocation(1, "bob", 300, 300));
    assert_eq!(
        same,
        Err(LedgerError::NothingMoves {
            kind: "allocation_changed"
        })
    );
    let free = Fact::try_new(charge(0, 0, 0));
    assert_eq!(
        free,
        Err(LedgerError::NothingMoves {
            kind: "charge_settled"
        })
    );
    let nothing = close_subscriber(month("2027-01"), Program::Copies, id("ann"), usd(0));
    assert_eq!(
        nothing,
        Err(LedgerError::NothingMoves {
            kind: "subscriber_closed"
        })
    );
}

#[test]
fn tax_is_a_part_of_the_charge() {
    let refusal = Fact::try_new(charge(1000, 59, 1001));
    assert!(matches!(refusal, Err(LedgerError::PartAboveWhole { .. })));
    assert!(Fact::try_new(charge(1000, 59, 1000)).is_ok());
}

#[test]
fn streaming_has_no_pools() {
    let refused = [
        Fact::try_new(FundingAttributed {
            charge: id("ch_1"),
            subscriber: id("ann"),
            program: Program::Streaming,
            month: month("2027-01"),
            amount: usd(1),
        }),
        close_creator(
            month("2027-01"),
            Program::Streaming,
            id("bob"),
            usd(1),
            bps(700),
        ),
        close_subscriber(month("2027-01"), Program::Streaming, id("ann"), usd(1)),
    ];
    let refusal = LedgerError::ProgramWithoutPools {
        program: Program::Streaming,
    };
    assert!(
        refused
            .iter()
            .all(|refused| refused.as_ref() == Err(&refusal))
    );
}

#[test]
fn an_allocation_in_tokens_is_refused() {
    let mut tokens = allocation(1, "bob", 0, 1);
    tokens.to = Amount::tokens(1);
    assert!(matches!(Fact::try_new(tokens), Err(LedgerError::Money(_))));
}

#[test]
fn a_refused_bank_step_is_no_fact_of_the_books() {
    let refused = |step| {
        let (payout, creator, amount) = (id("po_1"), id("bob"), usd(558));
        Fact::try_new(AttemptRefused {
            payout,
            creator,
            step,
            attempt: 1,
            amount,
            is_final: true,
        })
    };
    assert_eq!(
        refused(AttemptStep::Bank),
        Err(LedgerError::RefusedBankStep)
    );
    assert!(refused(AttemptStep::Transfer).is_ok());
}

#[test]
fn a_transfer_needs_its_balance_transaction_and_a_bank_payment_does_not() {
    let settled = |step| {
        let (payout, creator, amount) = (id("po_1"), id("bob"), usd(558));
        Fact::try_new(AttemptSettled {
            payout,
            creator,
            step,
            attempt: 1,
            amount,
            txn: None,
        })
    };
    let refusal = settled(AttemptStep::Transfer);
    assert!(matches!(refusal, Err(LedgerError::EvidenceMissing { .. })));
    assert!(settled(AttemptStep::Bank).is_ok());
}

#[test]
fn attribution_is_stamped_and_cash_is_not() {
    let stamped = Fact::try_new(allocation(1, "bob", 0, 300)).expect("a fact");
    assert_eq!(stamped.month(), Some(month("2027-01")));
    assert_eq!(stamped.program(), Some(Program::Allocation));
    let cash = Fact::try_new(charge(1000, 59, 0)).expect("a fact");
    assert_eq!((cash.month(), cash.program()), (None, None));
    assert_eq!(
        cash.counted(),
        Some((Program::Allocation, month("2027-01")))
    );
}

#[test]
fn a_lowered_allocation_counts_negative() {
    let lowered = Fact::try_new(allocation(2, "bob", 300, 100)).expect("a fact");
    assert_eq!(lowered.signed_minor(), -200);
}

#[test]
fn kinds_are_read_back_from_their_names() {
    let names: BTreeSet<_> = FactKind::ALL.iter().map(|kind| kind.as_str()).collect();
    assert_eq!(names.len(), FactKind::ALL.len());
    assert!(
        FactKind::ALL
            .iter()
            .all(|kind| kind.as_str().parse() == Ok(*kind))
    );
}

proptest! {
    #[test]
    fn an_encoded_fact_is_one_line_of_version_and_kind_first(fact in any_fact()) {
        let start = format!("v1|{}|", fact.kind_str());
        let text = fact.canonical();
        prop_assert!(text.starts_with(&start) && text.is_ascii() && !text.contains('\n'));
    }

    #[test]
    fn facts_that_differ_are_encoded_differently(a in any_fact(), b in any_fact()) {
        prop_assert_eq!(a.canonical() == b.canonical(), a == b);
    }

    #[test]
    fn a_hold_takes_what_is_wanted_or_all_that_there_is(
        payable in prop::collection::vec(
            (prop::sample::select(Program::ALL.to_vec()), any_month(), some_usd()), 0..20,
        ),
        wanted in 0..=10_000_000_000i64,
    ) {
        let plan = plan_hold(&payable, usd(wanted))?;
        let held = Amount::checked_sum(Asset::Usd, plan.parts.iter().map(|part| part.amount))?;
        let there = Amount::checked_sum(Asset::Usd, payable.iter().map(|(_, _, amount)| *amount))?;
        prop_assert_eq!(held, usd(wanted).min(there)?);
        prop_assert_eq!(held.checked_add(plan.rest)?, usd(wanted));
        prop_assert!(plan.parts.is_sorted_by_key(|part| (part.month, part.program)));

        let backwards: Vec<_> = payable.into_iter().rev().collect();
        prop_assert_eq!(plan_hold(&backwards, usd(wanted))?, plan);
    }
}

#[test]
fn a_late_earning_names_the_month_it_was_earned_in_and_is_paid_with_another() {
    let late = ledger::LateEarning {
        cause: id("dp_1"),
        creator: id("bob"),
        program: Program::Allocation,
        origin_month: month("2027-01"),
        month: month("2027-03"),
        gross: usd(1_001),
        bps: bps(700),
    };
    let names: Vec<_> = fact(late)
        .posting()
        .entries()
        .iter()
        .map(|entry| entry.account.name())
        .collect();
    assert_eq!(
        names,
        [
            "creator/bob/frozen_gross/allocation/2027-01",
            "creator/bob/payable/allocation/2027-03",
            "revenue/fees",
        ]
    );
}
