//! The platform's floor, look by look.

use sqlx::PgConnection;
use time::OffsetDateTime;

use super::Store;
use crate::domain::{Floor, Settings};

impl Store {
    /// Takes the watch if it is due, for a few seconds.
    pub async fn lease_floor(&self, now: OffsetDateTime) -> Result<bool, sqlx::Error> {
        let taken = sqlx::query!(
            "update payout.floor_watch set leased_until_wall_at = now() + interval '5 seconds'
             where due_at <= $1
               and (leased_until_wall_at is null or leased_until_wall_at < now())",
            now
        )
        .execute(&self.pool)
        .await?;
        Ok(taken.rows_affected() > 0)
    }

    pub async fn extend_floor_lease(&self) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "update payout.floor_watch set leased_until_wall_at = now() + interval '5 seconds'
             where leased_until_wall_at is not null"
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Keeps the watch closed for some seconds, after a failure.
    pub async fn pause_floor(&self, seconds: i32) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "update payout.floor_watch
             set leased_until_wall_at = now() + $1::integer * interval '1 second'",
            seconds
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Asks for a look now; answers nothing.
    pub async fn ask_for_floor_in_tx(&self, tx: &mut PgConnection) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "update payout.floor_watch
             set due_at = '1970-01-01 00:00:00+00', asked_count = asked_count + 1"
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    /// How often a look was asked for. One that is asked for during a look is not lost by it.
    pub async fn floor_asked_count(&self) -> Result<i64, sqlx::Error> {
        sqlx::query_scalar!("select asked_count from payout.floor_watch")
            .fetch_one(&self.pool)
            .await
    }

    /// Records a look, and the time of the next.
    pub async fn record_floor_in_tx(
        &self,
        tx: &mut PgConnection,
        floor: &Floor,
        asked_count: i64,
        next_at: OffsetDateTime,
    ) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "insert into payout.platform_floor
                 (required_minor, cut, minimum_minor, is_manual, set_at)
             values ($1, $2, $3, $4, $5)",
            floor.required_minor,
            floor.cut,
            floor.settings.minimum_minor,
            floor.settings.is_manual,
            floor.set_at
        )
        .execute(&mut *tx)
        .await?;
        sqlx::query!(
            "update payout.floor_watch
             set due_at = case when asked_count = $2 then $1 else due_at end,
                 leased_until_wall_at = null",
            next_at,
            asked_count
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    pub async fn find_floor(&self) -> Result<Option<Floor>, sqlx::Error> {
        let row = sqlx::query!(
            "select required_minor, cut, minimum_minor, is_manual, set_at
             from payout.platform_floor order by platform_floor_id desc limit 1"
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|row| Floor {
            required_minor: row.required_minor,
            cut: row.cut,
            settings: Settings {
                is_manual: row.is_manual,
                minimum_minor: row.minimum_minor,
            },
            set_at: row.set_at,
        }))
    }
}
