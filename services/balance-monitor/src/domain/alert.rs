//! What a person should look at.

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Invariant 3a does not hold: what is owed is more than what is there.
    ObligationsUncovered,
    /// Stripe and the books disagree about the payments balance.
    BalanceDiffers,
    /// A sealed month's totals differ from what was posted. Its subject is the month.
    BooksUnbalanced,
    /// A balance transaction that stands in suspense: nobody knows what it was for.
    TransactionUnexplained,
    /// A balance transaction that the books cannot hold, so they differ by it.
    TransactionUnpostable,
}

/// How urgent it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    Warning,
    Critical,
}

/// An alert before it has an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub kind: Kind,
    /// What it is about, among alerts of its kind; empty when there is only one such thing.
    pub subject: String,
    pub detail: String,
    /// Figures for programs, in minor units.
    pub figures: Vec<(&'static str, i64)>,
}

/// What a check says of one kind of alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is so: raise it, or bring its figures up to date.
    Wrong(Finding),
    /// It is not so: resolve it if it was.
    Right,
    /// Cannot be told yet: leave things as they are.
    Open,
}

impl Kind {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ObligationsUncovered => "obligations_uncovered",
            Self::BalanceDiffers => "balance_differs",
            Self::BooksUnbalanced => "books_unbalanced",
            Self::TransactionUnexplained => "transaction_unexplained",
            Self::TransactionUnpostable => "transaction_unpostable",
        }
    }

    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::ObligationsUncovered => "Obligations are not covered",
            Self::BalanceDiffers => "Stripe's balance differs from the books",
            Self::BooksUnbalanced => "A month cannot be closed",
            Self::TransactionUnexplained => "An unexplained balance transaction",
            Self::TransactionUnpostable => "A balance transaction cannot be posted",
        }
    }

    #[must_use]
    pub const fn severity(self) -> Severity {
        match self {
            Self::ObligationsUncovered | Self::BooksUnbalanced | Self::TransactionUnpostable => {
                Severity::Critical
            }
            Self::BalanceDiffers | Self::TransactionUnexplained => Severity::Warning,
        }
    }
}

impl Severity {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}
