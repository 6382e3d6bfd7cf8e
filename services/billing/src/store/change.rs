//! What subscribers asked of their subscriptions: written before Stripe is asked.

use sqlx::PgConnection;
use time::OffsetDateTime;

use super::Store;

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub change_id: String,
    pub subscriber_id: String,
    pub request_key: String,
    pub subscription_id: String,
    /// What was asked, in a fixed form.
    pub asked: String,
    /// The order for Stripe, as JSON; none where nothing is to be done.
    pub stripe_order: Option<String>,
    /// `open`, `done`, `refused` or `given_up`.
    pub state: String,
    /// Why a card was declined; empty otherwise.
    pub decline_code: String,
    pub started_at: OffsetDateTime,
}

impl Store {
    pub async fn find_change(
        &self,
        subscriber_id: &str,
        request_key: &str,
    ) -> Result<Option<Change>, sqlx::Error> {
        sqlx::query_as!(
            Change,
            "select change_id, subscriber_id, request_key, subscription_id, asked, stripe_order,
                    state, decline_code, started_at
             from billing.subscription_change where subscriber_id = $1 and request_key = $2",
            subscriber_id,
            request_key
        )
        .fetch_optional(&self.pool)
        .await
    }

    /// Writes a change. False, and nothing is written, if its key is known by now.
    pub async fn save_change_in_tx(
        &self,
        tx: &mut PgConnection,
        change: &Change,
    ) -> Result<bool, sqlx::Error> {
        let c = change;
        let done = sqlx::query!(
            "insert into billing.subscription_change
                 (change_id, subscriber_id, request_key, subscription_id, asked, stripe_order,
                  state, decline_code, started_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
             on conflict on constraint subscription_change__once do nothing",
            c.change_id,
            c.subscriber_id,
            c.request_key,
            c.subscription_id,
            c.asked,
            c.stripe_order,
            c.state,
            c.decline_code,
            c.started_at
        )
        .execute(tx)
        .await?;
        Ok(done.rows_affected() > 0)
    }

    /// How a change ended. One that has ended stays as it is.
    pub async fn finish_change_in_tx(
        &self,
        tx: &mut PgConnection,
        change_id: &str,
        state: &str,
        decline_code: &str,
    ) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "update billing.subscription_change set state = $2, decline_code = $3
             where change_id = $1 and state = 'open'",
            change_id,
            state,
            decline_code
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    /// Says that somebody is at it again, so that nobody gives it up meanwhile. False if it has
    /// ended by now.
    pub async fn renew_change(&self, change_id: &str) -> Result<bool, sqlx::Error> {
        let renewed = sqlx::query!(
            "update billing.subscription_change set started_wall_at = now()
             where change_id = $1 and state = 'open'",
            change_id
        )
        .execute(&self.pool)
        .await?;
        Ok(renewed.rows_affected() > 0)
    }

    /// Whether a change of this subscription is under way. One that nobody asked about for
    /// longer than a call to Stripe can last is given up: what Stripe shows is what became of it.
    pub async fn is_changing_in_tx(
        &self,
        tx: &mut PgConnection,
        subscription_id: &str,
    ) -> Result<bool, sqlx::Error> {
        sqlx::query!(
            "update billing.subscription_change set state = 'given_up'
             where subscription_id = $1 and state = 'open'
               and started_wall_at < now() - interval '2 minutes'",
            subscription_id
        )
        .execute(&mut *tx)
        .await?;
        sqlx::query_scalar!(
            r#"select exists (select from billing.subscription_change
                              where subscription_id = $1 and state = 'open') as "is_changing!""#,
            subscription_id
        )
        .fetch_one(tx)
        .await
    }
}
