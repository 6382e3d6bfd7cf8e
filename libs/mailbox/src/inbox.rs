//! Dedupe for effects that have no unique key of their own.

use std::collections::HashSet;

use sqlx::{AssertSqlSafe, PgConnection};

/// A service's inbox.
#[derive(Debug, Clone)]
pub struct Inbox {
    insert: String,
}

impl Inbox {
    /// `schema` is the service's own; a constant of the service, never input.
    #[must_use]
    pub fn new(schema: &'static str) -> Self {
        Self {
            insert: format!(
                "insert into {schema}.inbox (consumer, fact_id) \
                 select $1, fact_id from unnest($2::text[]) as fact_id order by fact_id \
                 on conflict on constraint inbox__once do nothing returning fact_id"
            ),
        }
    }

    /// Records fact ids in the effect's own transaction and answers those that are new.
    /// Ids are inserted in order, so that two batches that overlap wait rather than deadlock.
    ///
    /// # Errors
    /// The database's.
    pub async fn admit_in_tx(
        &self,
        tx: &mut PgConnection,
        consumer: &str,
        fact_ids: &[String],
    ) -> Result<HashSet<String>, sqlx::Error> {
        let fresh: Vec<String> = sqlx::query_scalar(AssertSqlSafe(self.insert.as_str()))
            .bind(consumer)
            .bind(fact_ids)
            .fetch_all(tx)
            .await?;
        Ok(fresh.into_iter().collect())
    }
}
