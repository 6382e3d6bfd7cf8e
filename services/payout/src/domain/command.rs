//! What can be told to a payout, and what it answers.

use ledger::{AttemptStep, Fact, LedgerError, StripeId};
use money::Amount;
use time::OffsetDateTime;

use super::action::Doubt;
use super::{Payout, State};

/// What happened, or is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// The books hold the money and the limits allow it.
    RecordReserved,
    /// An order is about to be committed.
    BeginAttempt { step: AttemptStep, attempt: u32 },
    /// The books say that the hold is gone: nothing was sent and nothing will be.
    RecordHoldLost,
    /// Stripe made the transfer.
    RecordSent {
        attempt: u32,
        transfer_id: String,
        txn: StripeId,
    },
    /// A definite no: nothing has happened under the attempt's key.
    RecordRefused {
        step: AttemptStep,
        attempt: u32,
        code: String,
    },
    /// No answer, or one that proves nothing.
    RecordUnknown {
        step: AttemptStep,
        attempt: u32,
        doubt: Doubt,
    },
    /// Stripe took the order for the bank.
    RecordBankSubmitted {
        attempt: u32,
        bank_payout_id: String,
        arrival: OffsetDateTime,
    },
    /// The bank has it.
    RecordBankPaid { bank_payout_id: String },
    /// The bank does not take it, or sends it back.
    RecordBankFailed {
        bank_payout_id: String,
        code: String,
    },
    /// It is not to be sent; `replacement` is to be planned instead.
    Cancel {
        reason: String,
        replacement: Option<Amount>,
    },
}

impl Command {
    /// The command's name in transitions.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::RecordReserved => "record_reserved",
            Self::BeginAttempt { .. } => "begin_attempt",
            Self::RecordHoldLost => "record_hold_lost",
            Self::RecordSent { .. } => "record_sent",
            Self::RecordRefused { .. } => "record_refused",
            Self::RecordUnknown { .. } => "record_unknown",
            Self::RecordBankSubmitted { .. } => "record_bank_submitted",
            Self::RecordBankPaid { .. } => "record_bank_paid",
            Self::RecordBankFailed { .. } => "record_bank_failed",
            Self::Cancel { .. } => "cancel",
        }
    }

    /// Whether Stripe says that money moved.
    #[must_use]
    pub const fn tells_of_money(&self) -> bool {
        match self {
            Self::RecordSent { .. }
            | Self::RecordBankSubmitted { .. }
            | Self::RecordBankPaid { .. }
            | Self::RecordBankFailed { .. } => true,
            Self::RecordReserved
            | Self::BeginAttempt { .. }
            | Self::RecordHoldLost
            | Self::RecordRefused { .. }
            | Self::RecordUnknown { .. }
            | Self::Cancel { .. } => false,
        }
    }
}

/// Why not, most telling first.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Money moved twice, or elsewhere. Pages.
    #[error("Stripe has another object for this step: {known}, not {told}")]
    AnotherObject { known: String, told: String },
    /// The attempt was over in our books, and Stripe says otherwise. Pages.
    #[error("attempt {attempt} has ended")]
    AttemptEnded { attempt: u32 },
    #[error("an order may have left already")]
    AlreadySending,
    #[error("not before {until}")]
    TooEarly { until: OffsetDateTime },
    #[error("the payout has ended as {}", .state.as_str())]
    Ended { state: State },
    #[error("nothing of the kind is under way in state {} at step {step}", .state.as_str())]
    NotUnderWay { state: State, step: AttemptStep },
    /// The ledger knows no such fact: our bug.
    #[error(transparent)]
    NoFact(#[from] LedgerError),
}

impl Rejection {
    /// The stable word.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::AnotherObject { .. } => "ANOTHER_OBJECT",
            Self::AttemptEnded { .. } => "ATTEMPT_ENDED",
            Self::AlreadySending => "ALREADY_SENDING",
            Self::TooEarly { .. } => "TOO_EARLY",
            Self::Ended { .. } => "ENDED",
            Self::NotUnderWay { .. } => "NOT_UNDER_WAY",
            Self::NoFact(_) => "NO_FACT",
        }
    }
}

/// What becomes of the attempt's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    None,
    Begun,
    Doubted(Doubt),
    Submitted { object_id: String },
    Settled { object_id: String },
    Refused { code: String },
}

/// A move: the payout after it, and what must be written and announced with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    pub payout: Payout,
    pub change: Change,
    /// For the books.
    pub facts: Vec<Fact>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Moved(Box<Decision>),
    /// This very thing has happened already.
    AlreadyThere,
}
