//! Whom money is for: into a subscriber's pool, and from there to creators.

use money::{Amount, Balance};

use super::{Cause, FactKind, moving, pooled};
use crate::encoding::Line;
use crate::{Account, CreatorId, Entry, LedgerError, Month, Program, StripeId, SubscriberId};

/// A charge's money, less tax, has become a subscriber's pool for a program and month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FundingAttributed {
    pub charge: StripeId,
    pub subscriber: SubscriberId,
    pub program: Program,
    pub month: Month,
    pub amount: Amount,
}

impl Cause for FundingAttributed {
    fn kind(&self) -> FactKind {
        FactKind::FundingAttributed
    }

    fn key(&self) -> String {
        format!("funding:{}", self.charge)
    }

    fn entries(&self) -> Result<Vec<Entry>, LedgerError> {
        pooled(self.program)?;
        let amount = moving(self.kind(), self.amount)?;
        let pool = Account::unallocated(&self.subscriber, self.program, self.month);
        Ok(vec![
            Entry::debit(Account::clearing_funding(&self.charge), amount),
            Entry::credit(pool, amount),
        ])
    }

    fn encode(&self, line: &mut Line) {
        line.field(&self.charge)
            .field(&self.subscriber)
            .field(self.program)
            .field(self.month);
        line.field(self.amount.minor());
    }

    fn signed_minor(&self) -> i64 {
        self.amount.minor()
    }

    fn stamp(&self) -> Option<(Program, Month)> {
        Some((self.program, self.month))
    }
}

/// A subscriber has raised or lowered what a creator gets of a pool.
///
/// It carries both figures, and the difference is what moves; so versions may arrive in any
/// order and still add up to the last one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllocationChanged {
    pub subscriber: SubscriberId,
    pub creator: CreatorId,
    pub program: Program,
    pub month: Month,
    /// The pool's version that this change made.
    pub version: u64,
    pub from: Amount,
    pub to: Amount,
}

impl AllocationChanged {
    /// What the change adds to the creator's share: negative when it was lowered.
    /// Errors: `AssetMismatch`.
    pub fn delta(&self) -> Result<Balance, LedgerError> {
        Ok(Balance::from(self.to).checked_sub(self.from.into())?)
    }
}

impl Cause for AllocationChanged {
    fn kind(&self) -> FactKind {
        FactKind::AllocationChanged
    }

    fn key(&self) -> String {
        let Self {
            subscriber,
            creator,
            program,
            month,
            version,
            ..
        } = self;
        format!("alloc:{subscriber}:{program}:{month}:{version}:{creator}")
    }

    fn entries(&self) -> Result<Vec<Entry>, LedgerError> {
        pooled(self.program)?;
        let delta = self.delta()?;
        let amount = moving(self.kind(), delta.magnitude()?)?;
        let pool = Account::unallocated(&self.subscriber, self.program, self.month);
        let share = Account::pending(&self.creator, self.program, self.month);
        let (from, to) = if delta.is_negative() {
            (share, pool)
        } else {
            (pool, share)
        };
        Ok(vec![Entry::debit(from, amount), Entry::credit(to, amount)])
    }

    fn encode(&self, line: &mut Line) {
        line.field(&self.subscriber)
            .field(&self.creator)
            .field(self.program)
            .field(self.month);
        line.field(self.version)
            .field(self.from.minor())
            .field(self.to.minor());
    }

    fn signed_minor(&self) -> i64 {
        // Neither figure is below zero, so their difference always fits.
        self.to.minor().saturating_sub(self.from.minor())
    }

    fn stamp(&self) -> Option<(Program, Month)> {
        Some((self.program, self.month))
    }
}
