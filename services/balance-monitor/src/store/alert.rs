//! Alerts, and the months that need none any more.

use sqlx::PgConnection;
use time::OffsetDateTime;

use super::Store;
use crate::domain::{Finding, Kind};

/// An alert as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    pub alert_id: String,
    pub kind: String,
    pub severity: String,
    pub title: String,
    pub detail: String,
    pub status: String,
    pub raised_at: OffsetDateTime,
    pub resolved_at: Option<OffsetDateTime>,
}

/// Which alerts to list, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertFilter {
    /// `open` or `resolved`; both if absent.
    pub status: Option<String>,
    pub limit: i64,
}

impl Store {
    /// Opens an alert, or brings the open one of its kind and subject up to date; answers
    /// whether it was opened.
    pub async fn raise_alert_in_tx(
        &self,
        tx: &mut PgConnection,
        alert_id: &str,
        finding: &Finding,
        data: &str,
        now: OffsetDateTime,
    ) -> Result<bool, sqlx::Error> {
        let stands = sqlx::query_scalar!(
            "insert into balance_monitor.alert
                 (alert_id, kind, subject, severity, title, detail, data, status, raised_at)
             values ($1, $2, $3, $4, $5, $6, $7::text::jsonb, 'open', $8)
             on conflict (kind, subject) where status = 'open' do update
                 set detail = excluded.detail, data = excluded.data
             returning alert_id",
            alert_id,
            finding.kind.as_str(),
            finding.subject,
            finding.kind.severity().as_str(),
            finding.kind.title(),
            finding.detail,
            data,
            now
        )
        .fetch_one(tx)
        .await?;
        Ok(stands == alert_id)
    }

    /// Resolves the open alert of this kind and subject; answers its id, if there was one.
    pub async fn resolve_alert_in_tx(
        &self,
        tx: &mut PgConnection,
        kind: Kind,
        subject: &str,
        now: OffsetDateTime,
    ) -> Result<Option<String>, sqlx::Error> {
        sqlx::query_scalar!(
            "update balance_monitor.alert set status = 'resolved', resolved_at = $3
             where kind = $1 and subject = $2 and status = 'open'
             returning alert_id",
            kind.as_str(),
            subject,
            now
        )
        .fetch_optional(tx)
        .await
    }

    pub async fn list_alerts(&self, filter: &AlertFilter) -> Result<Vec<Alert>, sqlx::Error> {
        sqlx::query_as!(
            Alert,
            "select alert_id, kind, severity, title, detail, status, raised_at, resolved_at
             from balance_monitor.alert
             where $1::text is null or status = $1
             order by raised_at desc, alert_no desc
             limit $2",
            filter.status,
            filter.limit
        )
        .fetch_all(&self.pool)
        .await
    }

    /// A month's trouble and its end are taken one after the other, whoever takes them. All locks
    /// of a batch at once and in one order, so that two batches never wait for each other.
    pub async fn lock_months_in_tx(
        &self,
        tx: &mut PgConnection,
        months: &[String],
    ) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "select pg_advisory_xact_lock(hashtextextended('balance_monitor.month ' || month, 0))
             from (select distinct unnest($1::text[]) as month order by month) as sorted",
            months
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    pub async fn save_closed_month_in_tx(
        &self,
        tx: &mut PgConnection,
        month: &str,
    ) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "insert into balance_monitor.closed_month (month) values ($1)
             on conflict on constraint closed_month__pk do nothing",
            month
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    pub async fn is_closed_in_tx(
        &self,
        tx: &mut PgConnection,
        month: &str,
    ) -> Result<bool, sqlx::Error> {
        sqlx::query_scalar!(
            r#"select exists (
                   select from balance_monitor.closed_month where month = $1
               ) as "is_closed!""#,
            month
        )
        .fetch_one(tx)
        .await
    }
}
