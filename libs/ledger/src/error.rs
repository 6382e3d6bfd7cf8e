//! Every reason for which the books refuse something.

use money::{Amount, Asset, MoneyError};

use crate::Program;

/// A refusal. Where several apply, the one that stands first here is given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// Text that is no id of its kind.
    #[error("{what} {text:?} is not 1 to {longest} characters of {allowed}")]
    IdMalformed {
        what: &'static str,
        text: String,
        allowed: &'static str,
        longest: usize,
    },
    /// Text, or a number, that names no month.
    #[error("{text:?} is not a month between 0001-01 and 9999-12")]
    MonthMalformed { text: String },
    /// A word that names no program.
    #[error("unknown program {text:?}: known are allocation, copies and streaming")]
    ProgramUnknown { text: String },
    /// Text or columns that name no account of the chart.
    #[error("{text:?} names no account of the books")]
    AccountUnknown { text: String },
    /// A word that names no kind of fact.
    #[error("unknown kind of fact {text:?}")]
    FactKindUnknown { text: String },
    /// The program has no pools: its money is bought as tokens.
    #[error("{program} has no pools to fund, direct or close")]
    ProgramWithoutPools { program: Program },
    /// A figure in the wrong asset.
    #[error("{account} counts {wanted}, not {found}")]
    AssetWrong {
        account: String,
        wanted: Asset,
        found: Asset,
    },
    /// The fact moves nothing, so it is not a fact.
    #[error("{kind} moves nothing")]
    NothingMoves { kind: &'static str },
    /// A part is larger than the whole that it is said to be part of.
    #[error("{part} is more than {whole}, of which it is said to be a part")]
    PartAboveWhole { part: Amount, whole: Amount },
    /// A bank step that is refused posts nothing: its money still lies in the connected account.
    #[error("a refused bank step posts nothing: its money stays committed")]
    RefusedBankStep,
    /// Stripe's side of the books moves on evidence only.
    #[error("{account} moves only with the id of a balance transaction")]
    EvidenceMissing { account: String },
    /// Debits and credits differ.
    #[error("debits and credits of {key} differ by {difference_minor} in {asset}")]
    Unbalanced {
        key: String,
        asset: Asset,
        difference_minor: i128,
    },
    /// After dropping zeros there is nothing to write.
    #[error("posting {key} has {count} entries; it takes two")]
    EntriesTooFew { key: String, count: usize },
    /// The fact carries no month and program, so no control total counts it.
    #[error("{kind} is not counted in control totals")]
    NotCounted { kind: &'static str },
    /// A line stands in the manifest already.
    #[error("the manifest has a line {line} already")]
    LineTwice { line: String },
    /// A manifest line that does not add up.
    #[error("the line of {creator} says {gross}, but fee and net add up to something else")]
    LineUneven { creator: String, gross: Amount },
    #[error(transparent)]
    Money(#[from] MoneyError),
}
