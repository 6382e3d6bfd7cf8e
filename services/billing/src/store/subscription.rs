//! Subscriptions as they were last read.

use sqlx::PgConnection;
use time::OffsetDateTime;

use super::Store;
use crate::domain::charge::Owner;
use crate::domain::subscription::{Standing, status_word};

/// One subscription, with its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    pub subscription_id: String,
    pub subscriber_id: String,
    pub program: String,
    /// What the running period was paid for.
    pub plan_id: String,
    pub amount_minor: i64,
    pub currency: String,
    pub status: String,
    pub period_start: OffsetDateTime,
    pub period_end: OffsetDateTime,
    pub cancel_at_period_end: bool,
    /// What it costs from the next period on; empty and zero where that is nothing else.
    pub next_plan_id: String,
    pub next_amount_minor: i64,
    pub trial_end: Option<OffsetDateTime>,
    pub ended_at: Option<OffsetDateTime>,
    /// Where an unpaid invoice can be paid; empty when none is due.
    pub pay_url: String,
    pub version: i64,
    /// Business time of the first reading.
    pub created_at: OffsetDateTime,
}

impl Subscription {
    /// What was just read, under the version that is known (zero if none is).
    pub fn next(
        known: Option<&Self>,
        read: &stripe::Subscription,
        standing: &Standing,
        owner: &Owner,
        pay_url: &str,
        now: OffsetDateTime,
    ) -> Self {
        // What ends with the period has no next one.
        let next = standing.next.as_ref().filter(|_| !standing.ending);
        Self {
            subscription_id: read.id.clone(),
            subscriber_id: owner.subscriber.to_string(),
            program: owner.program.to_string(),
            plan_id: standing.now.plan_id.clone(),
            amount_minor: standing.now.amount_minor,
            currency: read.currency.to_ascii_uppercase(),
            status: status_word(&read.status).to_owned(),
            period_start: read.period_start,
            period_end: read.period_end,
            cancel_at_period_end: read.cancel_at_period_end,
            next_plan_id: next.map(|next| next.plan_id.clone()).unwrap_or_default(),
            next_amount_minor: next.map_or(0, |next| next.amount_minor),
            trial_end: read.trial_end,
            ended_at: read.ended_at,
            pay_url: pay_url.to_owned(),
            version: known.map_or(0, |known| known.version),
            created_at: known.map_or(now, |known| known.created_at),
        }
    }

    /// When it ended or will end; `None` while it goes on.
    pub fn ends_at(&self) -> Option<OffsetDateTime> {
        let planned = self.cancel_at_period_end.then_some(self.period_end);
        self.ended_at.or(planned)
    }
}

impl Store {
    /// Held by whoever writes a subscription, until the end of the transaction: what is known
    /// of it is read after this.
    pub async fn lock_subscription_in_tx(
        &self,
        tx: &mut PgConnection,
        subscription_id: &str,
    ) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "select pg_advisory_xact_lock(hashtextextended('billing.subscription:' || $1, 0))",
            subscription_id
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    /// Zero for one that is not known.
    pub async fn find_version(&self, subscription_id: &str) -> Result<i64, sqlx::Error> {
        let found = sqlx::query_scalar!(
            "select version from billing.subscription where subscription_id = $1",
            subscription_id
        );
        Ok(found.fetch_optional(&self.pool).await?.unwrap_or(0))
    }

    pub async fn find_subscription_in_tx(
        &self,
        tx: &mut PgConnection,
        subscription_id: &str,
    ) -> Result<Option<Subscription>, sqlx::Error> {
        sqlx::query_as!(
            Subscription,
            "select subscription_id, subscriber_id, program, plan_id, amount_minor, currency,
                    status, period_start, period_end, cancel_at_period_end, next_plan_id,
                    next_amount_minor, trial_end, ended_at, pay_url, version, created_at
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
                  period_start, period_end, cancel_at_period_end, next_plan_id,
                  next_amount_minor, trial_end, ended_at, pay_url, version, created_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
             on conflict on constraint subscription__pk do update
                 set subscriber_id = excluded.subscriber_id, program = excluded.program,
                     plan_id = excluded.plan_id, amount_minor = excluded.amount_minor,
                     currency = excluded.currency, status = excluded.status,
                     period_start = excluded.period_start, period_end = excluded.period_end,
                     cancel_at_period_end = excluded.cancel_at_period_end,
                     next_plan_id = excluded.next_plan_id,
                     next_amount_minor = excluded.next_amount_minor,
                     trial_end = excluded.trial_end, ended_at = excluded.ended_at,
                     pay_url = excluded.pay_url, version = excluded.version",
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
            s.next_plan_id,
            s.next_amount_minor,
            s.trial_end,
            s.ended_at,
            s.pay_url,
            s.version,
            s.created_at
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    /// Subscriptions of one subscriber, newest first; of one program, unless it is empty.
    pub async fn list_subscriptions(
        &self,
        subscriber_id: &str,
        program: &str,
    ) -> Result<Vec<Subscription>, sqlx::Error> {
        sqlx::query_as!(
            Subscription,
            "select subscription_id, subscriber_id, program, plan_id, amount_minor, currency,
                    status, period_start, period_end, cancel_at_period_end, next_plan_id,
                    next_amount_minor, trial_end, ended_at, pay_url, version, created_at
             from billing.subscription where subscriber_id = $1 and ($2 = '' or program = $2)
             order by created_at desc, subscription_id desc",
            subscriber_id,
            program
        )
        .fetch_all(&self.pool)
        .await
    }

    /// Those of one subscriber that have not ended, newest first.
    pub async fn list_live(&self, subscriber_id: &str) -> Result<Vec<Subscription>, sqlx::Error> {
        let mut live = self.list_subscriptions(subscriber_id, "").await?;
        live.retain(|it| !matches!(it.status.as_str(), "canceled" | "incomplete_expired"));
        Ok(live)
    }
}
