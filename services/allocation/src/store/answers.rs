//! What was answered to requests that carry a key, for as long as they may come again.

use ledger::{CreatorId, Month};
use money::Amount;
use sqlx::PgConnection;

use crate::domain::{Ask, Order, Pool};

use super::months::month_of;
use super::{Share, Store, unreadable, usd};

/// A request that was carried out, and the pool as it was then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub hash: Vec<u8>,
    pub month: Month,
    pub version: u64,
    /// Whether that version is this request's; else it found nothing to change.
    pub changed: bool,
    pub funded: Amount,
}

impl Answer {
    /// The answer to an order that ended with this pool.
    pub fn of(order: &Order, month: Month, pool: &Pool, changed: bool) -> Self {
        Self {
            hash: order.hash(),
            month,
            version: pool.version(),
            changed,
            funded: pool.funded(),
        }
    }

    fn version_column(&self) -> Result<i64, sqlx::Error> {
        i64::try_from(self.version).map_err(unreadable)
    }
}

impl Store {
    /// What was answered under a subscriber's key.
    pub async fn find_answer_in_tx(
        &self,
        tx: &mut PgConnection,
        ask: &Ask,
        key: &str,
    ) -> Result<Option<Answer>, sqlx::Error> {
        let row = sqlx::query!(
            "select request_hash, month, version, changed, funded_minor
             from allocation.answered_request where subscriber_id = $1 and request_key = $2",
            ask.subscriber.as_str(),
            key
        )
        .fetch_optional(tx)
        .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(Answer {
            hash: row.request_hash,
            month: month_of(row.month)?,
            version: row.version.try_into().map_err(unreadable)?,
            changed: row.changed,
            funded: usd(row.funded_minor)?,
        }))
    }

    /// Keeps an answer; `false` when there is one under the key already. One that is not
    /// committed yet is waited for.
    pub async fn save_answer_in_tx(
        &self,
        tx: &mut PgConnection,
        ask: &Ask,
        key: &str,
        answer: &Answer,
    ) -> Result<bool, sqlx::Error> {
        let done = sqlx::query!(
            "insert into allocation.answered_request
                 (subscriber_id, request_key, request_hash, program, month, version, changed,
                  funded_minor)
             values ($1, $2, $3, $4, $5, $6, $7, $8)
             on conflict on constraint answered_request__pk do nothing",
            ask.subscriber.as_str(),
            key,
            answer.hash,
            ask.program.as_str(),
            answer.month.to_i32(),
            answer.version_column()?,
            answer.changed,
            answer.funded.minor()
        )
        .execute(tx)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// What a pool directed at the version of an answer, by creator, from its changes.
    pub async fn list_shares_of_in_tx(
        &self,
        tx: &mut PgConnection,
        ask: &Ask,
        answer: &Answer,
    ) -> Result<Vec<Share>, sqlx::Error> {
        let rows = sqlx::query!(
            "select then_share.creator_id, then_share.to_minor, then_share.changed_at, share.status
             from (
                 select distinct on (creator_id) creator_id, to_minor, changed_at
                 from allocation.allocation_change
                 where subscriber_id = $1 and program = $2 and month = $3 and version <= $4
                 order by creator_id, version desc
             ) as then_share
             join allocation.allocation as share
                 on share.subscriber_id = $1 and share.program = $2 and share.month = $3
                     and share.creator_id = then_share.creator_id
             where then_share.to_minor > 0
             order by then_share.creator_id",
            ask.subscriber.as_str(),
            ask.program.as_str(),
            answer.month.to_i32(),
            answer.version_column()?
        )
        .fetch_all(tx)
        .await?;
        let mut shares = Vec::with_capacity(rows.len());
        for row in rows {
            shares.push(Share {
                creator: CreatorId::try_from(row.creator_id).map_err(unreadable)?,
                amount: usd(row.to_minor)?,
                status: row.status,
                updated_at: row.changed_at,
            });
        }
        Ok(shares)
    }

    /// The keys of the facts that a request announced, by creator.
    pub async fn list_fact_keys_of_in_tx(
        &self,
        tx: &mut PgConnection,
        ask: &Ask,
        answer: &Answer,
    ) -> Result<Vec<String>, sqlx::Error> {
        if !answer.changed {
            return Ok(Vec::new());
        }
        sqlx::query_scalar!(
            "select fact_key from allocation.allocation_change
             where subscriber_id = $1 and program = $2 and month = $3 and version = $4
             order by creator_id",
            ask.subscriber.as_str(),
            ask.program.as_str(),
            answer.month.to_i32(),
            answer.version_column()?
        )
        .fetch_all(tx)
        .await
    }

    /// Deletes some of the answers that are older than `days`; answers how many.
    pub async fn forget_answers(&self, days: u32, most: i64) -> Result<u64, sqlx::Error> {
        let forgotten = sqlx::query!(
            "delete from allocation.answered_request as old
             using (
                 select subscriber_id, request_key from allocation.answered_request
                 where answered_wall_at < now() - $1::bigint * interval '1 day'
                 order by answered_wall_at
                 limit $2
                 for update skip locked
             ) as due
             where old.subscriber_id = due.subscriber_id and old.request_key = due.request_key",
            i64::from(days),
            most
        )
        .execute(&self.pool)
        .await?;
        Ok(forgotten.rows_affected())
    }
}
