//! Invariants 2 and 6: the books against what Stripe reports.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use super::report::Verdict;
use super::store::{AccountSum, Evidence, Snapshot};
use super::wire::Seen;

/// 2: `stripe/payments` is what Stripe reports, and each `stripe/connected` is its balance
/// there plus our payouts in transit.
pub fn balances(accounts: &[AccountSum], seen: &Seen) -> Verdict {
    let mut verdict = Verdict::new(20, "2", "the Stripe accounts equal what Stripe reports");
    let books = |name: &str| {
        accounts
            .iter()
            .find(|one| one.name == name)
            .map_or(0, |one| one.minor)
    };
    let booked = books("stripe/payments");
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
    let in_books: i64 = accounts
        .iter()
        .filter(|one| one.account.kind().as_str() == "stripe_connected")
        .map(|one| one.minor)
        .sum();
    let mut at_stripe: i64 = 0;
    for account in seen.connected.values() {
        at_stripe += account.balance_minor;
        let moving = account
            .payouts
            .iter()
            .filter(|p| ["pending", "in_transit"].contains(&p.status.as_str()));
        at_stripe += moving.map(|payout| payout.amount_minor).sum::<i64>();
    }
    if in_books != at_stripe {
        verdict.broken(format!(
            "connected: the books say {in_books}, Stripe {at_stripe}"
        ));
    }
    verdict.looked_at(format!(
        "{} transactions, {} connected accounts",
        seen.transactions.len(),
        seen.connected.len()
    ))
}

/// 6: every balance transaction has exactly one posting, of its amount; every posting that
/// names one names one that exists; every charge and transfer is in the books once.
pub async fn evidence(books: &mut Snapshot, seen: &Seen) -> Result<Verdict> {
    let mut verdict = Verdict::new(
        60,
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
