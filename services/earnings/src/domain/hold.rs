//! Holds: who wins when a payout's hold is committed and released at once, and what each
//! end posts.

use kit::Rejection;
use ledger::{
    AttemptRefused, CreatorId, Fact, HoldCommitted, HoldPart, HoldPlaced, HoldReleased,
    LedgerError, Month, PayoutId, Program, plan_return,
};
use money::Amount;

/// Every payout has one hold, so its postings are the first of their kind.
const FIRST: u32 = 1;

/// Where a hold's money is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HoldState {
    /// In reserve, before the first attempt or after one that was refused.
    Held,
    /// Sent, or about to be.
    Committed,
    /// Given back.
    Released,
    /// Taken by a freeze before it was committed.
    Broken,
}

impl HoldState {
    pub const ALL: [Self; 4] = [Self::Held, Self::Committed, Self::Released, Self::Broken];

    /// As the column and messages say it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Committed => "committed",
            Self::Released => "released",
            Self::Broken => "broken",
        }
    }
}

/// One payout's hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    pub payout: PayoutId,
    pub creator: CreatorId,
    pub amount: Amount,
    pub state: HoldState,
    /// The last attempt that was committed.
    pub attempt: Option<u32>,
    /// Oldest month first.
    pub parts: Vec<HoldPart>,
    /// Of the amount: what came back by reversed transfers.
    pub returned: Amount,
}

/// What follows from a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// To be posted, in order, with the hold's new state.
    Moved(Vec<Fact>),
    /// This very thing happened before.
    AlreadyThere,
}

/// Why a command is refused.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    #[error("{0}")]
    Rejected(Rejection),
    /// An earlier attempt's refusal has not arrived: the same command may pass later.
    #[error("attempt {attempt} of {payout} is not known to have been refused")]
    TooEarly { payout: PayoutId, attempt: u32 },
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl Hold {
    /// The posting that places it.
    pub fn placed(&self) -> Result<Fact, LedgerError> {
        let (payout, creator) = (self.payout.clone(), self.creator.clone());
        Fact::try_new(HoldPlaced {
            payout,
            creator,
            n: FIRST,
            parts: self.parts.clone(),
        })
    }

    /// The point of no return for one attempt. Of a commit and a release that race, the second
    /// under the hold's lock finds here that it has lost.
    pub fn commit(&mut self, attempt: u32) -> Result<Decision, Refused> {
        let is_over = self.attempt.is_some_and(|last| attempt < last);
        let is_last = self.attempt == Some(attempt);
        match self.state {
            HoldState::Committed if is_last => return Ok(Decision::AlreadyThere),
            // "Already" would say go: whoever asks so late must not send any more.
            HoldState::Held | HoldState::Committed if is_over || is_last => {
                return Err(self.rejected("HOLD_ATTEMPT_ENDED"));
            }
            HoldState::Held => {}
            HoldState::Committed => {
                let (payout, attempt) = (self.payout.clone(), self.attempt.unwrap_or_default());
                return Err(Refused::TooEarly { payout, attempt });
            }
            HoldState::Released => return Err(self.rejected("HOLD_RELEASED")),
            HoldState::Broken => return Err(self.rejected("HOLD_BROKEN")),
        }
        let (payout, creator) = (self.payout.clone(), self.creator.clone());
        let amount = self.amount;
        let fact = Fact::try_new(HoldCommitted {
            payout,
            creator,
            n: attempt,
            amount,
        })?;
        (self.state, self.attempt) = (HoldState::Committed, Some(attempt));
        Ok(Decision::Moved(vec![fact]))
    }

    /// Gives the money back to its months.
    pub fn release(&mut self) -> Result<Decision, Refused> {
        match self.state {
            HoldState::Held => {}
            HoldState::Released => return Ok(Decision::AlreadyThere),
            HoldState::Committed => return Err(self.rejected("HOLD_COMMITTED")),
            HoldState::Broken => return Err(self.rejected("HOLD_BROKEN")),
        }
        let fact = self.released()?;
        self.state = HoldState::Released;
        Ok(Decision::Moved(vec![fact]))
    }

    /// An attempt was refused: its money is in reserve again, and if it was the last attempt,
    /// back in its months. Errors: a sentence, when the refusal fits nothing that was committed.
    pub fn refuse(&mut self, refused: &AttemptRefused) -> Result<Decision, String> {
        let attempt = refused.attempt;
        match self.attempt {
            Some(last) if attempt == last && self.state == HoldState::Committed => {}
            // A later commit, a release, or being held again: each came after this refusal.
            Some(last) if attempt <= last => return Ok(Decision::AlreadyThere),
            Some(_) | None => {
                return Err(format!(
                    "attempt {attempt} of {} was not committed",
                    self.payout
                ));
            }
        }
        if (refused.amount, &refused.creator) != (self.amount, &self.creator) {
            let Self {
                payout,
                creator,
                amount,
                ..
            } = self;
            return Err(format!("the hold of {payout} is {amount} of {creator}"));
        }
        if !self.returned.is_zero() {
            return Err(format!(
                "{} of {} came back by a reversal: its transfer was not refused",
                self.returned, self.payout
            ));
        }
        let given_back = Fact::try_new(refused.clone()).map_err(|error| error.to_string())?;
        let mut facts = vec![given_back];
        self.state = HoldState::Held;
        if refused.is_final {
            facts.push(self.released().map_err(|error| error.to_string())?);
            self.state = HoldState::Released;
        }
        Ok(Decision::Moved(facts))
    }

    /// The months that money of a reversed transfer goes back to. Errors: a sentence, when it fits
    /// nothing that was sent, or is more than was.
    pub fn come_back(&self, creator: &CreatorId, amount: Amount) -> Result<Vec<HoldPart>, String> {
        let (payout, state) = (&self.payout, self.state.as_str());
        if *creator != self.creator {
            return Err(format!("the hold of {payout} is of {}", self.creator));
        }
        match self.state {
            HoldState::Committed => {}
            HoldState::Held | HoldState::Released | HoldState::Broken => {
                return Err(format!(
                    "the hold of {payout} is {state}: nothing of it was sent"
                ));
            }
        }
        plan_return(&self.parts, self.returned, amount).map_err(|error| error.to_string())
    }

    fn released(&self) -> Result<Fact, LedgerError> {
        let (payout, creator) = (self.payout.clone(), self.creator.clone());
        Fact::try_new(HoldReleased {
            payout,
            creator,
            n: FIRST,
            parts: self.parts.clone(),
        })
    }

    fn rejected(&self, code: &'static str) -> Refused {
        let Self { payout, state, .. } = self;
        let message = format!("the hold of {payout} is {}", state.as_str());
        Refused::Rejected(Rejection::new(code, message))
    }
}

/// What a creator has payable, by program and month.
pub type Payable = Vec<(Program, Month, Amount)>;

/// A creator's figures as of the hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Income {
    pub lifetime_net_minor: i64,
    pub income_30d_minor: i64,
    /// Holds whose money was sent, or is about to be.
    pub committed_count: i64,
}

/// What fraud-limits needs to know of a creator, as of the hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Snapshot {
    pub lifetime_net_minor: i64,
    pub first_payout: bool,
    pub income_30d_minor: i64,
}

impl Hold {
    /// A payout is the first when no other was committed.
    pub fn snapshot(&self, income: Income) -> Snapshot {
        let own = i64::from(self.state == HoldState::Committed);
        Snapshot {
            lifetime_net_minor: income.lifetime_net_minor,
            first_payout: income.committed_count <= own,
            income_30d_minor: income.income_30d_minor,
        }
    }
}
