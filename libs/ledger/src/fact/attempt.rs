//! Money out: what became of one attempt at one step of a payout.

use std::fmt;
use std::str::FromStr;

use money::Amount;

use super::{Cause, FactKind, moving};
use crate::encoding::Line;
use crate::{Account, CreatorId, Entry, LedgerError, PayoutId, StripeId};

/// A step of a payout by way of a connected account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AttemptStep {
    /// From the platform to the creator's connected account.
    Transfer,
    /// From the connected account to the creator's bank.
    Bank,
}

impl AttemptStep {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Transfer => "transfer",
            Self::Bank => "bank",
        }
    }
}

impl fmt::Display for AttemptStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for AttemptStep {
    type Err = LedgerError;

    fn from_str(text: &str) -> Result<Self, LedgerError> {
        match text {
            "transfer" => Ok(Self::Transfer),
            "bank" => Ok(Self::Bank),
            _ => Err(LedgerError::FactKindUnknown {
                text: format!("attempt at {text}"),
            }),
        }
    }
}

/// An attempt has moved money: Stripe took the transfer, or the bank has been paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptSettled {
    pub payout: PayoutId,
    pub creator: CreatorId,
    pub step: AttemptStep,
    /// Counts the attempts of this step that have ended.
    pub attempt: u32,
    pub amount: Amount,
    /// Required for a transfer, which moves the platform's own Stripe balance.
    pub txn: Option<StripeId>,
}

impl Cause for AttemptSettled {
    fn kind(&self) -> FactKind {
        FactKind::AttemptSettled
    }

    fn key(&self) -> String {
        format!(
            "attempt:{}:{}:{}:settled",
            self.payout, self.step, self.attempt
        )
    }

    fn entries(&self) -> Result<Vec<Entry>, LedgerError> {
        let amount = moving(self.kind(), self.amount)?;
        let connected = Account::stripe_connected(&self.creator);
        let (debit, credit) = match self.step {
            AttemptStep::Transfer => (connected, Account::stripe_payments()),
            AttemptStep::Bank => (Account::clearing_payout(&self.payout), connected),
        };
        Ok(vec![
            Entry::debit(debit, amount),
            Entry::credit(credit, amount),
        ])
    }

    fn encode(&self, line: &mut Line) {
        line.field(&self.payout)
            .field(&self.creator)
            .field(self.step)
            .field(self.attempt);
        line.field(self.amount.minor())
            .field(self.txn.as_ref().map_or("", StripeId::as_str));
    }

    fn signed_minor(&self) -> i64 {
        self.amount.minor()
    }

    fn txn(&self) -> Option<&StripeId> {
        self.txn.as_ref()
    }
}

/// A transfer was refused: what was committed goes back to the hold.
///
/// To be tried again, it waits there. Refused for good, the books also release the hold
/// ([`HoldReleased`](super::HoldReleased)), which alone knows the months to give it back to.
/// A refused bank step posts nothing and cannot be made: its money is in the connected account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptRefused {
    pub payout: PayoutId,
    pub creator: CreatorId,
    pub step: AttemptStep,
    pub attempt: u32,
    pub amount: Amount,
    /// Whether no further attempt will be made.
    pub is_final: bool,
}

impl Cause for AttemptRefused {
    fn kind(&self) -> FactKind {
        FactKind::AttemptRefused
    }

    fn key(&self) -> String {
        format!(
            "attempt:{}:{}:{}:refused",
            self.payout, self.step, self.attempt
        )
    }

    fn entries(&self) -> Result<Vec<Entry>, LedgerError> {
        match self.step {
            AttemptStep::Bank => return Err(LedgerError::RefusedBankStep),
            AttemptStep::Transfer => {}
        }
        let amount = moving(self.kind(), self.amount)?;
        Ok(vec![
            Entry::debit(Account::clearing_payout(&self.payout), amount),
            Entry::credit(Account::reserved(&self.creator, &self.payout), amount),
        ])
    }

    fn encode(&self, line: &mut Line) {
        line.field(&self.payout)
            .field(&self.creator)
            .field(self.step)
            .field(self.attempt);
        line.field(self.amount.minor())
            .field(if self.is_final { "final" } else { "again" });
    }

    fn signed_minor(&self) -> i64 {
        self.amount.minor()
    }
}
