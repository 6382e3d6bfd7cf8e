//! The end of a month: pending becomes payable, and what nobody was given becomes revenue.

use money::{Amount, BasisPoints, Fee, split_fee};

use super::{Cause, Fact, FactKind, moving, pooled};
use crate::encoding::Line;
use crate::{Account, CreatorId, Entry, LedgerError, Month, Program, SubscriberId};

/// A creator's month in one program has been closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatorClosed {
    pub month: Month,
    pub program: Program,
    pub creator: CreatorId,
    pub gross: Amount,
    /// The platform's rate for allocations. Copies carry no fee, whatever it says.
    pub bps: BasisPoints,
}

impl CreatorClosed {
    /// What the creator keeps, and what the platform does. Errors: `Money`.
    pub fn fee(&self) -> Result<Fee, LedgerError> {
        Ok(split_fee(self.gross, self.rate())?)
    }

    const fn rate(&self) -> BasisPoints {
        match self.program {
            Program::Allocation => self.bps,
            Program::Copies | Program::Streaming => BasisPoints::ZERO,
        }
    }
}

impl Cause for CreatorClosed {
    fn kind(&self) -> FactKind {
        FactKind::CreatorClosed
    }

    fn key(&self) -> String {
        format!("close:{}:{}:{}", self.month, self.program, self.creator)
    }

    fn entries(&self) -> Result<Vec<Entry>, LedgerError> {
        pooled(self.program)?;
        let gross = moving(self.kind(), self.gross)?;
        let Fee { net, fee } = self.fee()?;
        Ok(vec![
            Entry::debit(
                Account::pending(&self.creator, self.program, self.month),
                gross,
            ),
            Entry::credit(
                Account::payable(&self.creator, self.program, self.month),
                net,
            ),
            Entry::credit(Account::revenue_fees(), fee),
        ])
    }

    fn encode(&self, line: &mut Line) {
        line.field(self.month)
            .field(self.program)
            .field(&self.creator);
        line.field(self.gross.minor()).field(self.rate().get());
    }

    fn signed_minor(&self) -> i64 {
        self.gross.minor()
    }
}

/// What a subscriber left undirected in a month has become the platform's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriberClosed {
    pub month: Month,
    pub program: Program,
    pub subscriber: SubscriberId,
    pub rest: Amount,
}

impl Cause for SubscriberClosed {
    fn kind(&self) -> FactKind {
        FactKind::SubscriberClosed
    }

    fn key(&self) -> String {
        format!("rest:{}:{}:{}", self.month, self.program, self.subscriber)
    }

    fn entries(&self) -> Result<Vec<Entry>, LedgerError> {
        let program = self.program;
        let revenue = match program {
            Program::Allocation => Account::revenue_unallocated(),
            Program::Copies => Account::revenue_copies(),
            Program::Streaming => return Err(LedgerError::ProgramWithoutPools { program }),
        };
        let rest = moving(self.kind(), self.rest)?;
        let pool = Account::unallocated(&self.subscriber, program, self.month);
        Ok(vec![Entry::debit(pool, rest), Entry::credit(revenue, rest)])
    }

    fn encode(&self, line: &mut Line) {
        line.field(self.month)
            .field(self.program)
            .field(&self.subscriber);
        line.field(self.rest.minor());
    }

    fn signed_minor(&self) -> i64 {
        self.rest.minor()
    }
}

/// Closes one creator's month in one program: the fee is taken once, of the month's gross.
/// Errors: `ProgramWithoutPools`, `NothingMoves`.
pub fn close_creator(
    month: Month,
    program: Program,
    creator: CreatorId,
    gross: Amount,
    bps: BasisPoints,
) -> Result<Fact, LedgerError> {
    Fact::try_new(CreatorClosed {
        month,
        program,
        creator,
        gross,
        bps,
    })
}

/// Closes one subscriber's pool: the rest goes to the program's revenue.
/// Errors: `ProgramWithoutPools`, `NothingMoves`.
pub fn close_subscriber(
    month: Month,
    program: Program,
    subscriber: SubscriberId,
    rest: Amount,
) -> Result<Fact, LedgerError> {
    Fact::try_new(SubscriberClosed {
        month,
        program,
        subscriber,
        rest,
    })
}
