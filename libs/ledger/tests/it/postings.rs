use ledger::{Account, Class, Entry, Fact, LedgerError, Posting, Program, Side, StripeId, fold};
use money::{Amount, Asset};
use proptest::prelude::*;

use crate::some::{allocation, any_fact, bps, fact, id, in_two_orders, month, usd};

/// A posting of these entries, under the key of some fact.
fn balanced(entries: Vec<Entry>, txn: Option<StripeId>) -> Result<Posting, LedgerError> {
    let key = fact(allocation(1, "bob", 0, 1)).key().clone();
    Posting::balanced(key, entries, txn)
}

fn pending(creator: &str) -> Account {
    Account::pending(&id(creator), Program::Allocation, month("2027-01"))
}

#[test]
fn entries_that_differ_by_a_cent_are_no_posting() {
    let entries = vec![
        Entry::debit(pending("a"), usd(2)),
        Entry::credit(pending("b"), usd(1)),
    ];
    let refusal = balanced(entries, None);
    assert!(matches!(
        refusal,
        Err(LedgerError::Unbalanced {
            difference_minor: 1,
            ..
        })
    ));
}

#[test]
fn dollars_do_not_balance_tokens() {
    let tokens = Account::viewer_tokens(&id("vic"), &id("lot"));
    let entries = vec![
        Entry::debit(pending("a"), usd(5)),
        Entry::credit(tokens, Amount::tokens(5)),
    ];
    let refusal = balanced(entries, None);
    assert!(matches!(
        refusal,
        Err(LedgerError::Unbalanced {
            asset: Asset::Usd,
            ..
        })
    ));
}

#[test]
fn an_account_takes_its_own_asset_only() {
    let five = Amount::tokens(5);
    let entries = vec![
        Entry::debit(pending("a"), five),
        Entry::credit(pending("b"), five),
    ];
    assert!(matches!(
        balanced(entries, None),
        Err(LedgerError::AssetWrong { .. })
    ));
}

#[test]
fn zeros_are_dropped_and_two_entries_must_be_left() {
    let zero = vec![
        Entry::debit(pending("a"), usd(0)),
        Entry::credit(pending("b"), usd(0)),
    ];
    assert!(matches!(
        balanced(zero, None),
        Err(LedgerError::EntriesTooFew { count: 0, .. })
    ));
    let back_and_forth = vec![
        Entry::debit(pending("a"), usd(3)),
        Entry::credit(pending("a"), usd(3)),
    ];
    assert!(balanced(back_and_forth, None).is_err());
}

#[test]
fn stripes_side_moves_on_evidence_only() {
    let entries = || {
        let (stripe, funded) = (Account::stripe_payments(), Account::equity_funded());
        vec![Entry::debit(stripe, usd(1)), Entry::credit(funded, usd(1))]
    };
    assert!(matches!(
        balanced(entries(), None),
        Err(LedgerError::EvidenceMissing { .. })
    ));
    assert!(balanced(entries(), Some(id("txn_1"))).is_ok());
}

#[test]
fn equal_entries_in_another_order_are_an_equal_posting() {
    let entries = vec![
        Entry::credit(pending("b"), usd(1)),
        Entry::debit(pending("a"), usd(2)),
        Entry::credit(pending("c"), usd(2)),
        Entry::debit(pending("a"), usd(1)),
    ];
    let backwards = entries.iter().rev().cloned().collect();
    let posting = balanced(entries, None).expect("balances");
    assert_eq!(Ok(&posting), balanced(backwards, None).as_ref());
    let shown: Vec<_> = posting.entries().iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            "Dr creator/a/pending/allocation/2027-01 $0.03",
            "Cr creator/b/pending/allocation/2027-01 $0.01",
            "Cr creator/c/pending/allocation/2027-01 $0.02",
        ]
    );
}

#[test]
fn books_that_came_back_to_zero_equal_books_that_never_moved() {
    let raised = fact(allocation(1, "bob", 0, 300));
    let lowered = fact(allocation(2, "bob", 300, 0));
    let balances = fold([raised.posting(), lowered.posting()]).expect("fits");
    assert_eq!(balances, ledger::Balances::new());
    let mut set = ledger::Balances::new();
    set.set(pending("bob"), money::Balance::zero(Asset::Usd))
        .expect("its own asset");
    assert_eq!(set, ledger::Balances::new());
}

#[test]
fn a_key_is_stored_as_the_start_of_its_sha_256() {
    let key = fact(allocation(3, "bob", 0, 300)).key().clone();
    assert_eq!(key.as_str(), "alloc:ann:allocation:2027-01:3:bob");
    let hash: String = key
        .hash16()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(hash, "b5e0c6b8bdaabcd241754cb921d4d1fb");
}

proptest! {
    #[test]
    fn the_order_of_facts_makes_no_difference((one, other) in in_two_orders(any_fact())) {
        let one = fold(one.iter().map(Fact::posting))?;
        prop_assert_eq!(one, fold(other.iter().map(Fact::posting))?);
    }

    #[test]
    fn every_posting_balances_in_each_asset(fact in any_fact()) {
        for asset in Asset::ALL {
            let side = |side| -> i64 {
                let entries = fact.posting().entries().iter();
                let of = entries.filter(|e| e.side == side && e.amount.asset() == asset);
                of.map(|entry| entry.amount.minor()).sum()
            };
            prop_assert_eq!(side(Side::Debit), side(Side::Credit));
        }
    }

    #[test]
    fn every_posting_is_sorted_without_zeros_and_names_no_account_twice(fact in any_fact()) {
        let entries = fact.posting().entries();
        prop_assert!(entries.len() >= 2);
        prop_assert!(entries.iter().all(|entry| !entry.amount.is_zero()));
        let places: Vec<_> = entries.iter().map(|entry| (entry.side, &entry.account)).collect();
        prop_assert!(places.is_sorted());
        for (n, entry) in entries.iter().enumerate() {
            prop_assert!(entries[n + 1..].iter().all(|later| later.account != entry.account));
        }
    }

    #[test]
    fn closing_conserves_the_gross(
        shares in prop::collection::btree_map("[a-z]{1,6}", 1..=1_000_000i64, 1..30),
        rest in 1..=1_000_000i64,
        rate in 0..=10_000u32,
    ) {
        let (program, january) = (Program::Allocation, month("2027-01"));
        let funded: i64 = shares.values().sum::<i64>() + rest;
        let mut facts = vec![fact(ledger::FundingAttributed {
            charge: id("ch_1"), subscriber: id("ann"), program, month: january, amount: usd(funded),
        })];
        for (version, (creator, share)) in (1..).zip(&shares) {
            facts.push(fact(allocation(version, creator, 0, *share)));
            facts.push(ledger::close_creator(january, program, id(creator), usd(*share), bps(rate))?);
        }
        facts.push(ledger::close_subscriber(january, program, id("ann"), usd(rest))?);

        let balances = fold(facts.iter().map(Fact::posting))?;
        let mut kept = 0;
        for line in balances.iter() {
            let (account, balance) = line?;
            // Pending and unallocated are empty: what is left is owned by somebody.
            prop_assert!(account.class() != Class::Settles, "{} is open", account.name());
            if account.kind() != ledger::AccountKind::ClearingFunding {
                kept += balance.minor();
            }
        }
        prop_assert_eq!(kept, funded);
    }

    #[test]
    fn versions_of_an_allocation_add_up_to_the_last_one(
        figures in prop::collection::vec(0..=1_000_000i64, 1..20),
        seed in any::<prop::sample::Index>(),
    ) {
        let mut from = 0;
        let mut facts = Vec::new();
        for (version, to) in (1..).zip(&figures) {
            facts.extend(Fact::try_new(allocation(version, "bob", from, *to)).ok());
            from = *to;
        }
        let turn = if facts.is_empty() { 0 } else { seed.index(facts.len()) };
        facts.rotate_left(turn);
        let balances = fold(facts.iter().map(Fact::posting))?;
        prop_assert_eq!(balances.balance(&pending("bob"))?.minor(), from);
    }
}
