//! Invariants 1, 4 and 5: what the books must say by themselves.

use anyhow::Result;
use ledger::{Class, Month};

use super::report::Verdict;
use super::store::{AccountSum, Snapshot};
use super::wire::Seen;
use crate::say::dollars;

/// 1: debits equal credits, and what is kept of balances is what the entries add up to.
pub async fn balance(books: &mut Snapshot, accounts: &[AccountSum]) -> Result<Verdict> {
    let count = books.posting_count().await?;
    let mut verdict = Verdict::new("1", "debits equal credits, in every posting and in total")
        .looked_at(format!("{count} postings on {} accounts", accounts.len()));
    for defect in books.defects().await? {
        verdict.broken(defect);
    }
    for one in accounts {
        if let Some(kept) = one.kept_minor
            && kept != one.minor
        {
            verdict.broken(format!(
                "{}: entries add up to {}, kept is {kept}",
                one.name, one.minor
            ));
        }
    }
    Ok(verdict)
}

/// 4: floor accounts were never below zero; settles accounts are not once their month is
/// sealed, and are empty once it is closed.
pub async fn floors(books: &mut Snapshot, accounts: &[AccountSum]) -> Result<Verdict> {
    let mut verdict = Verdict::new("4", "no account is below zero that must not be");
    for name in books.below_floor().await? {
        verdict.broken(format!("{name} was below zero after one of its postings"));
    }
    let months = books.months().await?;
    let mut looked_at = 0_usize;
    for one in accounts
        .iter()
        .filter(|one| one.account.class() == Class::Settles)
    {
        looked_at += 1;
        let month = one.account.month().map(Month::to_i32);
        match months.iter().find(|row| Some(row.month) == month) {
            Some(row) if row.state == "closed" && one.minor != 0 => {
                verdict.broken(format!(
                    "{} holds {} though its month is closed",
                    one.name, one.minor
                ));
            }
            Some(_) if one.minor < 0 => {
                verdict.broken(format!(
                    "{} is {} though its month is sealed",
                    one.name, one.minor
                ));
            }
            _ => {}
        }
    }
    Ok(verdict.looked_at(format!(
        "{looked_at} settling accounts, {} sealed months",
        months.len()
    )))
}

/// 5: every clearing account is zero or younger than its deadline; suspense is empty.
pub fn clearing(accounts: &[AccountSum], seen: &Seen, strict: bool) -> Verdict {
    let claim = "every clearing account is zero or younger than its deadline";
    let mut verdict = Verdict::new("5", claim);
    let mut looked_at = 0_usize;
    for one in accounts {
        if one.account.kind().as_str() == "suspense_stripe" && one.minor != 0 {
            verdict.broken(unexplained(one, seen));
        }
        let Some(deadline) = one.account.clearing_deadline() else {
            continue;
        };
        looked_at += 1;
        if one.minor == 0 {
            continue;
        }
        let age = one
            .touched_at
            .map_or(time::Duration::ZERO, |touched| seen.now - touched);
        let line = format!(
            "{} holds {} since {} s",
            one.name,
            one.minor,
            age.whole_seconds()
        );
        if strict || age > deadline {
            verdict.broken(line);
        } else {
            verdict.notes.push(line);
        }
    }
    verdict.looked_at(format!("{looked_at} clearing accounts"))
}

/// `suspense/stripe/txn_1 holds $10.00: balance transaction txn_1, refund of re_1, -$10.00`
fn unexplained(one: &AccountSum, seen: &Seen) -> String {
    let txn = one.account.reference().unwrap_or_default();
    let known = seen.transactions.iter().find(|known| known.id == txn);
    let known = known.map_or("unknown to Stripe".to_owned(), |known| {
        let amount = dollars(known.net_minor);
        match known.source.as_str() {
            "" => format!("{}, {amount}", known.kind),
            source => format!("{} of {source}, {amount}", known.kind),
        }
    });
    let held = dollars(one.minor);
    format!(
        "{} holds {held}: balance transaction {txn}, {known}",
        one.name
    )
}
