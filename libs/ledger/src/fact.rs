//! Facts: what happened, and the one posting that follows from it.
//!
//! A fact carries all that its posting needs, so the books never ask back, and facts commute:
//! in whatever order they come, the books end the same. A fact that would move nothing, or
//! whose parts contradict one another, cannot be made.

mod attempt;
mod attribution;
mod charge;
mod close;
mod comeback;
mod hold;
mod kind;
mod late;
mod observed;

use crate::encoding::{Line, digest64};
use crate::{Entry, LedgerError, Month, Posting, PostingKey, Program, StripeId};

pub use attempt::{AttemptRefused, AttemptSettled, AttemptStep};
pub use attribution::{AllocationChanged, FundingAttributed};
pub use charge::ChargeSettled;
pub use close::{CreatorClosed, SubscriberClosed, close_creator, close_subscriber};
pub use comeback::{AttemptReturned, TransferReversed};
pub use hold::{HoldCommitted, HoldPlaced, HoldReleased};
pub use kind::FactKind;
pub use late::LateEarning;
pub use observed::{BalanceTransactionKind, BalanceTransactionObserved};

/// The version that stands first in every encoded fact.
const VERSION: &str = "v1";

/// What one kind of fact knows of itself; each is a file of this folder.
trait Cause {
    fn kind(&self) -> FactKind;
    /// The text of the posting key.
    fn key(&self) -> String;
    /// The legs of the posting, or why there can be none.
    fn entries(&self) -> Result<Vec<Entry>, LedgerError>;
    /// The fields of the canonical text, in their fixed order.
    fn encode(&self, line: &mut Line);
    /// What the fact adds to a control total's sum.
    fn signed_minor(&self) -> i64;

    fn txn(&self) -> Option<&StripeId> {
        None
    }
    /// The program and month that the fact is stamped with, for good.
    fn stamp(&self) -> Option<(Program, Month)> {
        None
    }
    /// The program and month whose control totals count the fact.
    fn counted(&self) -> Option<(Program, Month)> {
        self.stamp()
    }
}

macro_rules! bodies {
    ($($body:ident),* $(,)?) => {
        /// The data of a fact: plain until [`Fact::try_new`] has looked at it.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum FactBody { $($body($body),)* }

        impl FactBody {
            fn cause(&self) -> &dyn Cause {
                match self { $(Self::$body(body) => body,)* }
            }
        }

        $(impl From<$body> for FactBody {
            fn from(body: $body) -> Self {
                Self::$body(body)
            }
        })*
    };
}

bodies![
    ChargeSettled,
    FundingAttributed,
    AllocationChanged,
    AttemptSettled,
    AttemptRefused,
    AttemptReturned,
    TransferReversed,
    BalanceTransactionObserved,
    HoldPlaced,
    HoldReleased,
    HoldCommitted,
    CreatorClosed,
    SubscriberClosed,
    LateEarning,
];

/// Something that happened, checked, with its posting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    body: FactBody,
    posting: Posting,
}

impl Fact {
    /// Checks a fact by making its posting.
    ///
    /// Errors: `ProgramWithoutPools`, `AssetWrong`, `NothingMoves`, `PartAboveWhole`,
    /// `RefusedBankStep`, `EvidenceMissing`, `Money`.
    pub fn try_new(body: impl Into<FactBody>) -> Result<Self, LedgerError> {
        let body = body.into();
        let cause = body.cause();
        let key = PostingKey::new(cause.key());
        let posting = Posting::balanced(key, cause.entries()?, cause.txn().cloned())?;
        Ok(Self { body, posting })
    }

    pub const fn body(&self) -> &FactBody {
        &self.body
    }

    pub fn into_body(self) -> FactBody {
        self.body
    }

    pub fn kind(&self) -> FactKind {
        self.body.cause().kind()
    }

    /// The kind as messages, columns and digests name it: `charge_settled`.
    pub fn kind_str(&self) -> &'static str {
        self.kind().as_str()
    }

    /// The business key: the fact comes again under the same key, never under another.
    pub const fn key(&self) -> &PostingKey {
        self.posting.key()
    }

    pub const fn posting(&self) -> &Posting {
        &self.posting
    }

    pub fn into_posting(self) -> Posting {
        self.posting
    }

    /// One line of text: version, kind, and every field in a fixed order. Amounts are minor
    /// units, times whole seconds since 1970.
    pub fn canonical(&self) -> String {
        let cause = self.body.cause();
        let mut line = Line::new(VERSION, cause.kind().as_str());
        cause.encode(&mut line);
        line.into_text()
    }

    /// The first eight bytes of the SHA-256 of [`Fact::canonical`], most significant first.
    pub fn digest64(&self) -> u64 {
        digest64(&self.canonical())
    }

    /// What the fact adds to a control total's sum, in minor units.
    pub fn signed_minor(&self) -> i64 {
        self.body.cause().signed_minor()
    }

    /// The month that the fact is stamped with; only facts of attribution have one.
    pub fn month(&self) -> Option<Month> {
        self.body.cause().stamp().map(|(_, month)| month)
    }

    /// The program that the fact is stamped with; only facts of attribution have one.
    pub fn program(&self) -> Option<Program> {
        self.body.cause().stamp().map(|(program, _)| program)
    }

    /// The program and month whose control totals count this fact. A month's seal counts the
    /// stamped facts; billing's cut counts charges, by the program and month that they pay for.
    pub fn counted(&self) -> Option<(Program, Month)> {
        self.body.cause().counted()
    }
}

fn pooled(program: Program) -> Result<(), LedgerError> {
    if program.has_pools() {
        Ok(())
    } else {
        Err(LedgerError::ProgramWithoutPools { program })
    }
}

fn moving(kind: FactKind, amount: money::Amount) -> Result<money::Amount, LedgerError> {
    if amount.is_zero() {
        return Err(LedgerError::NothingMoves {
            kind: kind.as_str(),
        });
    }
    Ok(amount)
}
