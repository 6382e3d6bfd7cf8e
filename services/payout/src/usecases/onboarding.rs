//! Connected accounts: made once, filled in by the creator at Stripe, read back when Stripe says
//! that something changed.

use kit::Error;
use stripe::{AccountLink, AccountLinkOrder, AccountOrder};

use super::Usecases;
use super::creators::unknown;
use crate::announce;
use crate::domain::{Account, Command, NOT_ALLOWED};
use crate::orders::error_of;

/// Where a creator is sent back to.
#[derive(Debug, Clone)]
pub struct Addresses {
    pub return_url: String,
    pub refresh_url: String,
}

impl Usecases {
    /// Makes the connected account when there is none; answers its id and a fresh link.
    ///
    /// # Errors
    /// `NotFound` for a stranger, `Rejected` `STRIPE_REFUSED`, `Unavailable` when Stripe is away:
    /// the same call goes on from where this one stopped.
    pub async fn start_onboarding(
        &self,
        creator_id: &str,
        addresses: Addresses,
    ) -> Result<(String, AccountLink), Error> {
        self.intend_account(creator_id).await?;
        let account_id = self.ensure_account(creator_id).await?;
        let order = AccountLinkOrder {
            account: account_id.clone(),
            refresh_url: addresses.refresh_url,
            return_url: addresses.return_url,
        };
        let link = self
            .stripe
            .create_account_link(&order)
            .await
            .map_err(error_of)?;
        Ok((account_id, link))
    }

    /// The account as last read.
    ///
    /// # Errors
    /// `NotFound` for a stranger.
    pub async fn get_account(&self, creator_id: &str) -> Result<Account, Error> {
        self.get_creator(creator_id).await?;
        let found = self.store.find_account(creator_id).await?;
        let none = Account {
            creator_id: creator_id.to_owned(),
            ..Account::default()
        };
        Ok(found.unwrap_or(none))
    }

    /// Reads an account back and keeps what it says. Strangers' accounts are left alone.
    ///
    /// # Errors
    /// Stripe's or the database's.
    pub async fn refresh_account(&self, account_id: &str) -> Result<(), Error> {
        let Some(creator_id) = self.store.find_owner(account_id).await? else {
            tracing::info!(
                account.id = account_id,
                "an account that is nobody's was left alone"
            );
            return Ok(());
        };
        let seen = self
            .stripe
            .retrieve_account(account_id)
            .await
            .map_err(error_of)?;
        let account = self
            .save_account(&creator_id, |account| see(account, &seen))
            .await?;
        if !account.manual_payouts {
            self.take_over_bank_payouts(&creator_id, account_id).await?;
        }
        if account.payouts_enabled {
            self.retry_refused_accounts(account_id).await?;
        }
        Ok(())
    }

    /// Payouts that wait because the account was disabled need not wait any more.
    async fn retry_refused_accounts(&self, account_id: &str) -> Result<(), Error> {
        let waiting = self
            .store
            .waiting_for_account(account_id, NOT_ALLOWED)
            .await?;
        for payout_id in waiting {
            match self.tell(&payout_id, &Command::RetryNow, "").await {
                // It has moved on by itself.
                Ok(()) | Err(Error::Conflict(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn intend_account(&self, creator_id: &str) -> Result<(), Error> {
        let mut tx = self.store.begin().await?;
        let creator = self.store.lock_creator_in_tx(&mut tx, creator_id).await?;
        let creator = creator.ok_or_else(|| unknown(creator_id))?;
        self.store
            .intend_account_in_tx(&mut tx, creator_id, &creator.email)
            .await?;
        Ok(tx.commit().await?)
    }

    async fn ensure_account(&self, creator_id: &str) -> Result<String, Error> {
        let account = self.store.find_account(creator_id).await?;
        let account = account.ok_or_else(|| Error::bug("an intended account is not there"))?;
        let account_id = match account.account_id.clone() {
            Some(account_id) => account_id,
            None => self.order_account(&account).await?,
        };
        if !account.manual_payouts {
            self.take_over_bank_payouts(creator_id, &account_id).await?;
        }
        Ok(account_id)
    }

    /// Outside any transaction, under a key that follows from the row written before: whoever
    /// repeats the order gets the same account.
    async fn order_account(&self, account: &Account) -> Result<String, Error> {
        let email = Some(account.email.clone()).filter(|email| !email.is_empty());
        let metadata = [("creator_id".to_owned(), account.creator_id.clone())].into();
        let order = AccountOrder {
            country: None,
            email,
            metadata,
        };
        let made = match self
            .stripe
            .create_account(&order, &account.order_key())
            .await
        {
            Ok(made) => made,
            Err(failure) => {
                if failure.is_definite_refusal() {
                    let (creator_id, count) = (&account.creator_id, account.refusal_count);
                    self.store.count_refused_order(creator_id, count).await?;
                }
                return Err(error_of(failure));
            }
        };
        self.save_account(&account.creator_id, |account| see(account, &made))
            .await?;
        Ok(made.id)
    }

    /// The second step of a payout is ours, so Stripe must not make it by itself.
    async fn take_over_bank_payouts(
        &self,
        creator_id: &str,
        account_id: &str,
    ) -> Result<(), Error> {
        self.stripe
            .set_manual_payouts(account_id)
            .await
            .map_err(error_of)?;
        self.save_account(creator_id, |account| account.manual_payouts = true)
            .await?;
        Ok(())
    }

    /// Changes the row under its lock, and announces it if that changed anything.
    async fn save_account(
        &self,
        creator_id: &str,
        change: impl FnOnce(&mut Account) + Send,
    ) -> Result<Account, Error> {
        let mut tx = self.store.begin().await?;
        let before = self.store.lock_account_in_tx(&mut tx, creator_id).await?;
        let before = before.ok_or_else(|| Error::bug("an intended account is not there"))?;
        let mut after = before.clone();
        change(&mut after);
        if after != before {
            after.version = before.version.saturating_add(1);
            self.store.save_account_in_tx(&mut tx, &after).await?;
            let fact = announce::account_changed(&after, self.clock.now());
            self.outbox.enqueue_in_tx(&mut tx, &[fact]).await?;
        }
        tx.commit().await?;
        Ok(after)
    }
}

/// What Stripe says, over what we knew. An account once known is never exchanged for another.
fn see(account: &mut Account, seen: &stripe::Account) {
    let account_id = account.account_id.get_or_insert_with(|| seen.id.clone());
    if *account_id != seen.id {
        tracing::error!(
            account.id = seen.id,
            known = account_id,
            "a creator has two accounts"
        );
        return;
    }
    account.charges_enabled = seen.charges_enabled;
    account.payouts_enabled = seen.payouts_enabled;
    account.details_submitted = seen.details_submitted;
    account.transfers = seen.transfers.clone().unwrap_or_default();
    account.requirements_due = seen.currently_due.clone();
}
