//! The saga: from where a payout stands to where it has to wait.
//!
//! Nothing here remembers anything. Every step begins from the committed row, and every call is
//! idempotent by the payout's id or its attempt's key, so a process that dies anywhere is
//! continued by whoever takes the row next.

use kit::{Error, reason_of};
use ledger::AttemptStep;
use time::OffsetDateTime;
use wire::earnings::v1::{CommitHoldRequest, CreatorSnapshot, HoldRequest};
use wire::fraud_limits::v1::{ReserveRequest, ReserveResponse};

use super::{Usecases, cause};
use crate::domain::{
    AccountStatus, Action, Command, Doubt, Errand, NOT_VERIFIED, Payout, Remedy, next_action,
    remedy,
};
use crate::lease::kept;
use crate::orders::{Order, made_bank_payout, made_transfer, not_made};
use crate::store::Attempt;

/// What a step came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// Look at the row again.
    Moved,
    /// The same again, after a pause.
    Stumbled,
}

impl Usecases {
    /// Takes a leased payout as far as it goes, and gives it back.
    pub async fn advance(&self, payout_id: &str) {
        let keep = || self.store.extend_lease(payout_id);
        let given_back = match kept(self.advance_until_rest(payout_id), keep).await {
            Ok(Progress::Moved) => self.store.end_lease(payout_id).await,
            Ok(Progress::Stumbled) => self.store.stumble(payout_id).await,
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
            if self.step(&payout, now).await? == Progress::Stumbled {
                return Ok(Progress::Stumbled);
            }
        }
        Ok(Progress::Moved)
    }

    async fn step(&self, payout: &Payout, now: OffsetDateTime) -> Result<Progress, Error> {
        match next_action(payout) {
            Action::Reserve => self.reserve(payout).await?,
            Action::Begin(step) => self.begin_attempt(payout, step).await?,
            Action::Transfer => return self.send_transfer(payout, now).await,
            Action::PayBank => return self.send(payout, now).await,
            Action::Resolve => return self.resolve(payout, now).await,
            Action::ReadBank => self.read_overdue_bank(payout, now).await?,
            Action::Run(Errand::Confirm) => self.confirm(payout).await?,
            Action::Run(Errand::GiveBack) => self.give_back(payout, now).await?,
            Action::Run(Errand::None) | Action::Rest => {
                self.store
                    .wait(payout.payout_id.as_str(), payout.version, None)
                    .await?;
            }
        }
        Ok(Progress::Moved)
    }

    /// Holds the money, then asks the limits with what the hold tells of the creator.
    async fn reserve(&self, payout: &Payout) -> Result<(), Error> {
        let request = HoldRequest {
            payout_id: payout.payout_id.to_string(),
            creator_id: payout.creator_id.to_string(),
            amount_minor: payout.amount.minor(),
            currency: payout.amount.asset().code().to_owned(),
        };
        let held = match self.earnings.clone().hold(request).await {
            Ok(held) => held.into_inner(),
            Err(status) => match reason_of(&status) {
                Some((code, _)) if code == "INSUFFICIENT_BALANCE" => {
                    return self
                        .cancel(payout, "there is less to pay than was planned")
                        .await;
                }
                Some(_) | None => return Err(status.into()),
            },
        };
        if held.state != "held" {
            return Err(Error::bug(format!(
                "the hold of a planned payout is {}",
                held.state
            )));
        }
        let answer = self
            .ask_limits(payout, held.snapshot.unwrap_or_default())
            .await?;
        self.take_answer(payout, &answer).await
    }

    async fn ask_limits(
        &self,
        payout: &Payout,
        snapshot: CreatorSnapshot,
    ) -> Result<ReserveResponse, Error> {
        let request = ReserveRequest {
            payout_id: payout.payout_id.to_string(),
            creator_id: payout.creator_id.to_string(),
            amount_minor: payout.amount.minor(),
            currency: payout.amount.asset().code().to_owned(),
            scheduled: true,
            lifetime_net_minor: snapshot.lifetime_net_minor,
            first_payout: snapshot.first_payout,
        };
        Ok(self.limits.clone().reserve(request).await?.into_inner())
    }

    /// Scheduled payouts are capped where others are refused.
    async fn take_answer(&self, payout: &Payout, answer: &ReserveResponse) -> Result<(), Error> {
        let payout_id = payout.payout_id.as_str();
        if answer.requires_approval {
            return self
                .cancel(payout, "it needs an approval, which cannot be given yet")
                .await;
        }
        if answer.allowed {
            return self.tell(payout_id, &Command::RecordReserved, "").await;
        }
        let asset = payout.amount.asset();
        let allowed = money::Amount::try_new(answer.allowed_minor, asset).ok();
        let smaller =
            allowed.filter(|allowed| *allowed >= self.payout_min && *allowed < payout.amount);
        let Some(smaller) = smaller else {
            return self.cancel(payout, &answer.reason).await;
        };
        let reason = format!("{}: {smaller} is paid instead", answer.reason);
        let command = Command::Cancel {
            reason,
            replacement: Some(smaller),
        };
        self.tell(payout_id, &command, "").await
    }

    async fn cancel(&self, payout: &Payout, reason: &str) -> Result<(), Error> {
        let command = Command::Cancel {
            reason: reason.to_owned(),
            replacement: None,
        };
        self.tell(payout.payout_id.as_str(), &command, "").await
    }

    /// Commits the order with its key. Until here a payout whose account has gone bad is stopped.
    async fn begin_attempt(&self, payout: &Payout, step: AttemptStep) -> Result<(), Error> {
        let first = step == AttemptStep::Transfer && payout.attempt == 0;
        if first && let Some(obstacle) = self.obstacle(payout).await? {
            return self
                .cancel(payout, &format!("{NOT_VERIFIED}: {obstacle}"))
                .await;
        }
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

    /// The hold is the referee: only whoever commits it sends.
    async fn send_transfer(&self, payout: &Payout, now: OffsetDateTime) -> Result<Progress, Error> {
        let payout_id = payout.payout_id.as_str();
        let attempt = i32::try_from(payout.attempt).map_err(|e| Error::Bug(Box::new(e)))?;
        let request = CommitHoldRequest {
            payout_id: payout_id.to_owned(),
            attempt,
        };
        if let Err(status) = self.earnings.clone().commit_hold(request).await {
            return match reason_of(&status).map(|(code, _)| code).as_deref() {
                Some("HOLD_RELEASED" | "HOLD_BROKEN") => {
                    self.tell(payout_id, &Command::RecordHoldLost, "").await?;
                    Ok(Progress::Moved)
                }
                // The books have not yet heard how the attempt before this one ended.
                Some("HOLD_COMMITTED") => Ok(Progress::Stumbled),
                Some(_) | None => Err(status.into()),
            };
        }
        self.send(payout, now).await
    }

    /// Whoever wrote the order may have sent it and died. That is harmless while its key lives;
    /// afterwards Stripe would carry it out a second time, so it is looked for instead.
    async fn send(&self, payout: &Payout, now: OffsetDateTime) -> Result<Progress, Error> {
        let attempt = self.store.get_attempt(payout).await?;
        let command = match remedy(attempt.doubt, attempt.first_sent_at, now) {
            Remedy::SendAgain => self.order(payout, &attempt).await?,
            Remedy::LookUp { .. } | Remedy::LookOnly => Some(Command::RecordUnknown {
                step: payout.step,
                attempt: payout.attempt,
                doubt: Doubt::Open,
            }),
        };
        self.take_command(payout, command).await
    }

    async fn take_command(
        &self,
        payout: &Payout,
        command: Option<Command>,
    ) -> Result<Progress, Error> {
        let Some(command) = command else {
            return Ok(Progress::Stumbled);
        };
        self.tell(payout.payout_id.as_str(), &command, "").await?;
        // An answer that says nothing new about an unknown outcome is not asked for again at once.
        let open = matches!(command, Command::RecordUnknown { .. });
        Ok(if open {
            Progress::Stumbled
        } else {
            Progress::Moved
        })
    }

    // Called outside any transaction, with the key committed beside the payout. If we crash before
    // recording the answer, the next worker asks again and gets the same one.
    pub(super) async fn order(
        &self,
        payout: &Payout,
        attempt: &Attempt,
    ) -> Result<Option<Command>, Error> {
        match payout.step {
            AttemptStep::Transfer => self.order_transfer(payout, attempt).await,
            AttemptStep::Bank => self.order_bank_payout(payout, attempt).await,
        }
    }

    async fn order_transfer(
        &self,
        payout: &Payout,
        attempt: &Attempt,
    ) -> Result<Option<Command>, Error> {
        let order = Order::from_json(&attempt.body)?.transfer();
        Ok(
            match self
                .stripe
                .create_transfer(&order, &attempt.idempotency_key)
                .await
            {
                Ok(made) => Some(made_transfer(payout.attempt, &made)),
                Err(failure) => not_made(payout, &failure),
            },
        )
    }

    async fn order_bank_payout(
        &self,
        payout: &Payout,
        attempt: &Attempt,
    ) -> Result<Option<Command>, Error> {
        let order = Order::from_json(&attempt.body)?;
        let account_id = order.account_id.clone();
        let key = &attempt.idempotency_key;
        let answer = self
            .stripe
            .create_bank_payout(&account_id, &order.bank_payout(), key)
            .await;
        Ok(match answer {
            Ok(made) => Some(made_bank_payout(payout.attempt, &made)),
            Err(failure) => not_made(payout, &failure),
        })
    }
}
