//! One payout, from planned to paid or ended.

use std::fmt;

use ledger::{AttemptStep, CreatorId, Month, PayoutId};
use money::Amount;
use time::OffsetDateTime;

use super::plan::{payout_id, requested_id};
use super::word::words;

words! {
    /// Where a payout stands. With [`Payout::step`] it says what happens next.
    State {
        Planned => "planned",
        /// Money is held in the books, and its share of the limits is reserved.
        Reserved => "reserved",
        PendingApproval => "pending_approval",
        /// An order to Stripe is committed and may have left.
        Sending => "sending",
        /// The step is done: the transfer is made, or the bank has the order.
        Sent => "sent",
        /// The bank has the money.
        Paid => "paid",
        /// An order left and nobody knows what became of it. Never the same as failed.
        Unknown => "unknown",
        RetryWait => "retry_wait",
        /// The bank does not take it: the transfer is being taken back.
        Reversing => "reversing",
        /// The bank sent the money back after it was paid: it lies in the connected account.
        Returned => "returned",
        Canceled => "canceled",
        Failed => "failed",
        Rejected => "rejected",
    }
}

words! {
    /// A step of a payout by way of a connected account, in the order in which they are taken.
    Step {
        /// From the platform to the connected account.
        Transfer => "transfer",
        /// From the connected account to the bank.
        Bank => "bank",
        /// Back from the connected account to the platform.
        Reversal => "reversal",
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Step {
    /// The step as the books know it; they learn of a reversal by itself.
    #[must_use]
    pub const fn in_the_books(self) -> Option<AttemptStep> {
        match self {
            Self::Transfer => Some(AttemptStep::Transfer),
            Self::Bank => Some(AttemptStep::Bank),
            Self::Reversal => None,
        }
    }
}

words! {
    /// What others must still be told after the end. Repeated until they have heard it.
    Errand {
        None => "none",
        /// The limits: it went out.
        Confirm => "confirm",
        /// The limits and the books: it will not go out.
        GiveBack => "give_back",
        /// The limits: it came back. The books know from what was announced.
        Release => "release",
    }
}

/// A payout as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payout {
    pub payout_id: PayoutId,
    /// The month whose close planned it; none when the creator asked for it.
    pub month: Option<Month>,
    pub creator_id: CreatorId,
    /// Counts the payouts of one creator in one run, from 1.
    pub sequence: i32,
    pub amount: Amount,
    /// The connected account that it goes to.
    pub account_id: String,
    pub state: State,
    pub step: Step,
    /// Attempts of this step that have ended, hence the number of the one that is next or open.
    pub attempt: u32,
    /// Refusals that were or will be tried again, over all steps.
    pub retry_count: u32,
    pub next_retry_at: Option<OffsetDateTime>,
    /// A sentence for the creator.
    pub reason: String,
    /// Stripe's code of the last refusal.
    pub failure_code: String,
    pub transfer_id: Option<String>,
    /// The newest bank payout; a later attempt makes another.
    pub bank_payout_id: Option<String>,
    /// What came back of the transfer, and by which reversals.
    pub reversed: Amount,
    pub reversals: Vec<String>,
    pub expected_arrival_at: Option<OffsetDateTime>,
    pub paid_at: Option<OffsetDateTime>,
    pub created_at: OffsetDateTime,
    /// Grows with each move and numbers its announcement.
    pub version: i64,
    pub errand: Errand,
    /// The amount to plan instead, once this payout has given its hold back.
    pub replacement: Option<Amount>,
    /// Business time from which a worker acts; none while the payout waits for facts.
    pub due_at: Option<OffsetDateTime>,
}

/// What makes a payout of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPayout {
    pub month: Month,
    pub creator_id: CreatorId,
    pub sequence: i32,
    pub amount: Amount,
    pub account_id: String,
}

/// What makes a payout that its creator asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub creator_id: CreatorId,
    /// Same creator and key, same payout.
    pub key: String,
    pub amount: Amount,
    pub account_id: String,
}

impl Payout {
    /// A payout as a run plans it, due at once.
    #[must_use]
    pub fn planned(new: NewPayout, now: OffsetDateTime) -> Self {
        let NewPayout {
            month,
            creator_id,
            sequence,
            amount,
            account_id,
        } = new;
        Self {
            month: Some(month),
            sequence,
            reason: format!("planned with the close of {month}"),
            ..Self::new(
                payout_id(month, &creator_id, sequence),
                creator_id,
                amount,
                account_id,
                now,
            )
        }
    }

    /// A payout as a creator asks for it, due at once.
    #[must_use]
    pub fn requested(asked: Asked, now: OffsetDateTime) -> Self {
        let Asked {
            creator_id,
            key,
            amount,
            account_id,
        } = asked;
        let payout_id = requested_id(&creator_id, &key);
        Self::new(payout_id, creator_id, amount, account_id, now)
    }

    fn new(
        payout_id: PayoutId,
        creator_id: CreatorId,
        amount: Amount,
        account_id: String,
        now: OffsetDateTime,
    ) -> Self {
        Self {
            payout_id,
            month: None,
            creator_id,
            sequence: 1,
            amount,
            account_id,
            state: State::Planned,
            step: Step::Transfer,
            attempt: 0,
            retry_count: 0,
            next_retry_at: None,
            reason: "asked for".to_owned(),
            failure_code: String::new(),
            transfer_id: None,
            bank_payout_id: None,
            reversed: Amount::zero(amount.asset()),
            reversals: Vec::new(),
            expected_arrival_at: None,
            paid_at: None,
            created_at: now,
            version: 1,
            errand: Errand::None,
            replacement: None,
            due_at: Some(now),
        }
    }

    /// The payout to plan instead of one that was too large; only runs plan instead. `sequence` is
    /// the next that is free: the run may have planned others since.
    #[must_use]
    pub fn successor(&self, sequence: i32, now: OffsetDateTime) -> Option<Self> {
        let new = NewPayout {
            month: self.month?,
            creator_id: self.creator_id.clone(),
            sequence,
            amount: self.replacement?,
            account_id: self.account_id.clone(),
        };
        Some(Self::planned(new, now))
    }

    /// What did not come back: what the bank gets, or a reversal takes.
    #[must_use]
    pub fn left(&self) -> Amount {
        let none = Amount::zero(self.amount.asset());
        self.amount.checked_sub(self.reversed).unwrap_or(none)
    }

    /// Whether the order of the current attempt is written, so that it may have left.
    #[must_use]
    pub const fn has_begun(&self) -> bool {
        match self.state {
            State::Sending | State::Sent | State::Unknown | State::Paid => true,
            // Until its order is written, a reversal waits for its hour.
            State::Reversing => self.next_retry_at.is_none(),
            State::Planned
            | State::Reserved
            | State::PendingApproval
            | State::RetryWait
            | State::Returned
            | State::Canceled
            | State::Failed
            | State::Rejected => false,
        }
    }

    #[must_use]
    pub const fn has_ended(&self) -> bool {
        match self.state {
            State::Paid | State::Canceled | State::Failed | State::Rejected => true,
            State::Planned
            | State::Reserved
            | State::PendingApproval
            | State::Sending
            | State::Sent
            | State::Unknown
            | State::RetryWait
            | State::Reversing
            | State::Returned => false,
        }
    }

    /// Whether the bank has an order of ours and has not said what becomes of it.
    #[must_use]
    pub fn is_at_the_bank(&self) -> bool {
        let open = [State::Sending, State::Unknown, State::Sent].contains(&self.state);
        open && self.step == Step::Bank
    }
}
