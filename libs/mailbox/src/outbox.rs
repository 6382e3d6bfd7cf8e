//! The only way to publish.

use std::sync::{Arc, Mutex, PoisonError};

use prost::Message;
use sqlx::{AssertSqlSafe, PgConnection, PgPool, Row};
use time::OffsetDateTime;
use tokio::sync::Notify;

use crate::Fact;

/// A service's outbox. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Outbox {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    insert: String,
    waiting: String,
    mark: String,
    count: String,
    forget: String,
    nudge: Notify,
    /// When the stream was made that holds what is marked as published.
    stream_made: Mutex<Option<OffsetDateTime>>,
}

/// A waiting row.
#[derive(Debug, Clone)]
pub(crate) struct Waiting {
    pub outbox_id: i64,
    pub fact: Fact,
}

impl Outbox {
    /// `schema` is the service's own; a constant of the service, never input.
    #[must_use]
    pub fn new(schema: &'static str) -> Self {
        let inner = Inner {
            insert: format!(
                "insert into {schema}.outbox \
                 (fact_id, subject, occurred_at, aggregate_id, aggregate_version, payload, request_id) \
                 select * from unnest($1::text[], $2::text[], $3::timestamptz[], $4::text[], \
                                      $5::bigint[], $6::bytea[], $7::text[]) \
                 on conflict on constraint outbox__once do nothing"
            ),
            waiting: format!(
                "select outbox_id, fact_id, subject, occurred_at, aggregate_id, aggregate_version, \
                 payload, request_id from {schema}.outbox where published_wall_at is null \
                 order by outbox_id limit $1 for update skip locked"
            ),
            mark: format!(
                "update {schema}.outbox set published_wall_at = now() where outbox_id = any($1)"
            ),
            count: format!("select count(*) from {schema}.outbox where published_wall_at is null"),
            forget: format!(
                "update {schema}.outbox set published_wall_at = null where published_wall_at < $1"
            ),
            nudge: Notify::new(),
            stream_made: Mutex::default(),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Writes facts into the caller's transaction, in one statement. A fact id that is
    /// already there is left as it is: announcing twice is announcing once.
    ///
    /// # Errors
    /// The database's, and `InvalidArgument` for a fact that is too large to travel: it would
    /// wait here for ever.
    pub async fn enqueue_in_tx(
        &self,
        tx: &mut PgConnection,
        facts: &[Fact],
    ) -> Result<(), sqlx::Error> {
        if facts.is_empty() {
            return Ok(());
        }
        if let Some(fact) = facts.iter().find(|fact| bytes(fact) > FACT_BYTES_MAX) {
            let what = format!("fact {} has more than {FACT_BYTES_MAX} bytes", fact.fact_id);
            return Err(sqlx::Error::InvalidArgument(what));
        }
        let column =
            |read: fn(&Fact) -> &String| facts.iter().map(read).cloned().collect::<Vec<_>>();
        sqlx::query(AssertSqlSafe(self.inner.insert.as_str()))
            .bind(column(|fact| &fact.fact_id))
            .bind(column(|fact| &fact.subject))
            .bind(
                facts
                    .iter()
                    .map(|fact| fact.occurred_at)
                    .collect::<Vec<_>>(),
            )
            .bind(column(|fact| &fact.aggregate_id))
            .bind(
                facts
                    .iter()
                    .map(|fact| fact.aggregate_version)
                    .collect::<Vec<_>>(),
            )
            .bind(
                facts
                    .iter()
                    .map(|fact| fact.payload.clone())
                    .collect::<Vec<_>>(),
            )
            .bind(column(|fact| &fact.request_id))
            .execute(tx)
            .await?;
        // Rung before the commit on purpose: the relay looks again for a while, and so
        // no caller can forget to ring after it.
        self.inner.nudge.notify_one();
        Ok(())
    }

    /// Rows that are not yet published.
    ///
    /// # Errors
    /// The database's.
    pub async fn waiting_count(&self, pool: &PgPool) -> Result<i64, sqlx::Error> {
        sqlx::query_scalar(AssertSqlSafe(self.inner.count.as_str()))
            .fetch_one(pool)
            .await
    }

    /// Whether the stream that was made at `made` holds all that is marked as published.
    pub(crate) fn trusts(&self, made: OffsetDateTime) -> bool {
        *self
            .inner
            .stream_made
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            == Some(made)
    }

    /// A stream that is younger than a row's publication does not hold it: the row waits again.
    /// Rows of the stream's first moments may travel twice, so that clocks need not agree.
    pub(crate) async fn trust(
        &self,
        pool: &PgPool,
        made: OffsetDateTime,
    ) -> Result<(), sqlx::Error> {
        let forgotten = sqlx::query(AssertSqlSafe(self.inner.forget.as_str()))
            .bind(made + CLOCKS_APART_MAX)
            .execute(pool)
            .await?
            .rows_affected();
        if forgotten > 0 {
            tracing::warn!(
                forgotten,
                "the stream was made anew: its facts are published again"
            );
        }
        *self
            .inner
            .stream_made
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(made);
        Ok(())
    }

    pub(crate) async fn nudged(&self) {
        self.inner.nudge.notified().await;
    }

    pub(crate) async fn lock_waiting_in_tx(
        &self,
        tx: &mut PgConnection,
        limit: i64,
    ) -> Result<Vec<Waiting>, sqlx::Error> {
        let rows = sqlx::query(AssertSqlSafe(self.inner.waiting.as_str()))
            .bind(limit)
            .fetch_all(tx)
            .await?;
        rows.iter().map(waiting).collect()
    }

    pub(crate) async fn mark_published_in_tx(
        &self,
        tx: &mut PgConnection,
        outbox_ids: &[i64],
    ) -> Result<(), sqlx::Error> {
        sqlx::query(AssertSqlSafe(self.inner.mark.as_str()))
            .bind(outbox_ids)
            .execute(tx)
            .await?;
        Ok(())
    }
}

/// Below NATS' default limit of one mebibyte for a message, with room for its headers.
const FACT_BYTES_MAX: usize = 1_000_000;
/// How far Postgres' clock and NATS' may be apart.
const CLOCKS_APART_MAX: time::Duration = time::Duration::seconds(5);

fn bytes(fact: &Fact) -> usize {
    wire::mailbox::v1::Fact::from(fact).encoded_len()
}

fn waiting(row: &sqlx::postgres::PgRow) -> Result<Waiting, sqlx::Error> {
    Ok(Waiting {
        outbox_id: row.try_get("outbox_id")?,
        fact: Fact {
            fact_id: row.try_get("fact_id")?,
            subject: row.try_get("subject")?,
            occurred_at: row.try_get("occurred_at")?,
            aggregate_id: row.try_get("aggregate_id")?,
            aggregate_version: row.try_get("aggregate_version")?,
            payload: row.try_get("payload")?,
            request_id: row.try_get("request_id")?,
        },
    })
}
