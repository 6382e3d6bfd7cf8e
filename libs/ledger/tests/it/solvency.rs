use ledger::{Account, Balances, Obligations, Program, Rates, Solvency};
use money::{Amount, Asset, Balance};
use proptest::prelude::*;

use crate::some::{bps, id, month};

const JANUARY: &str = "2027-01";

fn rates() -> Rates {
    Rates {
        allocation_fee: bps(700),
        copies_share: bps(7_000),
    }
}

fn books(lines: Vec<(Account, i64)>) -> Balances {
    let mut balances = Balances::new();
    for (account, minor) in lines {
        let balance = Balance::new(minor, account.asset());
        balances.set(account, balance).expect("its own asset");
    }
    balances
}

fn kept(kind: &str, owner: &str) -> Account {
    let (program, january) = (Some(Program::Allocation), Some(month(JANUARY)));
    Account::from_parts(kind, Some(owner), program, january, None).expect("of the chart")
}

#[test]
fn each_part_of_the_obligations_is_counted_once() {
    let balances = books(vec![
        (kept("creator_pending", "a"), 1001),
        (kept("creator_payable", "a"), 10),
        (Account::reserved(&id("a"), &id("po_1")), 20),
        (Account::clearing_payout(&id("po_2")), 40),
        (kept("creator_frozen_gross", "a"), 100),
        (kept("creator_frozen_net", "a"), 7),
    ]);
    let owed = Obligations::of(&balances, rates()).expect("fits");
    let minors = [
        owed.pending_net,
        owed.payable,
        owed.reserved,
        owed.in_payout,
        owed.frozen_net,
    ];
    assert_eq!(minors.map(Balance::minor), [931, 10, 20, 40, 100]);
    assert_eq!(owed.total().map(Balance::minor), Ok(1101));
}

#[test]
fn every_line_is_rounded_as_its_own_close_will_round_it() {
    let pending = |creator| (kept("creator_pending", creator), 1001);
    let balances = books(vec![pending("a"), pending("b"), pending("c")]);
    let owed = Obligations::of(&balances, rates()).expect("fits");
    // 93 % of $30.03 would be $27.93 as well, but of $10.07 thrice it is $28.11, not $28.10.
    assert_eq!(owed.pending_net.minor(), 3 * 931);
    let pending = |creator| (kept("creator_pending", creator), 1007);
    let balances = books(vec![pending("a"), pending("b"), pending("c")]);
    let owed = Obligations::of(&balances, rates()).expect("fits");
    assert_eq!(owed.pending_net.minor(), 3 * 937);
}

#[test]
fn one_creators_debt_pays_no_other_creator() {
    let debt =
        Account::from_parts("creator_debt", Some("a"), None, None, None).expect("of the chart");
    let balances = books(vec![(debt, 500), (kept("creator_payable", "b"), 300)]);
    let owed = Obligations::of(&balances, rates()).expect("fits");
    assert_eq!(owed.total().map(Balance::minor), Ok(300));
}

#[test]
fn undirected_copies_money_is_claimed_at_seventy_per_cent() {
    let pool = Account::unallocated(&id("ann"), Program::Copies, month(JANUARY));
    let solvency = Solvency::of(&books(vec![(pool, 1000)]), rates()).expect("fits");
    assert_eq!(solvency.claims.minor(), 700);
}

#[test]
fn copies_earned_carry_no_fee() {
    let line = Account::pending(&id("bob"), Program::Copies, month(JANUARY));
    let owed = Obligations::of(&books(vec![(line, 70)]), rates()).expect("fits");
    assert_eq!(owed.pending_net.minor(), 70);
}

#[test]
fn both_sides_take_in_all_that_belongs_to_them() {
    let balances = books(vec![
        (Account::stripe_payments(), 100),
        (Account::stripe_storage(), 20),
        (Account::stripe_connected(&id("a")), 3),
        // Sent and not arrived: a debit on an account that grows by credits.
        (Account::clearing_storage_move(&id("mv_1")), -4),
        (kept("subscriber_frozen", "ann"), 5),
        (Account::tokens_deferred(&id("lot")), 6),
        (Account::liability_tax(), 7),
        (Account::revenue_fees(), 1_000),
    ]);
    let solvency = Solvency::of(&balances, rates()).expect("fits");
    let Solvency {
        assets,
        frozen,
        deferred,
        tax,
        ..
    } = solvency;
    assert_eq!(
        [assets, frozen, deferred, tax].map(Balance::minor),
        [127, 5, 6, 7]
    );
    assert_eq!(solvency.missing(), Ok(Amount::zero(Asset::Usd)));
}

#[test]
fn a_pool_funded_before_its_charge_is_posted_is_not_uncovered() {
    // The claim has come first: its charge stands below zero in clearing, and is at Stripe.
    let balances = books(vec![
        (Account::clearing_funding(&id("ch_1")), -1_000),
        (
            Account::unallocated(&id("ann"), Program::Allocation, month(JANUARY)),
            1_000,
        ),
    ]);
    let solvency = Solvency::of(&balances, rates()).expect("fits");
    assert_eq!(solvency.missing(), Ok(Amount::zero(Asset::Usd)));
    // The other way round, cash that is not attributed yet is there once, not twice.
    let balances = books(vec![
        (Account::stripe_payments(), 941),
        (Account::clearing_funding(&id("ch_1")), 1_000),
    ]);
    let solvency = Solvency::of(&balances, rates()).expect("fits");
    assert_eq!(solvency.assets.minor(), 941);
}

#[test]
fn what_is_missing_is_told_to_the_cent() {
    let balances = books(vec![
        (Account::stripe_payments(), 455),
        (kept("creator_pending", "a"), 500),
        (Account::liability_tax(), 1),
    ]);
    let solvency = Solvency::of(&balances, rates()).expect("fits");
    assert_eq!(solvency.missing(), Ok(Amount::usd(11)));
}

proptest! {
    #[test]
    fn lowered_before_it_was_raised_changes_nothing_that_is_owed(
        share in 1..=1_000_000i64,
        funded in 1..=1_000_000i64,
    ) {
        // The lowering has arrived first: the creator's line stands below zero, and the pool
        // above what funded it. Together they are still what the pool was funded with.
        let pool = Account::unallocated(&id("ann"), Program::Allocation, month(JANUARY));
        let whole = Rates { allocation_fee: bps(0), ..rates() };
        let early = books(vec![(kept("creator_pending", "a"), -share), (pool, funded + share)]);
        let solvency = Solvency::of(&early, whole)?;
        let owed = solvency.obligations.checked_add(solvency.claims)?;
        prop_assert_eq!(owed.minor(), funded);
    }
}
