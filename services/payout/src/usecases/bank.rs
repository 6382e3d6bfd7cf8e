//! What Stripe's objects say when they are read back, after an event or because one is overdue.

use kit::Error;
use stripe::{BankPayout, BankPayoutStatus};
use time::OffsetDateTime;

use super::Usecases;
use crate::domain::{Command, Payout, READ_AGAIN};
use crate::orders::{
    PAYOUT_ID, attempt_of, error_of, is_bank_payout_of, is_transfer_of, made_bank_payout,
    made_transfer,
};

impl Usecases {
    /// Reads a bank payout of a connected account and records where it stands. It is not
    /// believed from an event: events come late, twice and out of order.
    ///
    /// # Errors
    /// Stripe's or the database's.
    pub async fn read_bank_payout(
        &self,
        account_id: &str,
        bank_payout_id: &str,
        event_id: &str,
    ) -> Result<(), Error> {
        let made = self
            .stripe
            .retrieve_bank_payout(account_id, bank_payout_id)
            .await;
        let made = made.map_err(error_of)?;
        let Some(payout) = self
            .payout_of(&made.id, made.metadata.get(PAYOUT_ID))
            .await?
        else {
            tracing::warn!(
                account.id = account_id,
                object.id = bank_payout_id,
                automatic = made.automatic,
                "a bank payout that is not ours was left alone"
            );
            return Ok(());
        };
        if payout.account_id != account_id || !is_bank_payout_of(&payout, &made) {
            tracing::error!(
                payout.id = payout.payout_id.as_str(),
                object.id = bank_payout_id,
                "a bank payout is not what was asked for: somebody must look"
            );
            return Ok(());
        }
        self.believe_bank(&payout, &made, event_id).await
    }

    async fn believe_bank(
        &self,
        payout: &Payout,
        made: &BankPayout,
        event_id: &str,
    ) -> Result<(), Error> {
        let payout_id = payout.payout_id.as_str();
        let bank_payout_id = made.id.clone();
        if payout.bank_payout_id.is_none() {
            // The event was faster than the answer to our order, or the answer is lost.
            let attempt = attempt_of(&made.metadata).unwrap_or(payout.attempt);
            self.tell(payout_id, &made_bank_payout(attempt, made), event_id)
                .await?;
        }
        let command = match made.status {
            BankPayoutStatus::Paid => Command::RecordBankPaid { bank_payout_id },
            BankPayoutStatus::Failed | BankPayoutStatus::Canceled => {
                let code = made
                    .failure_code
                    .clone()
                    .unwrap_or_else(|| "canceled".to_owned());
                Command::RecordBankFailed {
                    bank_payout_id,
                    code,
                }
            }
            BankPayoutStatus::Pending
            | BankPayoutStatus::InTransit
            | BankPayoutStatus::Other(_) => return Ok(()),
        };
        self.tell(payout_id, &command, event_id).await
    }

    /// A bank that says nothing is asked, and asked again a day later.
    pub(super) async fn read_overdue_bank(
        &self,
        payout: &Payout,
        now: OffsetDateTime,
    ) -> Result<(), Error> {
        let bank_payout_id = payout.bank_payout_id.as_deref().unwrap_or_default();
        self.read_bank_payout(&payout.account_id, bank_payout_id, "")
            .await?;
        // Holds for this version alone: a payout that has just moved is left as it is.
        let again_at = Some(now.saturating_add(READ_AGAIN));
        Ok(self
            .store
            .wait(payout.payout_id.as_str(), payout.version, again_at)
            .await?)
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
        let made = self
            .stripe
            .retrieve_transfer(transfer_id)
            .await
            .map_err(error_of)?;
        let Some(payout) = self
            .payout_of(&made.id, made.metadata.get(PAYOUT_ID))
            .await?
        else {
            tracing::warn!(
                object.id = transfer_id,
                "a transfer that is not ours was left alone"
            );
            return Ok(());
        };
        if !is_transfer_of(&payout, &made) {
            tracing::error!(
                payout.id = payout.payout_id.as_str(),
                object.id = transfer_id,
                "a transfer is not what was asked for: somebody must look"
            );
            return Ok(());
        }
        let attempt = attempt_of(&made.metadata).unwrap_or(payout.attempt);
        self.tell(
            payout.payout_id.as_str(),
            &made_transfer(attempt, &made),
            event_id,
        )
        .await
    }

    /// The payout of an object, by its id or by the label that we gave it.
    async fn payout_of(
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
