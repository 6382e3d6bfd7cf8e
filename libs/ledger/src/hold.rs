//! Planning a hold: which months' money a payout takes, and which months what came back goes to.

use std::collections::BTreeMap;

use money::{Amount, MoneyError};

use crate::{LedgerError, Month, Program};

/// What a hold takes of one month's payable in one program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HoldPart {
    pub program: Program,
    pub month: Month,
    pub amount: Amount,
}

/// A waterfall's parts, and what it could not reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldPlan {
    /// Oldest month first, then by program; none of zero.
    pub parts: Vec<HoldPart>,
    /// How much of what was wanted is not there.
    pub rest: Amount,
}

/// Takes what is wanted from the oldest month first, then by program, so that the cents of a
/// month can be told to be paid or unpaid. The order of the input makes no difference.
/// Errors: `AssetMismatch`, `Overflow`.
pub fn plan_hold(
    payable_by_month: &[(Program, Month, Amount)],
    wanted: Amount,
) -> Result<HoldPlan, LedgerError> {
    let mut rest = wanted;
    let mut parts = Vec::new();
    for ((month, program), payable) in in_order(payable_by_month)? {
        let amount = payable.min(rest)?;
        rest = rest.checked_sub(amount)?;
        if !amount.is_zero() {
            parts.push(HoldPart {
                program,
                month,
                amount,
            });
        }
    }
    Ok(HoldPlan { parts, rest })
}

/// Which of a hold's parts an amount that came back belongs to: those taken last come back first,
/// so that a payout's older months stay paid. `returned` is what came back before.
/// Errors: `AssetMismatch`, `Overflow`, `PartAboveWhole` when more comes back than was held.
pub fn plan_return(
    held: &[HoldPart],
    returned: Amount,
    amount: Amount,
) -> Result<Vec<HoldPart>, LedgerError> {
    let whole = Amount::checked_sum(amount.asset(), held.iter().map(|part| part.amount))?;
    let part = returned.checked_add(amount)?;
    if part.minor() > whole.minor() {
        return Err(LedgerError::PartAboveWhole { part, whole });
    }
    let mut parts = held.to_vec();
    parts.sort_by_key(|part| std::cmp::Reverse((part.month, part.program)));
    let (mut before, mut rest) = (returned, amount);
    let mut back = Vec::new();
    for part in parts {
        let gone = part.amount.min(before)?;
        before = before.checked_sub(gone)?;
        let taken = part.amount.checked_sub(gone)?.min(rest)?;
        rest = rest.checked_sub(taken)?;
        back.push(HoldPart {
            amount: taken,
            ..part
        });
    }
    back.retain(|part| !part.amount.is_zero());
    Ok(back)
}

type ByMonth = BTreeMap<(Month, Program), Amount>;

fn in_order(payable_by_month: &[(Program, Month, Amount)]) -> Result<ByMonth, MoneyError> {
    let mut sorted = ByMonth::new();
    for (program, month, amount) in payable_by_month.iter().copied() {
        let sum = sorted
            .entry((month, program))
            .or_insert(Amount::zero(amount.asset()));
        *sum = sum.checked_add(amount)?;
    }
    Ok(sorted)
}
