//! Orders to Stripe, written before they leave.

use sqlx::PgConnection;
use time::OffsetDateTime;

use super::{Store, unreadable};
use crate::domain::{Change, Doubt, Payout, Step, idempotency_key};

/// An order: what is sent, under which key, and since when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    pub idempotency_key: String,
    /// The order as JSON, the same for each send.
    pub body: String,
    pub doubt: Doubt,
    pub first_sent_at: OffsetDateTime,
    /// Stripe's object, where it is known.
    pub object_id: Option<String>,
}

impl Store {
    pub async fn insert_attempt_in_tx(
        &self,
        tx: &mut PgConnection,
        payout: &Payout,
        body: &str,
        now: OffsetDateTime,
    ) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "insert into payout.attempt
                 (payout_id, step, attempt, idempotency_key, body, state, first_sent_at)
             values ($1, $2, $3, $4, $5, 'sending', $6)",
            payout.payout_id.as_str(),
            payout.step.as_str(),
            number(payout.attempt)?,
            idempotency_key(payout),
            body,
            now
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    /// The attempt that a payout is at.
    pub async fn get_attempt(&self, payout: &Payout) -> Result<Attempt, sqlx::Error> {
        let found = self
            .find_attempt(payout, payout.step, payout.attempt)
            .await?;
        found.ok_or(sqlx::Error::RowNotFound)
    }

    pub async fn find_attempt(
        &self,
        payout: &Payout,
        step: Step,
        attempt: u32,
    ) -> Result<Option<Attempt>, sqlx::Error> {
        let row = sqlx::query!(
            "select idempotency_key, body, doubt, first_sent_at, object_id from payout.attempt
             where payout_id = $1 and step = $2 and attempt = $3",
            payout.payout_id.as_str(),
            step.as_str(),
            number(attempt)?
        )
        .fetch_optional(&self.pool)
        .await?;
        row.map(|row| {
            Ok(Attempt {
                idempotency_key: row.idempotency_key,
                body: row.body,
                doubt: row.doubt.parse().map_err(unreadable)?,
                first_sent_at: row.first_sent_at,
                object_id: row.object_id,
            })
        })
        .transpose()
    }

    /// The number of the attempt that made an object, where that is known.
    pub async fn attempt_of_object(&self, object_id: &str) -> Result<Option<u32>, sqlx::Error> {
        let number = sqlx::query_scalar!(
            "select attempt from payout.attempt where object_id = $1 limit 1",
            object_id
        )
        .fetch_optional(&self.pool)
        .await?;
        number
            .map(|number| u32::try_from(number).map_err(unreadable))
            .transpose()
    }

    /// Writes what became of the attempt that was open before the move.
    pub async fn change_attempt_in_tx(
        &self,
        tx: &mut PgConnection,
        before: &Payout,
        change: &Change,
    ) -> Result<(), sqlx::Error> {
        let (state, doubt, object_id, code) = match change {
            Change::None | Change::Begun => return Ok(()),
            Change::Doubted(doubt) => ("unknown", *doubt, None, ""),
            Change::Submitted { object_id } => ("submitted", Doubt::None, Some(object_id), ""),
            Change::Settled { object_id } => ("settled", Doubt::None, Some(object_id), ""),
            Change::Refused { code } => ("refused", Doubt::None, None, code.as_str()),
            Change::Returned { code } => ("returned", Doubt::None, None, code.as_str()),
        };
        sqlx::query!(
            "update payout.attempt
             set state = $4, doubt = $5, object_id = coalesce($6, object_id), failure_code = $7
             where payout_id = $1 and step = $2 and attempt = $3",
            before.payout_id.as_str(),
            before.step.as_str(),
            number(before.attempt)?,
            state,
            doubt.as_str(),
            object_id,
            code
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    /// What the attempt ordered was looked for and not found; answers when that was first so.
    pub async fn note_absence(
        &self,
        payout: &Payout,
        now: OffsetDateTime,
    ) -> Result<OffsetDateTime, sqlx::Error> {
        sqlx::query_scalar!(
            r#"update payout.attempt set absent_since = coalesce(absent_since, $4)
             where payout_id = $1 and step = $2 and attempt = $3
             returning absent_since as "since!""#,
            payout.payout_id.as_str(),
            payout.step.as_str(),
            number(payout.attempt)?,
            now
        )
        .fetch_one(&self.pool)
        .await
    }

    /// A later answer says more about an outcome that stays unknown.
    pub async fn doubt_attempt(
        &self,
        payout_id: &str,
        step: Step,
        attempt: u32,
        doubt: Doubt,
    ) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "update payout.attempt set doubt = $4
             where payout_id = $1 and step = $2 and attempt = $3 and state = 'unknown'",
            payout_id,
            step.as_str(),
            number(attempt)?,
            doubt.as_str()
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}

fn number(attempt: u32) -> Result<i32, sqlx::Error> {
    i32::try_from(attempt).map_err(|error| sqlx::Error::Encode(Box::new(error)))
}
