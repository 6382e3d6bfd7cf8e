//! Late earnings: money whose own month was sealed before it was free.

use money::{Amount, BasisPoints, Fee, split_fee};

use super::{Cause, FactKind, moving, pooled};
use crate::encoding::Line;
use crate::{Account, CreatorId, Entry, LedgerError, Month, Program, StripeId};

/// A creator's frozen money is free after its month was sealed: it is paid with the open month, less
/// the fee of the month that it was earned in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LateEarning {
    /// What made it free: a dispute, or a refund that failed.
    pub cause: StripeId,
    pub creator: CreatorId,
    pub program: Program,
    pub origin_month: Month,
    /// The open month.
    pub month: Month,
    pub gross: Amount,
    /// The rate of `origin_month`. Copies carry no fee, whatever it says.
    pub bps: BasisPoints,
}

impl LateEarning {
    /// What the creator keeps, and what the platform does. Errors: `Money`.
    pub fn fee(&self) -> Result<Fee, LedgerError> {
        let bps = match self.program {
            Program::Allocation => self.bps,
            Program::Copies | Program::Streaming => BasisPoints::ZERO,
        };
        Ok(split_fee(self.gross, bps)?)
    }
}

impl Cause for LateEarning {
    fn kind(&self) -> FactKind {
        FactKind::LateEarning
    }

    fn key(&self) -> String {
        let (cause, origin, program) = (&self.cause, self.origin_month, self.program);
        format!("late:{cause}:{origin}:{program}:{}", self.creator)
    }

    fn entries(&self) -> Result<Vec<Entry>, LedgerError> {
        pooled(self.program)?;
        let gross = moving(self.kind(), self.gross)?;
        let Fee { net, fee } = self.fee()?;
        let (creator, program) = (&self.creator, self.program);
        Ok(vec![
            Entry::debit(
                Account::frozen_gross(creator, program, self.origin_month),
                gross,
            ),
            Entry::credit(Account::payable(creator, program, self.month), net),
            Entry::credit(Account::revenue_fees(), fee),
        ])
    }

    fn encode(&self, line: &mut Line) {
        line.field(&self.cause)
            .field(&self.creator)
            .field(self.program);
        line.field(self.origin_month)
            .field(self.month)
            .field(self.gross.minor())
            .field(self.bps.get());
    }

    fn signed_minor(&self) -> i64 {
        self.gross.minor()
    }
}
