//! Holds: money kept for a payout, given back, or committed to it.

use money::{Amount, Asset};

use super::{Cause, FactKind, moving};
use crate::encoding::Line;
use crate::{Account, CreatorId, Entry, HoldPart, LedgerError, PayoutId};

/// Money has left months' payable for a payout's hold. `n` counts the payout's holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldPlaced {
    pub payout: PayoutId,
    pub creator: CreatorId,
    pub n: u32,
    pub parts: Vec<HoldPart>,
}

/// A hold has been given back, to the months that it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldReleased {
    pub payout: PayoutId,
    pub creator: CreatorId,
    pub n: u32,
    pub parts: Vec<HoldPart>,
}

/// The point of no return: the hold's money is about to be sent. `n` counts attempts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldCommitted {
    pub payout: PayoutId,
    pub creator: CreatorId,
    pub n: u32,
    pub amount: Amount,
}

impl Cause for HoldPlaced {
    fn kind(&self) -> FactKind {
        FactKind::HoldPlaced
    }

    fn key(&self) -> String {
        format!("hold:{}:{}", self.payout, self.n)
    }

    fn entries(&self) -> Result<Vec<Entry>, LedgerError> {
        let amount = moving(self.kind(), sum(&self.parts)?)?;
        let payable = self.parts.iter().map(|part| {
            let account = Account::payable(&self.creator, part.program, part.month);
            Entry::debit(account, part.amount)
        });
        let reserved = Entry::credit(Account::reserved(&self.creator, &self.payout), amount);
        Ok(payable.chain([reserved]).collect())
    }

    fn encode(&self, line: &mut Line) {
        line.field(&self.payout)
            .field(&self.creator)
            .field(self.n)
            .field(listed(&self.parts));
    }

    fn signed_minor(&self) -> i64 {
        sum(&self.parts).map_or(0, Amount::minor)
    }
}

impl Cause for HoldReleased {
    fn kind(&self) -> FactKind {
        FactKind::HoldReleased
    }

    fn key(&self) -> String {
        format!("release:{}:{}", self.payout, self.n)
    }

    fn entries(&self) -> Result<Vec<Entry>, LedgerError> {
        let amount = moving(self.kind(), sum(&self.parts)?)?;
        let payable = self.parts.iter().map(|part| {
            let account = Account::payable(&self.creator, part.program, part.month);
            Entry::credit(account, part.amount)
        });
        let reserved = Entry::debit(Account::reserved(&self.creator, &self.payout), amount);
        Ok(payable.chain([reserved]).collect())
    }

    fn encode(&self, line: &mut Line) {
        line.field(&self.payout)
            .field(&self.creator)
            .field(self.n)
            .field(listed(&self.parts));
    }

    fn signed_minor(&self) -> i64 {
        sum(&self.parts).map_or(0, Amount::minor)
    }
}

impl Cause for HoldCommitted {
    fn kind(&self) -> FactKind {
        FactKind::HoldCommitted
    }

    fn key(&self) -> String {
        format!("commit:{}:{}", self.payout, self.n)
    }

    fn entries(&self) -> Result<Vec<Entry>, LedgerError> {
        let amount = moving(self.kind(), self.amount)?;
        Ok(vec![
            Entry::debit(Account::reserved(&self.creator, &self.payout), amount),
            Entry::credit(Account::clearing_payout(&self.payout), amount),
        ])
    }

    fn encode(&self, line: &mut Line) {
        line.field(&self.payout)
            .field(&self.creator)
            .field(self.n)
            .field(self.amount.minor());
    }

    fn signed_minor(&self) -> i64 {
        self.amount.minor()
    }
}

pub(super) fn sum(parts: &[HoldPart]) -> Result<Amount, LedgerError> {
    Ok(Amount::checked_sum(
        Asset::Usd,
        parts.iter().map(|part| part.amount),
    )?)
}

/// `2027-01,allocation,558;2027-02,copies,7`, in the order of months and programs.
pub(super) fn listed(parts: &[HoldPart]) -> String {
    let mut parts: Vec<&HoldPart> = parts.iter().collect();
    parts.sort_by_key(|part| (part.month, part.program, part.amount.minor()));
    let texts = parts
        .iter()
        .map(|part| format!("{},{},{}", part.month, part.program, part.amount.minor()));
    texts.collect::<Vec<_>>().join(";")
}
