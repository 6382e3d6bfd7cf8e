//! Invariant 3a: what is there covers what is owed.

use anyhow::Result;
use ledger::{Balances, Rates, Solvency};
use money::{Balance, BasisPoints};

use super::report::Verdict;
use super::store::{AccountSum, Snapshot};

/// The rates that hold unless a month was closed at others.
const FEE_BPS_DEFAULT: i32 = 700;
const COPIES_SHARE_BPS: u32 = 7_000;

/// payments + storage + connected + in flight >= obligations + claims + frozen + deferred + tax.
/// The world can break it; then an alert must be open with exactly the missing amount.
pub async fn covered(
    books: &mut Snapshot,
    accounts: &[AccountSum],
    strict: bool,
) -> Result<Verdict> {
    let mut verdict = Verdict::new(30, "3a", "what is at Stripe covers what is owed");
    let months = books.months().await?;
    let fee = months
        .last()
        .and_then(|month| month.fee_bps)
        .unwrap_or(FEE_BPS_DEFAULT);
    let rates = Rates {
        allocation_fee: BasisPoints::try_new(u32::try_from(fee)?)?,
        copies_share: BasisPoints::try_new(COPIES_SHARE_BPS)?,
    };
    let mut balances = Balances::new();
    for one in accounts {
        let balance = Balance::new(one.minor, one.account.asset());
        balances.set(one.account.clone(), balance)?;
    }
    let solvency = Solvency::of(&balances, rates)?;
    let missing = solvency.missing()?;
    if !missing.is_zero() {
        let line = format!("{missing} is missing");
        let alerted = !strict
            && books
                .unrest()
                .await?
                .iter()
                .any(|one| one.contains("obligations_uncovered"));
        if alerted {
            verdict.notes.push(format!("{line}, and alerted"));
        } else {
            verdict.broken(line);
        }
    }
    Ok(verdict.looked_at(format!(
        "there {}, owed {} and claims {}",
        solvency.assets, solvency.obligations, solvency.claims
    )))
}
