//! The first step: the point of no return, and what Stripe says of transfers.

use kit::{Error, reason_of};
use time::OffsetDateTime;
use wire::earnings::v1::CommitHoldRequest;

use super::Usecases;
use super::resolve::Look;
use super::saga::Progress;
use crate::domain::{Command, Payout, Step};
use crate::orders::{PAYOUT_ID, attempt_of, error_of, is_transfer_of, made_transfer};
use crate::store::Reading;

impl Usecases {
    /// The hold is the referee: only whoever commits it sends.
    pub(super) async fn send_transfer(
        &self,
        payout: &Payout,
        now: OffsetDateTime,
    ) -> Result<Progress, Error> {
        let payout_id = payout.payout_id.as_str();
        let attempt = i32::try_from(payout.attempt).map_err(|e| Error::Bug(Box::new(e)))?;
        let request = CommitHoldRequest {
            payout_id: payout_id.to_owned(),
            attempt,
        };
        if let Err(status) = self.earnings.clone().commit_hold(request).await {
            return match reason_of(&status).map(|(code, _)| code).as_deref() {
                Some("HOLD_RELEASED" | "HOLD_BROKEN") => self.lose_hold(payout).await,
                // The books have not yet heard how the attempt before this one ended.
                Some("HOLD_COMMITTED") => Ok(Progress::Stumbled),
                Some(_) | None => Err(status.into()),
            };
        }
        if payout.attempt > 0
            && let Some(progress) = self.adopt_transfer(payout).await?
        {
            return Ok(progress);
        }
        self.send(payout, now).await
    }

    /// The hold is gone, so nothing more is sent. What an earlier attempt may have sent is not
    /// covered by it any more: then the payout cannot end as if nothing had been.
    async fn lose_hold(&self, payout: &Payout) -> Result<Progress, Error> {
        if payout.attempt > 0 && !matches!(self.look_for_transfer(payout).await?, Look::Absent) {
            return self.lay_aside(payout).await;
        }
        let payout_id = payout.payout_id.as_str();
        self.tell(payout_id, &Command::RecordHoldLost, "").await?;
        Ok(Progress::Moved)
    }

    /// An attempt that was refused to one sender may have been answered otherwise to another. Before
    /// it is tried again or given up, Stripe is asked, and what is there is taken for this
    /// attempt's.
    pub(super) async fn adopt_transfer(&self, payout: &Payout) -> Result<Option<Progress>, Error> {
        let payout_id = payout.payout_id.as_str();
        match self.look_for_transfer(payout).await? {
            Look::Absent | Look::OutOfReach => Ok(None),
            // Made and not booked yet: to be sent again under this attempt's key it would have to
            // be absent. It is looked at again.
            Look::Found(Command::RecordUnknown { .. }) => Ok(Some(Progress::Unanswered)),
            Look::Found(command) => {
                tracing::error!(
                    payout.id = payout_id,
                    "a transfer that was refused was made: it is not made again"
                );
                self.tell(payout_id, &command, "").await?;
                Ok(Some(Progress::Moved))
            }
            Look::Odd => Ok(Some(self.lay_aside(payout).await?)),
        }
    }

    pub(super) async fn look_for_transfer(&self, payout: &Payout) -> Result<Look, Error> {
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

    /// Reads a transfer that an event told of. It confirms what was sent, and may end a doubt.
    ///
    /// # Errors
    /// Stripe's or the database's.
    pub async fn read_transfer(&self, transfer_id: &str, event_id: &str) -> Result<(), Error> {
        if self
            .store
            .find_payout_by_object(transfer_id)
            .await?
            .is_some()
        {
            return Ok(());
        }
        let made = self.stripe.retrieve_transfer(transfer_id).await;
        self.believe_transfer(&made.map_err(error_of)?, event_id)
            .await
    }

    /// Reads a transfer that is said to have failed, or to have been taken back. That Stripe does
    /// not know it is what makes the first a refusal.
    ///
    /// # Errors
    /// Stripe's or the database's.
    pub async fn read_transfer_again(&self, reading: &Reading) -> Result<(), Error> {
        match self.stripe.retrieve_transfer(&reading.object_id).await {
            Ok(made) => self.believe_transfer(&made, &reading.event_id).await,
            Err(failure) if failure.is_not_found() => self.believe_failure(reading).await,
            Err(failure) => Err(error_of(failure)),
        }
    }

    async fn believe_transfer(&self, made: &stripe::Transfer, event_id: &str) -> Result<(), Error> {
        let label = made.metadata.get(PAYOUT_ID);
        let Some(payout) = self.payout_of(&made.id, label).await? else {
            tracing::warn!(
                object.id = made.id,
                "a transfer that is not ours was left alone"
            );
            return Ok(());
        };
        let payout_id = payout.payout_id.as_str();
        if !is_transfer_of(&payout, made) {
            tracing::error!(
                payout.id = payout_id,
                object.id = made.id,
                "a transfer is not what was asked for: somebody must look"
            );
            return Ok(());
        }
        if payout.transfer_id.is_none() {
            let attempt = attempt_of(&made.metadata).unwrap_or(payout.attempt);
            self.tell(payout_id, &made_transfer(attempt, made), event_id)
                .await?;
        }
        if made.amount_reversed_minor > payout.reversed.minor() {
            let payout = self.store.find_payout(payout_id).await?.unwrap_or(payout);
            self.read_reversals(&payout, event_id).await?;
        }
        Ok(())
    }

    async fn believe_failure(&self, reading: &Reading) -> Result<(), Error> {
        let told = &reading.told;
        let payout = self.store.find_payout(&told.payout_id).await?;
        let attempt = told.attempt.and_then(|attempt| u32::try_from(attempt).ok());
        let (Some(payout), Some(attempt)) = (payout, attempt) else {
            tracing::warn!(
                object.id = reading.object_id,
                "a failure of a transfer that is neither Stripe's nor ours was left alone"
            );
            return Ok(());
        };
        // Stripe does not know the object that the event names; the payout's own transfer may be
        // there all the same.
        let command = match self.look_for_transfer(&payout).await? {
            Look::Found(made) => made,
            Look::Absent | Look::OutOfReach => Command::RecordRefused {
                step: Step::Transfer,
                attempt,
                code: told.code.clone(),
            },
            Look::Odd => return self.lay_aside(&payout).await.map(drop),
        };
        self.tell(payout.payout_id.as_str(), &command, &reading.event_id)
            .await
    }

    /// The payout of an object, by its id or by the label that we gave it.
    pub(super) async fn payout_of(
        &self,
        object_id: &str,
        label: Option<&String>,
    ) -> Result<Option<Payout>, Error> {
        let known = self.store.find_payout_by_object(object_id).await?;
        match known.or_else(|| label.cloned()) {
            Some(payout_id) => Ok(self.store.find_payout(&payout_id).await?),
            None => Ok(None),
        }
    }
}
