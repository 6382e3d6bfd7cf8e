//! Checkouts: written before Stripe is asked, completed by its answer.

use kit::Error;
use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};

use super::Store;
use crate::domain::start::{Begins, Start};

/// How long Stripe's clock may say after ours that a page is open still.
pub(super) const CLOCKS_DIFFER: Duration = Duration::minutes(5);

/// One checkout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkout {
    pub checkout_id: String,
    pub subscriber_id: String,
    pub request_key: String,
    pub program: String,
    pub plan_id: String,
    pub amount_minor: i64,
    pub currency: String,
    pub success_url: String,
    pub cancel_url: String,
    /// As it was typed; empty for none.
    pub promotion_code: String,
    /// Stripe's id of it, once it was found.
    pub promotion_id: Option<String>,
    pub start: Start,
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
    ) -> Result<Checkout, Error> {
        let c = checkout;
        sqlx::query!(
            "insert into billing.checkout
                 (checkout_id, subscriber_id, request_key, program, plan_id, amount_minor,
                  currency, success_url, cancel_url, promotion_code, anchor_at, begins, started_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
             on conflict on constraint checkout__once do nothing",
            c.checkout_id,
            c.subscriber_id,
            c.request_key,
            c.program,
            c.plan_id,
            c.amount_minor,
            c.currency,
            c.success_url,
            c.cancel_url,
            c.promotion_code,
            c.start.anchor_at,
            c.start.begins.as_str(),
            c.started_at
        )
        .execute(&mut *tx)
        .await?;
        self.get_checkout_in_tx(tx, &c.subscriber_id, &c.request_key)
            .await
    }

    async fn get_checkout_in_tx(
        &self,
        tx: &mut PgConnection,
        subscriber_id: &str,
        request_key: &str,
    ) -> Result<Checkout, Error> {
        let row = sqlx::query!(
            "select checkout_id, subscriber_id, request_key, program, plan_id, amount_minor,
                    currency, success_url, cancel_url, promotion_code, promotion_id, anchor_at,
                    begins, session_id, url, started_at
             from billing.checkout where subscriber_id = $1 and request_key = $2",
            subscriber_id,
            request_key
        )
        .fetch_one(tx)
        .await?;
        let begins = Begins::from_column(&row.begins)
            .ok_or_else(|| Error::bug(format!("{} is no beginning", row.begins)))?;
        Ok(Checkout {
            checkout_id: row.checkout_id,
            subscriber_id: row.subscriber_id,
            request_key: row.request_key,
            program: row.program,
            plan_id: row.plan_id,
            amount_minor: row.amount_minor,
            currency: row.currency,
            success_url: row.success_url,
            cancel_url: row.cancel_url,
            promotion_code: row.promotion_code,
            promotion_id: row.promotion_id,
            start: Start {
                begins,
                anchor_at: row.anchor_at,
            },
            session_id: row.session_id,
            url: row.url,
            started_at: row.started_at,
        })
    }

    /// Keeps what a promotion code stands for, unless that was kept before; answers what stands
    /// there now.
    pub async fn save_promotion(
        &self,
        checkout_id: &str,
        promotion_id: &str,
    ) -> Result<String, sqlx::Error> {
        sqlx::query_scalar!(
            r#"update billing.checkout set promotion_id = coalesce(promotion_id, $2)
               where checkout_id = $1 returning promotion_id as "promotion_id!""#,
            checkout_id,
            promotion_id
        )
        .fetch_one(&self.pool)
        .await
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

    /// The subscriber's pages for a program that somebody might still pay.
    pub async fn list_open_sessions(
        &self,
        subscriber_id: &str,
        program: &str,
        now: OffsetDateTime,
    ) -> Result<Vec<String>, sqlx::Error> {
        sqlx::query_scalar!(
            r#"select session_id as "session_id!" from billing.checkout
               where subscriber_id = $1 and program = $2
                 and session_id is not null and completed_at is null and closed_at is null
                 and coalesce(page_closes_at, started_at + interval '25 hours')
                     > $3
               order by session_id"#,
            subscriber_id,
            program,
            now - CLOCKS_DIFFER
        )
        .fetch_all(&self.pool)
        .await
    }

    pub async fn close_session(
        &self,
        session_id: &str,
        now: OffsetDateTime,
    ) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "update billing.checkout set closed_at = $2
             where session_id = $1 and closed_at is null",
            session_id,
            now
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
