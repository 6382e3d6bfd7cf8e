//! Connected accounts.

use sqlx::PgConnection;

use super::Store;
use crate::domain::Account;

impl Store {
    /// Writes down that an account is wanted; nothing happens if that is known.
    pub async fn intend_account_in_tx(
        &self,
        tx: &mut PgConnection,
        creator_id: &str,
        email: &str,
    ) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "insert into payout.account (creator_id, email) values ($1, $2)
             on conflict on constraint account__pk do nothing",
            creator_id,
            email
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    pub async fn lock_account_in_tx(
        &self,
        tx: &mut PgConnection,
        creator_id: &str,
    ) -> Result<Option<Account>, sqlx::Error> {
        sqlx::query_as!(
            Account,
            "select creator_id, email, refusal_count, account_id, manual_payouts, charges_enabled,
                    payouts_enabled, details_submitted, transfers, requirements_due, version
             from payout.account where creator_id = $1 for update",
            creator_id
        )
        .fetch_optional(tx)
        .await
    }

    pub async fn find_account(&self, creator_id: &str) -> Result<Option<Account>, sqlx::Error> {
        Ok(self.accounts_of(&[creator_id.to_owned()]).await?.pop())
    }

    /// The accounts of those creators who have one.
    pub async fn accounts_of(&self, creator_ids: &[String]) -> Result<Vec<Account>, sqlx::Error> {
        sqlx::query_as!(
            Account,
            "select creator_id, email, refusal_count, account_id, manual_payouts, charges_enabled,
                    payouts_enabled, details_submitted, transfers, requirements_due, version
             from payout.account where creator_id = any($1)",
            creator_ids
        )
        .fetch_all(&self.pool)
        .await
    }

    /// Whose account it is.
    pub async fn find_owner(&self, account_id: &str) -> Result<Option<String>, sqlx::Error> {
        sqlx::query_scalar!(
            "select creator_id from payout.account where account_id = $1",
            account_id
        )
        .fetch_optional(&self.pool)
        .await
    }

    pub async fn save_account_in_tx(
        &self,
        tx: &mut PgConnection,
        account: &Account,
    ) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "update payout.account
             set account_id = $2, manual_payouts = $3, charges_enabled = $4, payouts_enabled = $5,
                 details_submitted = $6, transfers = $7, requirements_due = $8, version = $9
             where creator_id = $1",
            account.creator_id,
            account.account_id,
            account.manual_payouts,
            account.charges_enabled,
            account.payouts_enabled,
            account.details_submitted,
            account.transfers,
            &account.requirements_due,
            account.version
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    /// Stripe refused the order as it was: the next one is another, with today's email address.
    pub async fn count_refused_order(
        &self,
        creator_id: &str,
        refusal_count: i32,
    ) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "update payout.account
             set refusal_count = refusal_count + 1,
                 email = (select email from payout.creator where creator_id = $1)
             where creator_id = $1 and refusal_count = $2 and account_id is null",
            creator_id,
            refusal_count
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
