//! What operators ask of the books, once it is known to be askable.

use ledger::Month;
use time::OffsetDateTime;

/// Accounts by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountsAsked {
    /// Names that begin so; empty for all.
    pub prefix: String,
    /// Counts what happened up to and including it; `None` means now.
    pub as_of: Option<OffsetDateTime>,
    pub without_zero: bool,
    /// Exclusive.
    pub after: String,
    pub limit: i64,
}

/// Which postings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PostingsOf {
    All,
    /// An account's name.
    Account(String),
    /// A posting key's text.
    FactId(String),
    /// A balance transaction.
    Txn(String),
}

/// Postings, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostingsAsked {
    pub of: PostingsOf,
    /// Exclusive.
    pub before: i64,
    pub limit: i64,
}

/// Months, both included; `None` where there is no end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MonthsAsked {
    pub from: Option<Month>,
    pub to: Option<Month>,
}
