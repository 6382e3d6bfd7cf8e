//! What Stripe was asked for a checkout: written before it is sent, so that whoever comes next can
//! find out what became of it.

use sqlx::PgConnection;
use time::OffsetDateTime;

use super::Store;
use super::checkout::CLOCKS_DIFFER;
use crate::domain::start::Start;

/// An order for Stripe, and the idempotency key that it goes out under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckoutSent {
    pub checkout_id: String,
    pub order_key: String,
    /// As JSON.
    pub stripe_order: String,
}

impl Store {
    /// Writes an order down, with the beginning that it is for. False, and nothing is written, if
    /// the checkout has a page by now.
    pub async fn save_order_in_tx(
        &self,
        tx: &mut PgConnection,
        sent: &CheckoutSent,
        start: Start,
        closes_at: OffsetDateTime,
    ) -> Result<bool, sqlx::Error> {
        let saved = sqlx::query!(
            "update billing.checkout
             set stripe_order = $2, order_key = $3, page_closes_at = $4, anchor_at = $5,
                 begins = $6
             where checkout_id = $1 and session_id is null",
            sent.checkout_id,
            sent.stripe_order,
            sent.order_key,
            closes_at,
            start.anchor_at,
            start.begins.as_str()
        )
        .execute(tx)
        .await?;
        Ok(saved.rows_affected() > 0)
    }

    /// Orders of the subscriber for a program of which nobody knows what became of them. A page
    /// that one of them made may be open still.
    pub async fn list_unsettled(
        &self,
        subscriber_id: &str,
        program: &str,
        now: OffsetDateTime,
    ) -> Result<Vec<CheckoutSent>, sqlx::Error> {
        sqlx::query_as!(
            CheckoutSent,
            r#"select checkout_id, order_key as "order_key!", stripe_order as "stripe_order!"
               from billing.checkout
               where subscriber_id = $1 and program = $2
                 and order_key is not null and session_id is null
                 and page_closes_at > $3
               order by checkout_id"#,
            subscriber_id,
            program,
            now - CLOCKS_DIFFER
        )
        .fetch_all(&self.pool)
        .await
    }

    /// Forgets an order that made no page.
    pub async fn drop_order(&self, sent: &CheckoutSent) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "update billing.checkout
             set stripe_order = null, order_key = null, page_closes_at = null
             where checkout_id = $1 and order_key = $2 and session_id is null",
            sent.checkout_id,
            sent.order_key
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
