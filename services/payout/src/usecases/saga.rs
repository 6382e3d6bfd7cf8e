//! The saga: from where a payout stands to where it has to wait.
//!
//! Nothing here remembers anything. Every step begins from the committed row, and every call is
//! idempotent by the payout's id or its attempt's key, so a process that dies anywhere is
//! continued by whoever takes the row next.

use kit::Error;
use time::OffsetDateTime;

use super::{Usecases, cause};
use crate::domain::{
    AccountStatus, Action, Command, Errand, NOT_VERIFIED, Payout, Step, next_action,
};
use crate::lease::kept;

/// What a step came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// Look at the row again.
    Moved,
    /// Somebody else must catch up first: the same again, after a short pause.
    Stumbled,
    /// Stripe has not answered: the same order again, after a longer pause each time.
    Unanswered,
}

impl Usecases {
    /// Takes a leased payout as far as it goes, and gives it back.
    pub async fn advance(&self, payout_id: &str) {
        let keep = || self.store.extend_lease(payout_id);
        let given_back = match kept(self.advance_until_rest(payout_id), keep).await {
            Ok(Progress::Moved) => self.store.end_lease(payout_id).await,
            Ok(Progress::Stumbled) => self.store.stumble(payout_id).await,
            Ok(Progress::Unanswered) => self.store.wait_for_stripe(payout_id).await,
            Err(error) => {
                tracing::warn!(
                    payout.id = payout_id,
                    error = cause(&error),
                    "payout stumbled"
                );
                self.store.stumble(payout_id).await
            }
        };
        if let Err(error) = given_back {
            // The lease runs out by itself.
            tracing::warn!(payout.id = payout_id, %error, "payout not given back");
        }
    }

    async fn advance_until_rest(&self, payout_id: &str) -> Result<Progress, Error> {
        while let Some(payout) = self.store.find_payout(payout_id).await? {
            let now = self.clock.now();
            if payout.due_at.is_none_or(|due| due > now) {
                break;
            }
            match self.step(&payout, now).await? {
                Progress::Moved => {}
                paused @ (Progress::Stumbled | Progress::Unanswered) => return Ok(paused),
            }
        }
        Ok(Progress::Moved)
    }

    async fn step(&self, payout: &Payout, now: OffsetDateTime) -> Result<Progress, Error> {
        match next_action(payout) {
            Action::Reserve => self.reserve(payout).await?,
            Action::Begin(Step::Reversal) => return self.begin_reversal(payout).await,
            Action::Begin(step) => self.begin_attempt(payout, step).await?,
            Action::Transfer => return self.send_transfer(payout, now).await,
            Action::PayBank => return self.pay_bank(payout, now).await,
            Action::Reverse => return self.send(payout, now).await,
            Action::Resolve => return self.resolve(payout, now).await,
            Action::ReadBank => self.read_overdue_bank(payout, now).await?,
            Action::Run(Errand::Confirm) => self.confirm(payout).await?,
            Action::Run(Errand::GiveBack) => self.give_back(payout, now).await?,
            Action::Run(Errand::Release) => self.release_limits(payout).await?,
            Action::Run(Errand::None) | Action::Rest => {
                self.store
                    .wait(payout.payout_id.as_str(), payout.version, None)
                    .await?;
            }
        }
        Ok(Progress::Moved)
    }

    /// Commits the order with its key. Until here a payout whose account has gone bad is stopped.
    async fn begin_attempt(&self, payout: &Payout, step: Step) -> Result<(), Error> {
        let first = step == Step::Transfer && payout.attempt == 0;
        if first && let Some(obstacle) = self.obstacle(payout).await? {
            let reason = format!("{NOT_VERIFIED}: {obstacle}");
            return self.cancel(payout, &reason, "ACCOUNT_NOT_VERIFIED").await;
        }
        self.begin_at(payout, step).await
    }

    /// What was taken back by others is counted first: a reversal takes what is left.
    async fn begin_reversal(&self, payout: &Payout) -> Result<Progress, Error> {
        if self.read_reversals(payout, "").await? {
            return Ok(Progress::Moved);
        }
        self.begin_at(payout, Step::Reversal).await?;
        Ok(Progress::Moved)
    }

    async fn begin_at(&self, payout: &Payout, step: Step) -> Result<(), Error> {
        let attempt = if step == payout.step {
            payout.attempt
        } else {
            0
        };
        let command = Command::BeginAttempt { step, attempt };
        self.tell(payout.payout_id.as_str(), &command, "").await
    }

    async fn obstacle(&self, payout: &Payout) -> Result<Option<String>, Error> {
        let account = self.store.find_account(payout.creator_id.as_str()).await?;
        let account = account.unwrap_or_default();
        if account.account_id.as_ref() != Some(&payout.account_id) {
            return Ok(Some(format!("it is {}", AccountStatus::None.as_str())));
        }
        Ok(account.obstacle())
    }
}
