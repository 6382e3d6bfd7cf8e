//! What was promised and must be shown, and what must be empty when nothing is under way.

use anyhow::Result;

use super::Snapshot;

/// An acknowledged write and the key of its effect.
pub struct Promise {
    pub request_id: String,
    pub effect: String,
}

impl Snapshot {
    pub async fn promises(&mut self) -> Result<Vec<Promise>> {
        let rows = sqlx::query_as!(
            Promise,
            "select request_id, effect from gateway.acknowledged order by request_id"
        );
        Ok(rows.fetch_all(&mut self.connection).await?)
    }

    /// Of effects that are posting keys, those that the books do not have.
    pub async fn unposted(&mut self, keys: &[String]) -> Result<Vec<String>> {
        let missing = sqlx::query_scalar!(
            r#"select k as "k!" from unnest($1::text[]) k
               where not exists (select from earnings.posting p where p.key_text = k)"#,
            keys
        );
        Ok(missing.fetch_all(&mut self.connection).await?)
    }

    /// `creator:{id}:{version}` of every creator at its newest version.
    pub async fn creators(&mut self) -> Result<Vec<(String, i64)>> {
        let rows = sqlx::query!("select creator_id, version from payout.creator");
        let rows = rows.fetch_all(&mut self.connection).await?;
        Ok(rows
            .into_iter()
            .map(|row| (row.creator_id, row.version))
            .collect())
    }

    pub async fn connected_accounts(&mut self) -> Result<Vec<(String, String)>> {
        let rows = sqlx::query!(
            r#"select creator_id, account_id as "account_id!" from payout.account
               where account_id is not null"#
        );
        let rows = rows.fetch_all(&mut self.connection).await?;
        Ok(rows
            .into_iter()
            .map(|row| (row.creator_id, row.account_id))
            .collect())
    }

    pub async fn checkout_sessions(&mut self) -> Result<Vec<String>> {
        let rows = sqlx::query_scalar!(
            r#"select session_id as "session_id!" from billing.checkout where session_id is not null"#
        );
        Ok(rows.fetch_all(&mut self.connection).await?)
    }

    pub async fn subscriptions(&mut self) -> Result<Vec<String>> {
        let rows = sqlx::query_scalar!("select subscription_id from billing.subscription");
        Ok(rows.fetch_all(&mut self.connection).await?)
    }

    /// Of events that Stripe counts as delivered, those without a row.
    pub async fn unstored_events(&mut self, events: &[String]) -> Result<Vec<String>> {
        let missing = sqlx::query_scalar!(
            r#"select k as "k!" from unnest($1::text[]) k
               where not exists (select from webhook_ingest.stripe_event e where e.event_id = k)"#,
            events
        );
        Ok(missing.fetch_all(&mut self.connection).await?)
    }

    /// Whether it is alerted that exactly so much is missing.
    pub async fn is_shortfall_alerted(&mut self, missing_minor: i64) -> Result<bool> {
        let alerted = sqlx::query_scalar!(
            r#"select exists (
                 select from balance_monitor.alert
                 where kind = 'obligations_uncovered' and status = 'open'
                   and (data ->> 'shortfall_minor')::bigint = $1) as "alerted!""#,
            missing_minor
        );
        Ok(alerted.fetch_one(&mut self.connection).await?)
    }

    /// Everything that should be empty when nothing is under way, as sentences.
    pub async fn unrest(&mut self) -> Result<Vec<String>> {
        let alerts = sqlx::query_scalar!(
            r#"select kind || ': ' || title || ' (' || detail || ')' as "alert!"
               from balance_monitor.alert where status = 'open'"#
        );
        let mut found: Vec<String> = alerts.fetch_all(&mut self.connection).await?;
        found
            .iter_mut()
            .for_each(|alert| alert.insert_str(0, "alert open: "));
        let unclaimed = sqlx::query_scalar!(
            r#"select 'unclaimed ' || kind || ' ' || object_id || ': ' || reason as "what!"
               from billing.unclaimed where resolved_wall_at is null"#
        );
        found.extend(unclaimed.fetch_all(&mut self.connection).await?);
        found.extend(self.mail().await?);
        Ok(found)
    }

    /// Outbox rows that wait and dead letters that nobody resolved, of all services.
    async fn mail(&mut self) -> Result<Vec<String>> {
        let rows = sqlx::query_scalar!(
            r#"select 'outbox of ' || service || ' waits with ' || fact_id as "what!" from (
                 select 'allocation' service, fact_id, published_wall_at from allocation.outbox
                 union all select 'balance-monitor', fact_id, published_wall_at from balance_monitor.outbox
                 union all select 'billing', fact_id, published_wall_at from billing.outbox
                 union all select 'earnings', fact_id, published_wall_at from earnings.outbox
                 union all select 'fraud-limits', fact_id, published_wall_at from fraud_limits.outbox
                 union all select 'notifier', fact_id, published_wall_at from notifier.outbox
                 union all select 'payout', fact_id, published_wall_at from payout.outbox
                 union all select 'webhook-ingest', fact_id, published_wall_at from webhook_ingest.outbox
               ) o where published_wall_at is null
               union all
               select 'dead letter in ' || service || ': ' || fact_id || ': ' || reason from (
                 select 'allocation' service, fact_id, reason, resolved_wall_at from allocation.dead_letter
                 union all select 'balance-monitor', fact_id, reason, resolved_wall_at from balance_monitor.dead_letter
                 union all select 'billing', fact_id, reason, resolved_wall_at from billing.dead_letter
                 union all select 'earnings', fact_id, reason, resolved_wall_at from earnings.dead_letter
                 union all select 'fraud-limits', fact_id, reason, resolved_wall_at from fraud_limits.dead_letter
                 union all select 'notifier', fact_id, reason, resolved_wall_at from notifier.dead_letter
                 union all select 'payout', fact_id, reason, resolved_wall_at from payout.dead_letter
                 union all select 'webhook-ingest', fact_id, reason, resolved_wall_at from webhook_ingest.dead_letter
               ) d where resolved_wall_at is null"#
        );
        Ok(rows.fetch_all(&mut self.connection).await?)
    }
}
