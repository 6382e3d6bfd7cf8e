//! Invariant 7: nobody is paid twice for one payout, counted in Stripe's records.

use std::collections::BTreeMap;

use anyhow::Result;

use super::report::Verdict;
use super::store::{PayoutRow, Snapshot};
use super::wire::{BankPayout, Seen, Transfer};

/// What Stripe has under one payout's id.
#[derive(Default)]
struct Sent<'s> {
    transfers: Vec<&'s Transfer>,
    /// Those that the bank has, or may come to have.
    bank: Vec<&'s BankPayout>,
}

/// At most one transfer that was not reversed and one bank payout per payout, both of its
/// amount; exactly one of each for a payout that is said to be paid.
pub async fn once(books: &mut Snapshot, seen: &Seen) -> Result<Verdict> {
    let mut verdict = Verdict::new(70, "7", "no creator is paid twice for one payout");
    let payouts = books.payouts().await?;
    let mut sent: BTreeMap<&str, Sent<'_>> = BTreeMap::new();
    for transfer in seen
        .transfers
        .iter()
        .filter(|one| one.reversed_minor < one.amount_minor)
    {
        sent.entry(&transfer.group)
            .or_default()
            .transfers
            .push(transfer);
    }
    for bank in seen.connected.values().flat_map(|account| &account.payouts) {
        if ["pending", "in_transit", "paid"].contains(&bank.status.as_str()) {
            sent.entry(&bank.payout_id).or_default().bank.push(bank);
        }
    }
    for payout in &payouts {
        let of = sent.remove(payout.payout_id.as_str()).unwrap_or_default();
        judge(&mut verdict, payout, &of);
    }
    for (group, of) in sent {
        let ids: Vec<&str> = of.transfers.iter().map(|one| one.id.as_str()).collect();
        let banks: Vec<&str> = of.bank.iter().map(|one| one.id.as_str()).collect();
        verdict.broken(format!(
            "Stripe sent {ids:?} {banks:?} for '{group}', which is no payout of ours"
        ));
    }
    Ok(verdict.looked_at(format!(
        "{} payouts, {} transfers",
        payouts.len(),
        seen.transfers.len()
    )))
}

fn judge(verdict: &mut Verdict, payout: &PayoutRow, of: &Sent<'_>) {
    let name = format!(
        "payout {} to {} ({})",
        payout.payout_id, payout.creator_id, payout.state
    );
    if of.transfers.len() > 1 {
        verdict.broken(format!("{name} has {} transfers", of.transfers.len()));
    }
    if of.bank.len() > 1 {
        verdict.broken(format!("{name} has {} bank payouts", of.bank.len()));
    }
    for transfer in &of.transfers {
        if transfer.amount_minor != payout.amount_minor {
            verdict.broken(format!(
                "{name}: {} moved {} to {}",
                transfer.id, transfer.amount_minor, transfer.destination
            ));
        }
    }
    for bank in of
        .bank
        .iter()
        .filter(|bank| bank.amount_minor != payout.amount_minor)
    {
        verdict.broken(format!("{name}: {} pays {}", bank.id, bank.amount_minor));
    }
    if payout.state == "paid" {
        let paid = of.bank.iter().filter(|bank| bank.status == "paid").count();
        if of.transfers.len() != 1 || paid != 1 {
            verdict.broken(format!(
                "{name}: Stripe has {} transfers, {paid} paid",
                of.transfers.len()
            ));
        }
    }
}
