//! What can be told to a payout, and what it answers.

use ledger::{Fact, LedgerError, StripeId};
use money::Amount;
use time::OffsetDateTime;

use super::action::Doubt;
use super::{Payout, State, Step};

/// What happened, or is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// The books hold the money and the limits allow it.
    RecordReserved,
    /// An order is about to be committed.
    BeginAttempt { step: Step, attempt: u32 },
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
        step: Step,
        attempt: u32,
        code: String,
    },
    /// No answer, or one that proves nothing.
    RecordUnknown {
        step: Step,
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
    RecordBankPaid {
        attempt: u32,
        bank_payout_id: String,
    },
    /// The bank does not take it, or sends it back.
    RecordBankFailed {
        attempt: u32,
        bank_payout_id: String,
        code: String,
    },
    /// All or part of the transfer has come back, by our order or somebody else's.
    RecordReversed(Reversal),
    /// What was in the way is gone: what waits to be tried again need not wait.
    RetryNow,
    /// It is not to be sent; `replacement` is to be planned instead.
    Cancel {
        reason: String,
        /// The refusal's stable code; empty when there is none.
        code: String,
        replacement: Option<Amount>,
    },
}

/// What came back of a transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reversal {
    pub reversal: StripeId,
    /// The platform's balance transaction that is its evidence.
    pub txn: StripeId,
    pub amount: Amount,
    /// The attempt that ordered it; none when the order was not ours.
    pub attempt: Option<u32>,
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
            Self::RecordReversed(_) => "record_reversed",
            Self::RetryNow => "retry_now",
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
            | Self::RecordBankFailed { .. }
            | Self::RecordReversed(_) => true,
            Self::RecordReserved
            | Self::BeginAttempt { .. }
            | Self::RecordHoldLost
            | Self::RecordRefused { .. }
            | Self::RecordUnknown { .. }
            | Self::RetryNow
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
    /// More came back than was sent. Pages.
    #[error("{told} came back of a transfer of which {left} was left")]
    TooMuchReversed { left: Amount, told: Amount },
    #[error("an order may have left already")]
    AlreadySending,
    #[error("not before {until}")]
    TooEarly { until: OffsetDateTime },
    #[error("the payout has ended as {}", .state.as_str())]
    Ended { state: State },
    #[error("nothing of the kind is under way in state {} at step {step}", .state.as_str())]
    NotUnderWay { state: State, step: Step },
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
            Self::TooMuchReversed { .. } => "TOO_MUCH_REVERSED",
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
    Submitted {
        object_id: String,
    },
    Settled {
        object_id: String,
    },
    Refused {
        code: String,
    },
    /// It had settled, and the bank sent it back.
    Returned {
        code: String,
    },
}

/// What the books must be told of a reversal. They alone know the months that it goes back to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comeback {
    pub reversal: StripeId,
    pub txn: StripeId,
    pub amount: Amount,
    /// Whether the bank has the payout: then it was other money of the connected account.
    pub after_paid: bool,
}

/// A move: the payout after it, and what must be written and announced with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    pub payout: Payout,
    pub change: Change,
    /// For the books.
    pub facts: Vec<Fact>,
    pub comeback: Option<Comeback>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Moved(Box<Decision>),
    /// This very thing has happened already.
    AlreadyThere,
}
