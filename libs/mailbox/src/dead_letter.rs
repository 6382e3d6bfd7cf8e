//! Facts that could not be applied, kept with the reason until someone resolves them.

use sqlx::{AssertSqlSafe, PgConnection, PgPool};

use crate::{Fact, Refused};

/// A service's dead letters.
#[derive(Debug, Clone)]
pub struct DeadLetters {
    insert: String,
    count: String,
}

impl DeadLetters {
    /// `schema` is the service's own; a constant of the service, never input.
    #[must_use]
    pub fn new(schema: &'static str) -> Self {
        Self {
            insert: format!(
                "insert into {schema}.dead_letter (consumer, fact_id, subject, payload, reason) \
                 values ($1, $2, $3, $4, $5) on conflict on constraint dead_letter__once do nothing"
            ),
            count: format!(
                "select count(*) from {schema}.dead_letter where resolved_wall_at is null"
            ),
        }
    }

    /// Sets one fact aside, in the transaction of its neighbours.
    ///
    /// # Errors
    /// The database's.
    pub async fn bury_in_tx(
        &self,
        tx: &mut PgConnection,
        consumer: &str,
        fact: &Fact,
        refused: &Refused,
    ) -> Result<(), sqlx::Error> {
        sqlx::query(AssertSqlSafe(self.insert.as_str()))
            .bind(consumer)
            .bind(&fact.fact_id)
            .bind(&fact.subject)
            .bind(&fact.payload)
            .bind(&refused.reason)
            .execute(tx)
            .await?;
        tracing::error!(consumer, fact.id = %fact.fact_id, fact.subject = %fact.subject,
            reason = %refused.reason, "fact set aside as a dead letter");
        Ok(())
    }

    /// How many wait for a person.
    ///
    /// # Errors
    /// The database's.
    pub async fn open_count(&self, pool: &PgPool) -> Result<i64, sqlx::Error> {
        sqlx::query_scalar(AssertSqlSafe(self.count.as_str()))
            .fetch_one(pool)
            .await
    }
}
