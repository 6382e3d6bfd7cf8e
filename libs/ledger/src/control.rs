//! Control totals: how a month is known to be complete.
//!
//! Whoever announces facts and whoever posts them count alike; where count, sum and digest
//! agree by program and kind, the same facts are on both sides.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use money::MoneyError;

use crate::{Fact, FactKind, LedgerError, Program};

/// Count, sum and digest of a set of facts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Control {
    pub count: u64,
    /// Sum of the facts' signed minor units.
    pub sum_minor: i64,
    /// Sum of the facts' 64-bit digests, wrapping, so that order makes no difference.
    pub digest: u64,
}

impl Control {
    /// What one fact counts for.
    pub fn of(fact: &Fact) -> Self {
        Self {
            count: 1,
            sum_minor: fact.signed_minor(),
            digest: fact.digest64(),
        }
    }

    /// Errors: `Overflow`.
    pub fn merge(self, other: Self) -> Result<Self, LedgerError> {
        let count = self
            .count
            .checked_add(other.count)
            .ok_or(MoneyError::Overflow)?;
        let sum = self
            .sum_minor
            .checked_add(other.sum_minor)
            .ok_or(MoneyError::Overflow)?;
        let digest = self.digest.wrapping_add(other.digest);
        Ok(Self {
            count,
            sum_minor: sum,
            digest,
        })
    }

    fn is_empty(self) -> bool {
        self == Self::default()
    }
}

/// `3 facts, sum 1000, digest 00c0ffee00c0ffee`
impl fmt::Display for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} facts, sum {}, digest {:016x}",
            self.count, self.sum_minor, self.digest
        )
    }
}

/// Controls by program and kind, for one month.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ControlTotals {
    controls: BTreeMap<(Program, FactKind), Control>,
}

impl ControlTotals {
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts one fact. Errors: `NotCounted`, `Overflow`; then nothing has changed.
    pub fn add(&mut self, fact: &Fact) -> Result<(), LedgerError> {
        let not_counted = LedgerError::NotCounted {
            kind: fact.kind_str(),
        };
        let (program, _) = fact.counted().ok_or(not_counted)?;
        self.add_control(program, fact.kind(), Control::of(fact))
    }

    /// Adds a sum that was taken elsewhere, say by a query. Errors: `Overflow`.
    pub fn add_control(
        &mut self,
        program: Program,
        kind: FactKind,
        control: Control,
    ) -> Result<(), LedgerError> {
        let sum = self.get(program, kind).merge(control)?;
        // What counts nothing is not listed, so that totals are equal when they say the same.
        if !sum.is_empty() {
            self.controls.insert((program, kind), sum);
        }
        Ok(())
    }

    /// Adds all of another's. Errors: `Overflow`.
    pub fn merge(&mut self, other: &Self) -> Result<(), LedgerError> {
        other
            .iter()
            .try_for_each(|(program, kind, control)| self.add_control(program, kind, control))
    }

    /// Zero where nothing was counted.
    pub fn get(&self, program: Program, kind: FactKind) -> Control {
        self.controls
            .get(&(program, kind))
            .copied()
            .unwrap_or_default()
    }

    /// By program, then by kind.
    pub fn iter(&self) -> impl Iterator<Item = (Program, FactKind, Control)> {
        self.controls
            .iter()
            .map(|((program, kind), control)| (*program, *kind, *control))
    }

    /// Every program and kind in which these totals, announced, differ from what was posted.
    pub fn compare(&self, posted: &Self) -> Vec<Difference> {
        let keys: BTreeSet<_> = self.controls.keys().chain(posted.controls.keys()).collect();
        let differences = keys.into_iter().map(|&(program, kind)| Difference {
            program,
            kind,
            announced: self.get(program, kind),
            posted: posted.get(program, kind),
        });
        differences
            .filter(|difference| difference.announced != difference.posted)
            .collect()
    }

    /// One line per program and kind, after a line that names the version:
    /// `allocation|funding_attributed|3|3000|00c0ffee00c0ffee`.
    pub fn canonical(&self) -> String {
        let mut text = String::from("v1|control_totals\n");
        for (
            program,
            kind,
            Control {
                count,
                sum_minor,
                digest,
            },
        ) in self.iter()
        {
            text.push_str(&format!(
                "{program}|{kind}|{count}|{sum_minor}|{digest:016x}\n"
            ));
        }
        text
    }
}

/// Where two totals disagree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Difference {
    pub program: Program,
    pub kind: FactKind,
    pub announced: Control,
    pub posted: Control,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            program,
            kind,
            announced,
            posted,
        } = self;
        write!(
            f,
            "{program} {kind}: announced {announced}; posted {posted}"
        )
    }
}
