//! What Stripe did to the balance on its own.

use std::fmt;
use std::str::FromStr;

use money::Balance;

use super::{Cause, FactKind, moving};
use crate::encoding::Line;
use crate::{Account, Entry, LedgerError, StripeId};

/// What a balance transaction that no other service owns was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BalanceTransactionKind {
    /// Stripe's own fee, or its return.
    Fee,
    /// The operator's money, put in.
    Topup,
    /// Unexplained: it goes to suspense, and suspense always alerts.
    Other,
}

impl BalanceTransactionKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fee => "fee",
            Self::Topup => "topup",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for BalanceTransactionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for BalanceTransactionKind {
    type Err = LedgerError;

    fn from_str(text: &str) -> Result<Self, LedgerError> {
        match text {
            "fee" => Ok(Self::Fee),
            "topup" => Ok(Self::Topup),
            "other" => Ok(Self::Other),
            _ => Err(LedgerError::FactKindUnknown {
                text: format!("balance transaction {text}"),
            }),
        }
    }
}

/// A balance transaction on the payments side that no other service announces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BalanceTransactionObserved {
    pub txn: StripeId,
    pub kind: BalanceTransactionKind,
    /// Net, signed as Stripe signs it: negative when the balance fell.
    pub amount: Balance,
}

impl Cause for BalanceTransactionObserved {
    fn kind(&self) -> FactKind {
        FactKind::BalanceTransactionObserved
    }

    fn key(&self) -> String {
        format!("txn:{}", self.txn)
    }

    fn entries(&self) -> Result<Vec<Entry>, LedgerError> {
        let amount = moving(Cause::kind(self), self.amount.magnitude()?)?;
        let other = match self.kind {
            BalanceTransactionKind::Fee => Account::expense_stripe_fees(),
            BalanceTransactionKind::Topup => Account::equity_funded(),
            BalanceTransactionKind::Other => Account::suspense(&self.txn),
        };
        let stripe = Account::stripe_payments();
        let fell = self.amount.is_negative();
        let (debit, credit) = if fell {
            (other, stripe)
        } else {
            (stripe, other)
        };
        Ok(vec![
            Entry::debit(debit, amount),
            Entry::credit(credit, amount),
        ])
    }

    fn encode(&self, line: &mut Line) {
        line.field(&self.txn)
            .field(self.kind)
            .field(self.amount.minor());
    }

    fn signed_minor(&self) -> i64 {
        self.amount.minor()
    }

    fn txn(&self) -> Option<&StripeId> {
        Some(&self.txn)
    }
}
