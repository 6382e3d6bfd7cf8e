//! Subscriptions as they were last read.

use sqlx::PgConnection;
use time::OffsetDateTime;

use super::Store;
use crate::domain::charge::Owner;
use crate::domain::subscription::status_word;

/// One subscription, with its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    pub subscription_id: String,
    pub subscriber_id: String,
    pub program: String,
    pub plan_id: String,
    pub amount_minor: i64,
    pub currency: String,
    pub status: String,
    pub period_start: OffsetDateTime,
    pub period_end: OffsetDateTime,
    pub cancel_at_period_end: bool,
    pub version: i64,
    /// Business time of the first reading.
    pub created_at: OffsetDateTime,
}

impl Subscription {
    /// What was just read, under the version that is known (zero if none is).
    pub fn next(
        known: Option<&Self>,
        read: &stripe::Subscription,
        owner: &Owner,
        now: OffsetDateTime,
    ) -> Self {
        Self {
            subscription_id: read.id.clone(),
            subscriber_id: owner.subscriber.to_string(),
            program: owner.program.to_string(),
            plan_id: owner.plan_id.clone(),
            amount_minor: read.price_minor,
            currency: read.currency.to_ascii_uppercase(),
            status: status_word(&read.status).to_owned(),
            period_start: read.period_start,
            period_end: read.period_end,
            cancel_at_period_end: read.cancel_at_period_end,
            version: known.map_or(0, |known| known.version),
            created_at: known.map_or(now, |known| known.created_at),
        }
    }
}

impl Store {
    pub async fn find_subscription_in_tx(
        &self,
        tx: &mut PgConnection,
        subscription_id: &str,
    ) -> Result<Option<Subscription>, sqlx::Error> {
        sqlx::query_as!(
            Subscription,
            "select subscription_id, subscriber_id, program, plan_id, amount_minor, currency,
                    status, period_start, period_end, cancel_at_period_end, version, created_at
             from billing.subscription where subscription_id = $1",
            subscription_id
        )
        .fetch_optional(tx)
        .await
    }

    pub async fn save_subscription_in_tx(
        &self,
        tx: &mut PgConnection,
        subscription: &Subscription,
    ) -> Result<(), sqlx::Error> {
        let s = subscription;
        sqlx::query!(
            "insert into billing.subscription
                 (subscription_id, subscriber_id, program, plan_id, amount_minor, currency, status,
                  period_start, period_end, cancel_at_period_end, version, created_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
             on conflict on constraint subscription__pk do update
                 set subscriber_id = excluded.subscriber_id, program = excluded.program,
                     plan_id = excluded.plan_id, amount_minor = excluded.amount_minor,
                     currency = excluded.currency, status = excluded.status,
                     period_start = excluded.period_start, period_end = excluded.period_end,
                     cancel_at_period_end = excluded.cancel_at_period_end,
                     version = excluded.version",
            s.subscription_id,
            s.subscriber_id,
            s.program,
            s.plan_id,
            s.amount_minor,
            s.currency,
            s.status,
            s.period_start,
            s.period_end,
            s.cancel_at_period_end,
            s.version,
            s.created_at
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    /// All subscriptions of one subscriber, newest first.
    pub async fn list_subscriptions(
        &self,
        subscriber_id: &str,
    ) -> Result<Vec<Subscription>, sqlx::Error> {
        sqlx::query_as!(
            Subscription,
            "select subscription_id, subscriber_id, program, plan_id, amount_minor, currency,
                    status, period_start, period_end, cancel_at_period_end, version, created_at
             from billing.subscription where subscriber_id = $1
             order by created_at desc, subscription_id desc",
            subscriber_id
        )
        .fetch_all(&self.pool)
        .await
    }
}
