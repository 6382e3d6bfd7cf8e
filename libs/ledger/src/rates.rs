//! What the platform keeps, by program.

use money::BasisPoints;

use crate::Program;

/// The configured rates by which gross money is told from creators' money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// The platform's fee on allocations; 700 unless configured otherwise.
    pub allocation_fee: BasisPoints,
    /// The most of a copies plan that can become creators'; 7 000 unless configured otherwise.
    pub copies_share: BasisPoints,
}

impl Rates {
    /// The fee that comes off a creator's gross when a month closes. A copy's price is the
    /// creator's own, and streaming takes its part by the minute: neither leaves a fee to take.
    pub const fn fee(self, program: Program) -> BasisPoints {
        match program {
            Program::Allocation => self.allocation_fee,
            Program::Copies | Program::Streaming => BasisPoints::ZERO,
        }
    }

    /// The share of money not yet directed that creators could still come to own.
    pub const fn claim(self, program: Program) -> BasisPoints {
        match program {
            Program::Allocation => self.allocation_fee.complement(),
            Program::Copies => self.copies_share,
            Program::Streaming => BasisPoints::WHOLE,
        }
    }
}
