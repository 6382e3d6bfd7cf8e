//! Invariant 7: nobody is paid twice for one payout, counted in Stripe's records.

use std::collections::BTreeMap;

use anyhow::Result;

use super::report::Verdict;
use super::store::{PayoutRow, Snapshot};
use super::wire::{BankPayout, Seen, Transfer};

/// What Stripe has under one payout's id.
#[derive(Default)]
struct Sent<'s> {
    /// Also those that came back.
    transfers: Vec<&'s Transfer>,
    /// Those that the bank has, or may come to have.
    bank: Vec<&'s BankPayout>,
}

/// At most one transfer that was not taken back and one bank payout per payout, the one of its
/// amount, the other of what is left of it; both for a payout that is said to be paid.
pub async fn once(books: &mut Snapshot, seen: &Seen) -> Result<Verdict> {
    let mut verdict = Verdict::new("7", "no creator is paid twice for one payout");
    let payouts = books.payouts().await?;
    let mut sent: BTreeMap<&str, Sent<'_>> = BTreeMap::new();
    for transfer in &seen.transfers {
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
    let kept = |one: &&&Transfer| one.reversed_minor < one.amount_minor;
    let standing = of.transfers.iter().filter(kept).count();
    if standing > 1 {
        verdict.broken(format!("{name} has {standing} transfers"));
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
    // A reversal before the bank's turn makes its payout smaller; one after it takes nothing back.
    let reversed: i64 = of.transfers.iter().map(|one| one.reversed_minor).sum();
    let whole = payout.amount_minor;
    for bank in &of.bank {
        if bank.amount_minor > whole || bank.amount_minor < whole - reversed {
            verdict.broken(format!("{name}: {} pays {}", bank.id, bank.amount_minor));
        }
    }
    let paid = of.bank.iter().filter(|bank| bank.status == "paid").count();
    if payout.state == "paid" && (of.transfers.is_empty() || paid != 1) {
        verdict.broken(format!(
            "{name}: Stripe has {} transfers, {paid} paid",
            of.transfers.len()
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payout(state: &str) -> PayoutRow {
        PayoutRow {
            payout_id: "p".to_owned(),
            creator_id: "ada".to_owned(),
            amount_minor: 500,
            state: state.to_owned(),
        }
    }

    fn transfer(reversed_minor: i64) -> Transfer {
        Transfer {
            id: "tr_1".to_owned(),
            group: "p".to_owned(),
            amount_minor: 500,
            reversed_minor,
            destination: "acct_1".to_owned(),
        }
    }

    fn bank(amount_minor: i64, status: &str) -> BankPayout {
        BankPayout {
            id: "po_1".to_owned(),
            amount_minor,
            status: status.to_owned(),
            payout_id: "p".to_owned(),
        }
    }

    fn findings(state: &str, transfers: &[Transfer], banks: &[BankPayout]) -> Vec<String> {
        let mut verdict = Verdict::new("7", "");
        let sent = Sent {
            transfers: transfers.iter().collect(),
            bank: banks.iter().collect(),
        };
        judge(&mut verdict, &payout(state), &sent);
        verdict.broken_by
    }

    #[test]
    fn what_was_taken_back_may_be_sent_again_and_what_was_not_may_not() {
        let paid = [bank(500, "paid")];
        let nothing = Vec::<String>::new();
        assert_eq!(
            findings("paid", &[transfer(500), transfer(0)], &paid),
            nothing
        );
        let twice = findings("paid", &[transfer(0), transfer(0)], &paid);
        assert_eq!(twice, ["payout p to ada (paid) has 2 transfers"]);
        assert_eq!(findings("paid", &[transfer(0)], &[]).len(), 1);
        let two = [bank(500, "paid"), bank(500, "pending")];
        assert_eq!(findings("paid", &[transfer(0)], &two).len(), 1);
    }

    #[test]
    fn a_bank_pays_what_a_reversal_left_or_what_it_came_too_late_for() {
        for whole_or_rest in [500, 300] {
            let banks = [bank(whole_or_rest, "paid")];
            assert!(findings("paid", &[transfer(200)], &banks).is_empty());
        }
        for wrong in [299, 501] {
            let found = findings("paid", &[transfer(200)], &[bank(wrong, "paid")]);
            assert_eq!(
                found,
                [format!("payout p to ada (paid): po_1 pays {wrong}")]
            );
        }
    }
}
