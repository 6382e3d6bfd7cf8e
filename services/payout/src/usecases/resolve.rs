//! Leaving `unknown`: by the same order again, or by looking, never by assuming.

use kit::Error;
use ledger::AttemptStep;
use time::{Duration, OffsetDateTime};

use super::Usecases;
use super::saga::Progress;
use crate::domain::{Command, Doubt, LOST, Payout, Remedy, remedy};
use crate::orders::{
    PAYOUT_ID, attempt_of, error_of, is_bank_payout_of, is_transfer_of, made_bank_payout,
    made_transfer,
};
use crate::store::Attempt;

/// What a look-up found.
enum Look {
    Found(Command),
    Absent,
    /// Something that was not asked for, or more than one.
    Odd,
}

impl Usecases {
    pub(super) async fn resolve(
        &self,
        payout: &Payout,
        now: OffsetDateTime,
    ) -> Result<Progress, Error> {
        let attempt = self.store.get_attempt(payout).await?;
        match remedy(attempt.doubt, attempt.first_sent_at, now) {
            Remedy::SendAgain => self.send_again(payout, &attempt).await,
            Remedy::LookUp { absent_from } => {
                self.look_up(payout, &attempt, Some(absent_from), now).await
            }
            Remedy::LookOnly => self.look_up(payout, &attempt, None, now).await,
        }
    }

    async fn send_again(&self, payout: &Payout, attempt: &Attempt) -> Result<Progress, Error> {
        let payout_id = payout.payout_id.as_str();
        match self.order(payout, attempt).await? {
            None => Ok(Progress::Stumbled),
            Some(Command::RecordUnknown {
                step,
                attempt,
                doubt,
            }) => {
                self.store
                    .doubt_attempt(payout_id, step, attempt, doubt)
                    .await?;
                Ok(if doubt == Doubt::Open {
                    Progress::Stumbled
                } else {
                    Progress::Moved
                })
            }
            Some(command) => {
                self.tell(payout_id, &command, "").await?;
                Ok(Progress::Moved)
            }
        }
    }

    /// Only an absence that is proven, and so late that the key is dead, permits another order.
    async fn look_up(
        &self,
        payout: &Payout,
        attempt: &Attempt,
        absent_from: Option<OffsetDateTime>,
        now: OffsetDateTime,
    ) -> Result<Progress, Error> {
        let payout_id = payout.payout_id.as_str();
        let (step, number) = (payout.step, payout.attempt);
        let again_at = match self.look(payout, attempt).await? {
            Look::Found(Command::RecordUnknown { .. }) => return Ok(Progress::Stumbled),
            Look::Found(command) => {
                self.tell(payout_id, &command, "").await?;
                return Ok(Progress::Moved);
            }
            Look::Absent if absent_from.is_some_and(|from| now >= from) => {
                tracing::warn!(payout.id = payout_id, %step, "an order never arrived");
                let refused = Command::RecordRefused {
                    step,
                    attempt: number,
                    code: LOST.into(),
                };
                self.tell(payout_id, &refused, "").await?;
                return Ok(Progress::Moved);
            }
            Look::Absent => absent_from,
            Look::Odd => {
                tracing::error!(payout.id = payout_id, %step, "Stripe has something else: \
                    nothing is sent until somebody has looked");
                None
            }
        };
        self.store.wait(payout_id, payout.version, again_at).await?;
        Ok(Progress::Moved)
    }

    async fn look(&self, payout: &Payout, attempt: &Attempt) -> Result<Look, Error> {
        match payout.step {
            AttemptStep::Transfer => self.look_for_transfer(payout).await,
            AttemptStep::Bank => self.look_for_bank_payout(payout, attempt).await,
        }
    }

    async fn look_for_transfer(&self, payout: &Payout) -> Result<Look, Error> {
        let (group, destination) = (payout.payout_id.as_str(), &payout.account_id);
        let found = self
            .stripe
            .find_transfers(group, destination)
            .await
            .map_err(error_of)?;
        Ok(match found.as_slice() {
            [] => Look::Absent,
            [made] if is_transfer_of(payout, made) => {
                Look::Found(made_transfer(payout.attempt, made))
            }
            [..] => Look::Odd,
        })
    }

    async fn look_for_bank_payout(
        &self,
        payout: &Payout,
        attempt: &Attempt,
    ) -> Result<Look, Error> {
        // Our clock and Stripe's need not agree to the minute.
        let since = attempt.first_sent_at.saturating_sub(Duration::DAY);
        let label = (PAYOUT_ID, payout.payout_id.as_str());
        let found = self
            .stripe
            .find_bank_payouts(&payout.account_id, since, label)
            .await;
        let mut found = found.map_err(error_of)?;
        found.retain(|made| attempt_of(&made.metadata) == Some(payout.attempt));
        Ok(match found.as_slice() {
            [] => Look::Absent,
            [made] if is_bank_payout_of(payout, made) => {
                Look::Found(made_bank_payout(payout.attempt, made))
            }
            [..] => Look::Odd,
        })
    }
}
