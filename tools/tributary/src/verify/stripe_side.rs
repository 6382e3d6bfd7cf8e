//! Invariants 2 and 6: the books against what Stripe reports.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use super::report::Verdict;
use super::store::{AccountSum, Evidence, Snapshot};
use super::wire::{Connected, Seen};

/// 2: `stripe/payments` is what Stripe reports, and each `stripe/connected` is its balance
/// there plus our payouts in transit.
pub async fn balances(
    books: &mut Snapshot,
    accounts: &[AccountSum],
    seen: &Seen,
) -> Result<Verdict> {
    let mut verdict = Verdict::new("2", "the Stripe accounts equal what Stripe reports");
    let held: BTreeMap<&str, i64> = accounts
        .iter()
        .map(|one| (one.name.as_str(), one.minor))
        .collect();
    let booked = held.get("stripe/payments").copied().unwrap_or_default();
    let listed: i64 = seen.transactions.iter().map(|txn| txn.net_minor).sum();
    if booked != seen.payments_minor {
        verdict.broken(format!(
            "payments: the books say {booked}, Stripe's balance {}",
            seen.payments_minor
        ));
    }
    if listed != seen.payments_minor {
        verdict.broken(format!(
            "Stripe's own transactions add up to {listed}, its balance is {}",
            seen.payments_minor
        ));
    }
    connected(&mut verdict, books, &held, seen).await?;
    Ok(verdict.looked_at(format!(
        "{} transactions, {} connected accounts",
        seen.transactions.len(),
        seen.connected.len()
    )))
}

/// Account by account: what one creator has too much must not hide what another one lacks.
async fn connected(
    verdict: &mut Verdict,
    books: &mut Snapshot,
    held: &BTreeMap<&str, i64>,
    seen: &Seen,
) -> Result<()> {
    let owners = books.connected_accounts().await?;
    let mut known: BTreeSet<String> = BTreeSet::new();
    let mut ours: BTreeSet<&str> = BTreeSet::new();
    for (creator, account) in &owners {
        let name = format!("stripe/connected/{creator}");
        let booked = held.get(name.as_str()).copied().unwrap_or_default();
        let there = seen.connected.get(account).map_or(0, Connected::ours_minor);
        if booked != there {
            verdict.broken(format!(
                "{name} ({account}): the books say {booked}, Stripe {there}"
            ));
        }
        known.insert(name);
        ours.insert(account);
    }
    let strange = held
        .iter()
        .filter(|(name, minor)| name.starts_with("stripe/connected/") && **minor != 0)
        .filter(|(name, _)| !known.contains(**name));
    for (name, minor) in strange {
        verdict.broken(format!(
            "{name}: the books say {minor}, and no account is known"
        ));
    }
    for (account, one) in &seen.connected {
        let there = one.ours_minor();
        if there != 0 && !ours.contains(account.as_str()) {
            verdict.broken(format!(
                "{account} holds {there}, and is no account of ours"
            ));
        }
    }
    Ok(())
}

/// 6: every balance transaction has exactly one posting, of its amount; every posting that
/// names one names one that exists; every charge is in the books, as a charge.
pub async fn evidence(books: &mut Snapshot, seen: &Seen) -> Result<Verdict> {
    let mut verdict = Verdict::new(
        "6",
        "every balance transaction and business fact is posted once",
    );
    let rows = books.evidence().await?;
    let mut posted: BTreeMap<&str, Vec<&Evidence>> = BTreeMap::new();
    for row in &rows {
        posted.entry(&row.txn).or_default().push(row);
    }
    for txn in &seen.transactions {
        match posted.get(txn.id.as_str()).map(Vec::as_slice) {
            None => verdict.broken(format!(
                "{} ({}, {}) has no posting",
                txn.id, txn.kind, txn.net_minor
            )),
            Some([one]) if one.payments_minor == txn.net_minor => {}
            Some([one]) => verdict.broken(format!(
                "{}: Stripe moved {}, posting {} moved {}",
                txn.id, txn.net_minor, one.key, one.payments_minor
            )),
            Some(many) => verdict.broken(format!("{} has {} postings", txn.id, many.len())),
        }
    }
    let known: BTreeSet<&str> = seen
        .transactions
        .iter()
        .map(|txn| txn.id.as_str())
        .collect();
    for row in rows.iter().filter(|row| !known.contains(row.txn.as_str())) {
        verdict.broken(format!(
            "posting {} ({}) names {}, unknown to Stripe",
            row.key, row.kind, row.txn
        ));
    }
    for key in books.without_evidence().await? {
        verdict.broken(format!(
            "posting {key} moved a Stripe balance without evidence"
        ));
    }
    let keys: BTreeSet<String> = books.keys_of("charge_settled").await?.into_iter().collect();
    for charge in seen
        .charges
        .iter()
        .filter(|charge| !keys.contains(&format!("charge:{charge}")))
    {
        verdict.broken(format!("charge {charge} is not in the books"));
    }
    Ok(verdict.looked_at(format!(
        "{} postings with evidence, {} charges",
        rows.len(),
        seen.charges.len()
    )))
}
