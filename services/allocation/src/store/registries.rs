//! What others own and this service must know: creators and subscriptions.

use ledger::CreatorId;
use sqlx::PgConnection;

use super::Store;

/// A snapshot of a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionRow {
    pub subscription: String,
    pub subscriber: String,
    pub program: String,
    pub status: String,
    pub version: i64,
}

impl Store {
    pub async fn save_creators_in_tx(
        &self,
        tx: &mut PgConnection,
        creators: &[String],
        versions: &[i64],
    ) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "insert into allocation.creator as known (creator_id, version)
             select creator_id, max(version)
             from unnest($1::text[], $2::bigint[]) as given (creator_id, version)
             group by creator_id order by creator_id
             on conflict on constraint creator__pk do update set version = excluded.version
                 where known.version < excluded.version",
            creators,
            versions
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    pub async fn knows_creator(&self, creator: &CreatorId) -> Result<bool, sqlx::Error> {
        sqlx::query_scalar!(
            "select exists (select 1 from allocation.creator where creator_id = $1) as \"known!\"",
            creator.as_str()
        )
        .fetch_one(&self.pool)
        .await
    }

    /// Keeps the newest version of each, in whatever order they come.
    pub async fn save_subscriptions_in_tx(
        &self,
        tx: &mut PgConnection,
        rows: &[SubscriptionRow],
    ) -> Result<(), sqlx::Error> {
        let column = |read: fn(&SubscriptionRow) -> &String| -> Vec<String> {
            rows.iter().map(read).cloned().collect()
        };
        let versions: Vec<i64> = rows.iter().map(|row| row.version).collect();
        sqlx::query!(
            "insert into allocation.subscription as known
                 (subscription_id, subscriber_id, program, status, version)
             select distinct on (subscription_id)
                 subscription_id, subscriber_id, program, status, version
             from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[])
                 as given (subscription_id, subscriber_id, program, status, version)
             order by subscription_id, version desc
             on conflict on constraint subscription__pk do update
                 set subscriber_id = excluded.subscriber_id, program = excluded.program,
                     status = excluded.status, version = excluded.version
                 where known.version < excluded.version",
            &column(|row| &row.subscription),
            &column(|row| &row.subscriber),
            &column(|row| &row.program),
            &column(|row| &row.status),
            &versions
        )
        .execute(tx)
        .await?;
        Ok(())
    }
}
