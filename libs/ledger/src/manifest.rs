//! The manifest: a closed month in lines that anyone can recompute.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Slot;

use money::Amount;

use crate::encoding::{Line, sha256_hex};
use crate::{CreatorClosed, CreatorId, LedgerError, Month, Program};

const VERSION: &str = "v1";

/// What a creator made in one program. Gross is fee and net together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatorLine {
    pub creator: CreatorId,
    pub program: Program,
    pub gross: Amount,
    pub fee: Amount,
    pub net: Amount,
}

impl TryFrom<&CreatorClosed> for CreatorLine {
    type Error = LedgerError;

    fn try_from(closed: &CreatorClosed) -> Result<Self, LedgerError> {
        let fee = closed.fee()?;
        let (creator, program, gross) = (closed.creator.clone(), closed.program, closed.gross);
        Ok(Self {
            creator,
            program,
            gross,
            fee: fee.fee,
            net: fee.net,
        })
    }
}

/// The figures of one closed month. The same lines give the same bytes, in whatever order they
/// were added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    month: Month,
    creators: BTreeMap<(CreatorId, Program), CreatorLine>,
    rests: BTreeMap<Program, Amount>,
}

impl Manifest {
    pub const fn new(month: Month) -> Self {
        Self {
            month,
            creators: BTreeMap::new(),
            rests: BTreeMap::new(),
        }
    }

    pub const fn month(&self) -> Month {
        self.month
    }

    /// Errors: `LineTwice`, `LineUneven`, `Money`.
    pub fn add_creator(&mut self, line: CreatorLine) -> Result<(), LedgerError> {
        let CreatorLine {
            creator,
            program,
            gross,
            ..
        } = &line;
        if line.fee.checked_add(line.net)? != *gross {
            return Err(LedgerError::LineUneven {
                creator: creator.to_string(),
                gross: *gross,
            });
        }
        match self.creators.entry((creator.clone(), *program)) {
            Slot::Occupied(_) => Err(LedgerError::LineTwice {
                line: encoded(&line),
            }),
            Slot::Vacant(slot) => {
                slot.insert(line);
                Ok(())
            }
        }
    }

    /// Adds to what a program had left over. Errors: `Money`.
    pub fn add_rest(&mut self, program: Program, rest: Amount) -> Result<(), LedgerError> {
        let sum = self
            .rests
            .entry(program)
            .or_insert(Amount::zero(rest.asset()));
        *sum = sum.checked_add(rest)?;
        Ok(())
    }

    /// In C order of creator, then program.
    pub fn creators(&self) -> impl Iterator<Item = &CreatorLine> {
        self.creators.values()
    }

    /// In order of program; a program without left-over is not listed.
    pub fn rests(&self) -> impl Iterator<Item = (Program, Amount)> {
        let rests = self.rests.iter().filter(|(_, rest)| !rest.is_zero());
        rests.map(|(program, rest)| (*program, *rest))
    }

    /// The canonical text, a line each for the month, every creator and program, and every
    /// program's left-over; each line ends with a line feed.
    pub fn text(&self) -> String {
        let mut head = Line::new(VERSION, "manifest");
        head.field(self.month);
        let creators = self.creators().map(encoded);
        let rests = self.rests().map(|(program, rest)| {
            let mut line = Line::new(VERSION, "rest");
            line.field(program).field(rest.minor());
            line.into_text()
        });
        let lines = [head.into_text()].into_iter().chain(creators).chain(rests);
        lines.flat_map(|line| [line, String::from("\n")]).collect()
    }

    /// The SHA-256 of [`Manifest::text`] in lower-case hexadecimal.
    pub fn root(&self) -> String {
        sha256_hex(&self.text())
    }
}

/// `v1|creator|alice|allocation|1001|70|931`: gross, fee, net.
fn encoded(line: &CreatorLine) -> String {
    let CreatorLine {
        creator,
        program,
        gross,
        fee,
        net,
    } = line;
    let mut text = Line::new(VERSION, "creator");
    text.field(creator).field(program);
    text.field(gross.minor())
        .field(fee.minor())
        .field(net.minor());
    text.into_text()
}
