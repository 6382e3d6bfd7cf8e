//! Checkouts and customers: written before Stripe is asked, completed by its answer.

use sqlx::PgConnection;
use time::OffsetDateTime;

use super::Store;

/// One checkout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkout {
    pub checkout_id: String,
    pub subscriber_id: String,
    pub request_key: String,
    pub plan_id: String,
    pub amount_minor: i64,
    pub currency: String,
    pub success_url: String,
    pub cancel_url: String,
    pub anchor_at: OffsetDateTime,
    /// Stripe's session and its page, once there is one.
    pub session_id: Option<String>,
    pub url: Option<String>,
    pub started_at: OffsetDateTime,
}

impl Store {
    /// Writes a checkout, unless the caller's key is known; answers what stands there now.
    pub async fn save_checkout_in_tx(
        &self,
        tx: &mut PgConnection,
        checkout: &Checkout,
    ) -> Result<Checkout, sqlx::Error> {
        sqlx::query!(
            "insert into billing.checkout
                 (checkout_id, subscriber_id, request_key, plan_id, amount_minor, currency,
                  success_url, cancel_url, anchor_at, started_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
             on conflict on constraint checkout__once do nothing",
            checkout.checkout_id,
            checkout.subscriber_id,
            checkout.request_key,
            checkout.plan_id,
            checkout.amount_minor,
            checkout.currency,
            checkout.success_url,
            checkout.cancel_url,
            checkout.anchor_at,
            checkout.started_at
        )
        .execute(&mut *tx)
        .await?;
        sqlx::query_as!(
            Checkout,
            "select checkout_id, subscriber_id, request_key, plan_id, amount_minor, currency,
                    success_url, cancel_url, anchor_at, session_id, url, started_at
             from billing.checkout where subscriber_id = $1 and request_key = $2",
            checkout.subscriber_id,
            checkout.request_key
        )
        .fetch_one(tx)
        .await
    }

    /// Another anchor, for a checkout that never came to have a session.
    pub async fn move_anchor_in_tx(
        &self,
        tx: &mut PgConnection,
        checkout_id: &str,
        anchor_at: OffsetDateTime,
    ) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "update billing.checkout set anchor_at = $2
             where checkout_id = $1 and session_id is null",
            checkout_id,
            anchor_at
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    /// Keeps a page, unless one was kept before; answers the session and the address that stand
    /// there now.
    pub async fn save_session(
        &self,
        checkout_id: &str,
        session_id: &str,
        url: &str,
    ) -> Result<(String, String), sqlx::Error> {
        let kept = sqlx::query!(
            r#"update billing.checkout
               set session_id = coalesce(session_id, $2), url = coalesce(url, $3)
               where checkout_id = $1
               returning session_id as "session_id!", url as "url!""#,
            checkout_id,
            session_id,
            url
        )
        .fetch_one(&self.pool)
        .await?;
        Ok((kept.session_id, kept.url))
    }

    /// Notes that the subscriber is to have a customer; answers its id if it has one.
    pub async fn save_subscriber_in_tx(
        &self,
        tx: &mut PgConnection,
        subscriber_id: &str,
    ) -> Result<Option<String>, sqlx::Error> {
        sqlx::query!(
            "insert into billing.customer (subscriber_id) values ($1)
             on conflict on constraint customer__pk do nothing",
            subscriber_id
        )
        .execute(&mut *tx)
        .await?;
        sqlx::query_scalar!(
            "select customer_id from billing.customer where subscriber_id = $1",
            subscriber_id
        )
        .fetch_one(tx)
        .await
    }

    pub async fn save_customer(
        &self,
        subscriber_id: &str,
        customer_id: &str,
    ) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "update billing.customer set customer_id = $2
             where subscriber_id = $1 and customer_id is null",
            subscriber_id,
            customer_id
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
