//! The registry.

use sqlx::PgConnection;
use time::OffsetDateTime;

use super::Store;
use crate::domain::{Creator, Profile};

impl Store {
    /// Writes a creator that is new; answers whether it was.
    pub async fn insert_creator_in_tx(
        &self,
        tx: &mut PgConnection,
        profile: &Profile,
        now: OffsetDateTime,
    ) -> Result<bool, sqlx::Error> {
        let done = sqlx::query!(
            "insert into payout.creator (creator_id, display_name, email, created_at, version)
             values ($1, $2, $3, $4, 1)
             on conflict on constraint creator__pk do nothing",
            profile.creator_id.as_str(),
            profile.display_name,
            profile.email,
            profile.created_at.unwrap_or(now)
        )
        .execute(tx)
        .await?;
        Ok(done.rows_affected() > 0)
    }

    pub async fn lock_creator_in_tx(
        &self,
        tx: &mut PgConnection,
        creator_id: &str,
    ) -> Result<Option<Creator>, sqlx::Error> {
        sqlx::query_as!(
            Creator,
            "select creator_id, display_name, email, created_at, version
             from payout.creator where creator_id = $1 for update",
            creator_id
        )
        .fetch_optional(tx)
        .await
    }

    pub async fn update_creator_in_tx(
        &self,
        tx: &mut PgConnection,
        creator: &Creator,
    ) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "update payout.creator
             set display_name = $2, email = $3, created_at = $4, version = $5
             where creator_id = $1",
            creator.creator_id,
            creator.display_name,
            creator.email,
            creator.created_at,
            creator.version
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    pub async fn find_creator(&self, creator_id: &str) -> Result<Option<Creator>, sqlx::Error> {
        sqlx::query_as!(
            Creator,
            "select creator_id, display_name, email, created_at, version
             from payout.creator where creator_id = $1",
            creator_id
        )
        .fetch_optional(&self.pool)
        .await
    }
}
