//! One payout, from planned to paid or ended.

use ledger::{AttemptStep, CreatorId, Month, PayoutId};
use money::Amount;
use time::OffsetDateTime;

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
        /// The transfer is being taken back. Reached by nothing yet.
        Reversing => "reversing",
        /// The bank sent the money back after it was paid.
        Returned => "returned",
        Canceled => "canceled",
        Failed => "failed",
        Rejected => "rejected",
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
    }
}

/// A payout as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payout {
    pub payout_id: PayoutId,
    pub month: Month,
    pub creator_id: CreatorId,
    /// Counts the payouts of one creator in one run, from 1.
    pub sequence: i32,
    pub amount: Amount,
    /// The connected account that it goes to.
    pub account_id: String,
    pub state: State,
    pub step: AttemptStep,
    /// Attempts of this step that have ended, hence the number of the one that is next or open.
    pub attempt: u32,
    /// Refusals of this step that were or will be tried again.
    pub retry_count: u32,
    pub next_retry_at: Option<OffsetDateTime>,
    /// A sentence for the creator.
    pub reason: String,
    /// Stripe's code of the last refusal.
    pub failure_code: String,
    pub transfer_id: Option<String>,
    pub bank_payout_id: Option<String>,
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

/// What makes a new payout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPayout {
    pub month: Month,
    pub creator_id: CreatorId,
    pub sequence: i32,
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
            payout_id: super::payout_id(month, &creator_id, sequence),
            month,
            creator_id,
            sequence,
            amount,
            account_id,
            state: State::Planned,
            step: AttemptStep::Transfer,
            attempt: 0,
            retry_count: 0,
            next_retry_at: None,
            reason: format!("planned with the close of {month}"),
            failure_code: String::new(),
            transfer_id: None,
            bank_payout_id: None,
            expected_arrival_at: None,
            paid_at: None,
            created_at: now,
            version: 1,
            errand: Errand::None,
            replacement: None,
            due_at: Some(now),
        }
    }

    /// The payout to plan instead of one that was capped.
    #[must_use]
    pub fn successor(&self, now: OffsetDateTime) -> Option<Self> {
        let new = NewPayout {
            month: self.month,
            creator_id: self.creator_id.clone(),
            sequence: self.sequence.saturating_add(1),
            amount: self.replacement?,
            account_id: self.account_id.clone(),
        };
        Some(Self::planned(new, now))
    }
}
