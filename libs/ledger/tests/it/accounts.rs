use std::collections::BTreeSet;

use ledger::{Account, AccountKind, Class, LedgerError, Month, Program, Side};
use money::Asset;
use proptest::prelude::*;
use time::Duration;

use crate::some::{any_month, id, month};

/// An account of this kind from whatever parts its kind has: the wrong combinations are refused,
/// so exactly one of the eight is left.
fn account(
    kind: AccountKind,
    owner: &str,
    program: Program,
    month: Month,
    reference: &str,
) -> Account {
    let mut found = Vec::new();
    for owner in [None, Some(owner)] {
        for dated in [false, true] {
            for reference in [None, Some(reference)] {
                let (program, month) = (dated.then_some(program), dated.then_some(month));
                found.extend(
                    Account::from_parts(kind.as_str(), owner, program, month, reference).ok(),
                );
            }
        }
    }
    assert_eq!(found.len(), 1, "{kind:?} has one set of parts");
    found.remove(0)
}

fn any_account() -> impl Strategy<Value = Account> {
    let kind = prop::sample::select(AccountKind::ALL.to_vec());
    let program = prop::sample::select(Program::ALL.to_vec());
    (
        kind,
        "[A-Za-z0-9_-]{1,64}",
        program,
        any_month(),
        "[A-Za-z0-9_]{1,64}",
    )
        .prop_map(|(kind, owner, program, month, reference)| {
            account(kind, &owner, program, month, &reference)
        })
}

proptest! {
    #[test]
    fn an_account_is_read_back_from_its_name(account in any_account()) {
        prop_assert_eq!(Account::parse(&account.name()), Ok(account));
    }

    #[test]
    fn an_account_is_read_back_from_its_columns(account in any_account()) {
        let again = Account::from_parts(
            account.kind().as_str(),
            account.owner(),
            account.program(),
            account.month(),
            account.reference(),
        );
        prop_assert_eq!(again, Ok(account));
    }

    #[test]
    fn two_accounts_never_share_a_name(a in any_account(), b in any_account()) {
        prop_assert_eq!(a.name() == b.name(), a == b);
    }

    #[test]
    fn no_text_makes_reading_a_name_panic(text in "\\PC*") {
        if let Ok(account) = Account::parse(&text) {
            prop_assert_eq!(account.name(), text);
        }
    }
}

#[test]
fn every_kind_has_a_column_name_of_its_own() {
    let names: BTreeSet<_> = AccountKind::ALL.iter().map(|kind| kind.as_str()).collect();
    assert_eq!(names.len(), AccountKind::ALL.len());
    assert!(
        AccountKind::ALL
            .iter()
            .all(|kind| AccountKind::find(kind.as_str()) == Some(*kind))
    );
}

#[test]
fn a_name_that_is_no_account_is_refused() {
    for name in [
        "",
        "stripe",
        "stripe/payments/",
        "stripe/connected/",
        "creator/alice/pending/allocation",
        "creator/alice/pending/allocation/2027-13",
        "creator/alice/pending/donations/2027-01",
        "creator/alice/PENDING/allocation/2027-01",
        "creator/al:ice/debt",
        "clearing/funding/ch-1",
    ] {
        assert!(
            Account::parse(name).is_err(),
            "{name:?} was read as an account"
        );
    }
}

#[test]
fn columns_that_do_not_belong_to_the_kind_are_refused() {
    let refused = Account::from_parts("stripe_payments", Some("alice"), None, None, None);
    assert!(matches!(refused, Err(LedgerError::AccountUnknown { .. })));
    let half_dated = Account::from_parts(
        "creator_pending",
        Some("alice"),
        Some(Program::Copies),
        None,
        None,
    );
    assert!(matches!(
        half_dated,
        Err(LedgerError::AccountUnknown { .. })
    ));
}

#[test]
fn a_creators_own_money_has_a_floor_and_what_is_under_way_settles() {
    let (alice, january) = (id("alice"), month("2027-01"));
    let payable = Account::payable(&alice, Program::Allocation, january);
    assert_eq!(payable.name(), "creator/alice/payable/allocation/2027-01");
    assert_eq!(
        (payable.class(), payable.normal()),
        (Class::Floor, Side::Credit)
    );
    let pending = Account::pending(&alice, Program::Allocation, january);
    assert_eq!(
        (pending.class(), pending.normal()),
        (Class::Settles, Side::Credit)
    );
    let floors: Vec<_> = AccountKind::ALL
        .iter()
        .filter(|kind| kind.class() == Class::Floor)
        .collect();
    use AccountKind as K;
    assert_eq!(
        floors,
        [&K::CreatorPayable, &K::CreatorReserved, &K::CreatorDebt]
    );
}

#[test]
fn only_tokens_are_counted_in_tokens() {
    for kind in AccountKind::ALL {
        let in_tokens = kind.as_str().starts_with("viewer_") || *kind == AccountKind::TokensIssued;
        assert_eq!(kind.asset() == Asset::Token, in_tokens, "{kind:?}");
    }
}

#[test]
fn every_clearing_account_and_no_other_has_a_deadline() {
    for kind in AccountKind::ALL {
        let clearing = kind.as_str().starts_with("clearing_");
        assert_eq!(kind.clearing_deadline().is_some(), clearing, "{kind:?}");
    }
    let deadline = AccountKind::ClearingPayout.clearing_deadline();
    assert_eq!(deadline, Some(Duration::days(7)));
    let deadline = AccountKind::ClearingFunding.clearing_deadline();
    assert_eq!(deadline, Some(Duration::minutes(15)));
}

#[test]
fn no_account_that_is_one_persons_is_a_platform_account() {
    for kind in AccountKind::ALL.iter().filter(|kind| kind.is_platform()) {
        let personal = ["subscriber_", "creator_", "viewer_"];
        assert!(
            !personal
                .iter()
                .any(|start| kind.as_str().starts_with(start)),
            "{kind:?}"
        );
    }
    for account in [
        Account::stripe_payments(),
        Account::revenue_fees(),
        Account::liability_tax(),
    ] {
        assert!(account.is_platform(), "{}", account.name());
    }
}
