//! Invariant 3: what is there covers what is owed (a), and cannot leave by itself (b).

use anyhow::Result;
use ledger::{Account, Balances, Rates, Solvency};
use money::{Balance, BasisPoints};

use super::report::Verdict;
use super::store::{AccountSum, FloorRow, MonthRow, Snapshot};
use crate::say::dollars;
use crate::stripe::PayoutSettings;

/// The rates that hold unless a month was closed at others.
const FEE_BPS_DEFAULT: i32 = 700;
const COPIES_SHARE_BPS: u32 = 7_000;

/// 3a: payments + storage + connected + in flight >= obligations + claims + frozen + deferred + tax.
/// The world can break it; then an alert must be open with exactly the missing amount.
pub async fn covered(
    books: &mut Snapshot,
    accounts: &[AccountSum],
    strict: bool,
) -> Result<Verdict> {
    let mut verdict = Verdict::new("3a", "what is at Stripe covers what is owed");
    let rates = rates(&books.months().await?)?;
    let held = accounts.iter().map(|one| (one.account.clone(), one.minor));
    let solvency = position(held, rates)?;
    let missing = solvency.missing()?;
    if !missing.is_zero() {
        let line = format!("{missing} is missing");
        let alerted = books.is_shortfall_alerted(missing.minor()).await?;
        if alerted && !strict {
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

/// 3b, for storage `ledger`: Stripe pays the platform out only when told to, and keeps at least
/// what the books required as of the cut that the floor was set from.
pub async fn separated(books: &mut Snapshot, settings: &PayoutSettings) -> Result<Verdict> {
    let claim = "what is owed cannot leave by the platform's own payouts";
    let mut verdict = Verdict::new("3b", claim);
    if settings.interval != "manual" {
        let interval = &settings.interval;
        verdict.broken(format!(
            "the platform's payout schedule at Stripe is {interval}, not manual"
        ));
    }
    let rates = rates(&books.months().await?)?;
    let Some(floor) = books.floor().await? else {
        let now = books.accounts().await?;
        let held = now.into_iter().map(|one| (one.account, one.minor));
        let owed = required(&position(held, rates)?)?;
        if owed > 0 {
            let owed = dollars(owed);
            verdict.broken(format!(
                "no floor was ever set, and the books require {owed}"
            ));
        }
        return Ok(verdict.looked_at("no floor"));
    };
    let held = books.accounts_at(&floor.cut).await?;
    let owed = required(&position(held, rates)?)?;
    compare(&mut verdict, &floor, owed, settings.minimum_minor);
    Ok(verdict.looked_at(format!(
        "required {}, kept {}",
        dollars(owed),
        dollars(settings.minimum_minor)
    )))
}

fn compare(verdict: &mut Verdict, floor: &FloorRow, owed: i64, kept: i64) {
    let [owed_text, kept_text] = [owed, kept].map(dollars);
    let cut = &floor.cut;
    if kept < owed {
        verdict.broken(format!(
            "Stripe keeps at least {kept_text}, the books required {owed_text} as of {cut}"
        ));
    }
    if floor.required_minor != owed {
        verdict.broken(format!(
            "the floor was set for {}, the books required {owed_text} as of {cut}",
            dollars(floor.required_minor)
        ));
    }
    if floor.minimum_minor != kept {
        verdict.broken(format!(
            "the floor was set to {}, Stripe's is {kept_text}",
            dollars(floor.minimum_minor)
        ));
    }
    if !floor.is_manual {
        verdict.broken("the payout service did not make the schedule manual");
    }
}

fn rates(months: &[MonthRow]) -> Result<Rates> {
    let known = months.iter().rev().find_map(|month| month.fee_bps);
    let fee = u32::try_from(known.unwrap_or(FEE_BPS_DEFAULT))?;
    Ok(Rates {
        allocation_fee: BasisPoints::try_new(fee)?,
        copies_share: BasisPoints::try_new(COPIES_SHARE_BPS)?,
    })
}

fn position(held: impl IntoIterator<Item = (Account, i64)>, rates: Rates) -> Result<Solvency> {
    let mut balances = Balances::new();
    for (account, minor) in held {
        let balance = Balance::new(minor, account.asset());
        balances.set(account, balance)?;
    }
    Ok(Solvency::of(&balances, rates)?)
}

/// What no payout of the platform's own may take, in cents.
fn required(solvency: &Solvency) -> Result<i64> {
    let parts = [
        solvency.claims,
        solvency.frozen,
        solvency.deferred,
        solvency.tax,
    ];
    let whole = parts
        .into_iter()
        .try_fold(solvency.obligations, Balance::checked_add)?;
    Ok(whole.minor())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(floor: &FloorRow, owed: i64, kept: i64) -> Vec<String> {
        let mut verdict = Verdict::new("3b", "");
        compare(&mut verdict, floor, owed, kept);
        verdict.broken_by
    }

    #[test]
    fn a_floor_holds_when_stripe_the_row_and_the_books_say_the_same() {
        let mut floor = FloorRow {
            required_minor: 500,
            minimum_minor: 500,
            cut: "7:9:".to_owned(),
            is_manual: true,
        };
        assert_eq!(findings(&floor, 500, 500), Vec::<String>::new());
        assert_eq!(
            findings(&floor, 501, 499),
            [
                "Stripe keeps at least $4.99, the books required $5.01 as of 7:9:",
                "the floor was set for $5.00, the books required $5.01 as of 7:9:",
                "the floor was set to $5.00, Stripe's is $4.99",
            ]
        );
        floor.is_manual = false;
        assert_eq!(findings(&floor, 500, 500).len(), 1);
    }
}
