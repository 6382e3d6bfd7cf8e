//! What Stripe says of bank payouts when they are read back, after an event or because one is
//! overdue.

use kit::Error;
use stripe::{BankPayout, BankPayoutStatus};
use time::{Duration, OffsetDateTime};

use super::resolve::Look;
use super::saga::Progress;
use super::{Usecases, cause};
use crate::domain::{Command, Payout, READ_AGAIN, Step};
use crate::orders::{Order, PAYOUT_ID, attempt_of, error_of, is_bank_payout_of, made_bank_payout};
use crate::store::Attempt;

impl Usecases {
    /// Orders the bank payout. One more is ordered only if none of those before it lives.
    pub(super) async fn pay_bank(
        &self,
        payout: &Payout,
        now: OffsetDateTime,
    ) -> Result<Progress, Error> {
        if payout.attempt > 0
            && let Some(progress) = self.adopt_bank_payout(payout).await?
        {
            return Ok(progress);
        }
        self.send(payout, now).await
    }

    /// An attempt that was refused to one sender may have been answered otherwise to another. What
    /// lives, of whichever attempt, is taken for this one's.
    pub(super) async fn adopt_bank_payout(
        &self,
        payout: &Payout,
    ) -> Result<Option<Progress>, Error> {
        let lives = |made: &BankPayout| match made.status {
            BankPayoutStatus::Failed | BankPayoutStatus::Canceled => false,
            BankPayoutStatus::Pending
            | BankPayoutStatus::InTransit
            | BankPayoutStatus::Paid
            | BankPayoutStatus::Other(_) => true,
        };
        let Some(mut found) = self.bank_payouts_of(payout, payout.created_at).await? else {
            return Ok(None);
        };
        found.retain(lives);
        let order = Order::from_json(&self.store.get_attempt(payout).await?.body)?;
        match found.as_slice() {
            [] => Ok(None),
            [made] if is_bank_payout_of(&order, made) => {
                tracing::error!(
                    payout.id = payout.payout_id.as_str(),
                    object.id = made.id,
                    "a bank payout was made that we did not hear of: it is not made again"
                );
                let command = made_bank_payout(payout.attempt, made);
                self.tell(payout.payout_id.as_str(), &command, "").await?;
                Ok(Some(Progress::Moved))
            }
            [..] => Ok(Some(self.lay_aside(payout).await?)),
        }
    }

    /// None when the account does not let us look.
    async fn bank_payouts_of(
        &self,
        payout: &Payout,
        since: OffsetDateTime,
    ) -> Result<Option<Vec<BankPayout>>, Error> {
        // Our clock and Stripe's need not agree to the minute.
        let since = since.saturating_sub(Duration::DAY);
        let label = (PAYOUT_ID, payout.payout_id.as_str());
        let found = self
            .stripe
            .find_bank_payouts(&payout.account_id, since, label)
            .await;
        match found {
            Ok(found) => Ok(Some(found)),
            Err(failure) if failure.is_account_out_of_reach() => {
                self.check_key(payout).await?;
                Ok(None)
            }
            Err(failure) => Err(error_of(failure)),
        }
    }

    /// A key of another platform's sees none of our accounts. It sees none of our transfers either:
    /// then nothing is known of the account.
    async fn check_key(&self, payout: &Payout) -> Result<(), Error> {
        let transfer_id = payout.transfer_id.as_deref().unwrap_or_default();
        let seen = self.stripe.retrieve_transfer(transfer_id).await;
        seen.map(drop).map_err(error_of)
    }

    pub(super) async fn look_for_bank_payout(
        &self,
        payout: &Payout,
        attempt: &Attempt,
    ) -> Result<Look, Error> {
        let Some(mut found) = self.bank_payouts_of(payout, attempt.first_sent_at).await? else {
            return Ok(Look::OutOfReach);
        };
        found.retain(|made| attempt_of(&made.metadata) == Some(payout.attempt));
        let order = Order::from_json(&attempt.body)?;
        Ok(match found.as_slice() {
            [] => Look::Absent,
            [made] if is_bank_payout_of(&order, made) => {
                Look::Found(made_bank_payout(payout.attempt, made))
            }
            [..] => Look::Odd,
        })
    }

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
        let label = made.metadata.get(PAYOUT_ID);
        let Some(payout) = self.payout_of(&made.id, label).await? else {
            tracing::warn!(
                account.id = account_id,
                object.id = bank_payout_id,
                automatic = made.automatic,
                "a bank payout that is not ours was left alone"
            );
            return Ok(());
        };
        let Some((number, attempt)) = self.attempt_for(&payout, account_id, &made).await? else {
            tracing::error!(
                payout.id = payout.payout_id.as_str(),
                object.id = bank_payout_id,
                "a bank payout is not what was asked for: somebody must look"
            );
            return Ok(());
        };
        self.believe_bank(&payout, number, &attempt, &made, event_id)
            .await
    }

    /// The attempt that a bank payout belongs to, if it is what that attempt ordered.
    async fn attempt_for(
        &self,
        payout: &Payout,
        account_id: &str,
        made: &BankPayout,
    ) -> Result<Option<(u32, Attempt)>, Error> {
        let known = self.store.attempt_of_object(&made.id).await?;
        let Some(number) = known.or_else(|| attempt_of(&made.metadata)) else {
            return Ok(None);
        };
        let attempt = self.store.find_attempt(payout, Step::Bank, number).await?;
        let Some(attempt) = attempt else {
            return Ok(None);
        };
        let order = Order::from_json(&attempt.body)?;
        let same = order.account_id == account_id && is_bank_payout_of(&order, made);
        Ok(same.then_some((number, attempt)))
    }

    async fn believe_bank(
        &self,
        payout: &Payout,
        number: u32,
        attempt: &Attempt,
        made: &BankPayout,
        event_id: &str,
    ) -> Result<(), Error> {
        let payout_id = payout.payout_id.as_str();
        if attempt.object_id.is_none() {
            // The event was faster than the answer to our order, or the answer is lost.
            self.tell(payout_id, &made_bank_payout(number, made), event_id)
                .await?;
        }
        match said_by_the_bank(number, made) {
            Some(command) => self.tell(payout_id, &command, event_id).await,
            None => Ok(()),
        }
    }

    /// A bank that says nothing is asked, and asked again a day later.
    pub(super) async fn read_overdue_bank(
        &self,
        payout: &Payout,
        now: OffsetDateTime,
    ) -> Result<(), Error> {
        let bank_payout_id = payout.bank_payout_id.as_deref().unwrap_or_default();
        let read = self.read_bank_payout(&payout.account_id, bank_payout_id, "");
        match read.await {
            Ok(()) => {}
            // The bank has the order, and nobody shows us what becomes of it.
            Err(error @ Error::Rejected(_)) => tracing::error!(
                payout.id = payout.payout_id.as_str(),
                error = cause(&error),
                "what the bank did cannot be read: somebody must look"
            ),
            Err(error) => return Err(error),
        }
        // Holds for this version alone: a payout that has just moved is left as it is.
        let again_at = Some(now.saturating_add(READ_AGAIN));
        Ok(self
            .store
            .wait(payout.payout_id.as_str(), payout.version, again_at)
            .await?)
    }
}

fn said_by_the_bank(attempt: u32, made: &BankPayout) -> Option<Command> {
    let bank_payout_id = made.id.clone();
    match made.status {
        BankPayoutStatus::Paid => Some(Command::RecordBankPaid {
            attempt,
            bank_payout_id,
        }),
        BankPayoutStatus::Failed | BankPayoutStatus::Canceled => {
            let code = made.failure_code.clone();
            Some(Command::RecordBankFailed {
                attempt,
                bank_payout_id,
                code: code.unwrap_or_else(|| "canceled".to_owned()),
            })
        }
        BankPayoutStatus::Pending | BankPayoutStatus::InTransit | BankPayoutStatus::Other(_) => {
            None
        }
    }
}
