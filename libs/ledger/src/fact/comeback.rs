//! Money that comes back after it had left: from a bank, or by a reversed transfer.

use money::Amount;

use super::hold::{listed, sum};
use super::{Cause, FactKind, moving};
use crate::encoding::Line;
use crate::{Account, AttemptStep, CreatorId, Entry, HoldPart, LedgerError, PayoutId, StripeId};

/// The bank has sent back what an attempt had settled. It lies in the connected account again,
/// and the payout is under way again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptReturned {
    pub payout: PayoutId,
    pub creator: CreatorId,
    /// The attempt of the bank step that had settled.
    pub attempt: u32,
    pub amount: Amount,
}

impl Cause for AttemptReturned {
    fn kind(&self) -> FactKind {
        FactKind::AttemptReturned
    }

    fn key(&self) -> String {
        let (payout, step, n) = (&self.payout, AttemptStep::Bank, self.attempt);
        format!("attempt:{payout}:{step}:{n}:returned")
    }

    fn entries(&self) -> Result<Vec<Entry>, LedgerError> {
        let amount = moving(self.kind(), self.amount)?;
        Ok(vec![
            Entry::debit(Account::stripe_connected(&self.creator), amount),
            Entry::credit(Account::clearing_payout(&self.payout), amount),
        ])
    }

    fn encode(&self, line: &mut Line) {
        line.field(&self.payout)
            .field(&self.creator)
            .field(self.attempt)
            .field(self.amount.minor());
    }

    fn signed_minor(&self) -> i64 {
        self.amount.minor()
    }
}

/// All or part of a payout's transfer has come back to the platform. The creator is owed it again,
/// by the months that it was taken from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransferReversed {
    pub payout: PayoutId,
    pub creator: CreatorId,
    /// Stripe's id of the reversal.
    pub reversal: StripeId,
    pub txn: StripeId,
    /// Whether the bank has this payout. Then what came back was other money of the connected
    /// account, and the payout's own way through it is not touched.
    pub after_paid: bool,
    /// The months that it goes back to; together, what came back.
    pub parts: Vec<HoldPart>,
}

impl Cause for TransferReversed {
    fn kind(&self) -> FactKind {
        FactKind::TransferReversed
    }

    fn key(&self) -> String {
        format!("reversal:{}", self.reversal)
    }

    fn entries(&self) -> Result<Vec<Entry>, LedgerError> {
        let amount = moving(self.kind(), sum(&self.parts)?)?;
        let way = [
            Entry::credit(Account::stripe_connected(&self.creator), amount),
            Entry::debit(Account::clearing_payout(&self.payout), amount),
        ];
        let owed = self.parts.iter().map(|part| {
            let account = Account::payable(&self.creator, part.program, part.month);
            Entry::credit(account, part.amount)
        });
        Ok([Entry::debit(Account::stripe_payments(), amount)]
            .into_iter()
            .chain(way.into_iter().filter(|_| !self.after_paid))
            .chain(owed)
            .collect())
    }

    fn encode(&self, line: &mut Line) {
        line.field(&self.payout)
            .field(&self.creator)
            .field(&self.reversal)
            .field(&self.txn);
        line.field(if self.after_paid {
            "after_paid"
        } else {
            "before_paid"
        })
        .field(listed(&self.parts));
    }

    fn signed_minor(&self) -> i64 {
        sum(&self.parts).map_or(0, Amount::minor)
    }

    fn txn(&self) -> Option<&StripeId> {
        Some(&self.txn)
    }
}
