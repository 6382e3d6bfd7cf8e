//! Raising and resolving, each told once.

use kit::Error;
use sqlx::PgConnection;
use wire::earnings::v1::BooksUnbalanced;

use super::Usecases;
use crate::convert;
use crate::domain::{Finding, Kind, Verdict};

impl Usecases {
    /// Does what a check says of one kind of alert.
    pub(super) async fn judge_in_tx(
        &self,
        tx: &mut PgConnection,
        kind: Kind,
        verdict: &Verdict,
    ) -> Result<(), Error> {
        match verdict {
            Verdict::Wrong(finding) => self.raise_in_tx(tx, finding).await,
            Verdict::Right => self.resolve_in_tx(tx, kind, "").await,
            Verdict::Open => Ok(()),
        }
    }

    /// Opens an alert and announces it, or brings the one that is open up to date.
    pub(super) async fn raise_in_tx(
        &self,
        tx: &mut PgConnection,
        finding: &Finding,
    ) -> Result<(), Error> {
        let (alert_id, now) = (kit::ids::fresh("al"), self.clock.now());
        let data = convert::data(finding);
        if self
            .store
            .raise_alert_in_tx(tx, &alert_id, finding, &data, now)
            .await?
        {
            tracing::warn!(
                alert = finding.kind.as_str(),
                detail = finding.detail,
                "alert raised"
            );
            self.outbox
                .enqueue_in_tx(tx, &[convert::raised(&alert_id, finding, now)])
                .await?;
        }
        Ok(())
    }

    async fn resolve_in_tx(
        &self,
        tx: &mut PgConnection,
        kind: Kind,
        subject: &str,
    ) -> Result<(), Error> {
        let now = self.clock.now();
        if let Some(alert_id) = self
            .store
            .resolve_alert_in_tx(tx, kind, subject, now)
            .await?
        {
            self.outbox
                .enqueue_in_tx(tx, &[convert::resolved(&alert_id, now)])
                .await?;
        }
        Ok(())
    }

    /// What is said of these months is decided here until the transaction ends.
    ///
    /// # Errors
    /// The database's.
    pub async fn lock_months_in_tx(
        &self,
        tx: &mut PgConnection,
        months: &[String],
    ) -> Result<(), sqlx::Error> {
        self.store.lock_months_in_tx(tx, months).await
    }

    /// A month that earnings cannot close. One that was closed meanwhile is not news: facts come
    /// in any order.
    ///
    /// # Errors
    /// The database's.
    pub async fn books_unbalanced_in_tx(
        &self,
        tx: &mut PgConnection,
        event: &BooksUnbalanced,
    ) -> Result<(), Error> {
        if self.store.is_closed_in_tx(tx, &event.month).await? {
            return Ok(());
        }
        let finding = Finding {
            kind: Kind::BooksUnbalanced,
            subject: event.month.clone(),
            detail: format!("{}: {}", event.month, event.differences.join("; ")),
            figures: Vec::new(),
        };
        self.raise_in_tx(tx, &finding).await
    }

    /// A month that is closed is balanced.
    ///
    /// # Errors
    /// The database's.
    pub async fn month_closed_in_tx(
        &self,
        tx: &mut PgConnection,
        month: &str,
    ) -> Result<(), Error> {
        self.store.save_closed_month_in_tx(tx, month).await?;
        self.resolve_in_tx(tx, Kind::BooksUnbalanced, month).await
    }
}
