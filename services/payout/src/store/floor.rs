//! The platform's floor, look by look.

use sqlx::PgConnection;
use time::OffsetDateTime;

use super::Store;
use crate::domain::{Floor, Minimums, Settings};

/// The watch, as it was taken. Whoever takes it later has a higher fence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FloorLease {
    pub fence: i64,
    /// Looks that were asked for until then.
    pub asked_count: i64,
    pub minimums: Minimums,
}

impl Store {
    /// Takes the watch if it is due, for a few seconds.
    pub async fn lease_floor(
        &self,
        now: OffsetDateTime,
    ) -> Result<Option<FloorLease>, sqlx::Error> {
        let row = sqlx::query!(
            "update payout.floor_watch
             set leased_until_wall_at = now() + interval '5 seconds', fence = fence + 1
             where due_at <= $1
               and (leased_until_wall_at is null or leased_until_wall_at < now())
             returning fence, asked_count, ours_minor, by_hand_minor",
            now
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|row| FloorLease {
            fence: row.fence,
            asked_count: row.asked_count,
            minimums: Minimums {
                ours_minor: row.ours_minor,
                by_hand_minor: row.by_hand_minor,
            },
        }))
    }

    pub async fn extend_floor_lease(&self, fence: i64) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "update payout.floor_watch set leased_until_wall_at = now() + interval '5 seconds'
             where fence = $1 and leased_until_wall_at is not null",
            fence
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Keeps the watch closed for some seconds, after a failure; answers whether it still was ours.
    pub async fn pause_floor(&self, fence: i64, seconds: i32) -> Result<bool, sqlx::Error> {
        let paused = sqlx::query!(
            "update payout.floor_watch
             set leased_until_wall_at = now() + $2::integer * interval '1 second'
             where fence = $1",
            fence,
            seconds
        )
        .execute(&self.pool)
        .await?;
        Ok(paused.rows_affected() > 0)
    }

    /// Writes down what Stripe is about to be told; answers whether the watch still is ours.
    pub async fn tell_floor(&self, fence: i64, minimums: &Minimums) -> Result<bool, sqlx::Error> {
        let told = sqlx::query!(
            "update payout.floor_watch set ours_minor = $2, by_hand_minor = $3 where fence = $1",
            fence,
            &minimums.ours_minor,
            minimums.by_hand_minor
        )
        .execute(&self.pool)
        .await?;
        Ok(told.rows_affected() > 0)
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

    /// Records a look, and the time of the next: at once if another was asked for meanwhile.
    /// Answers whether the watch still was ours; if not, nothing is recorded.
    pub async fn record_floor_in_tx(
        &self,
        tx: &mut PgConnection,
        lease: &FloorLease,
        floor: &Floor,
        next_at: OffsetDateTime,
    ) -> Result<bool, sqlx::Error> {
        let given_back = sqlx::query!(
            "update payout.floor_watch
             set due_at = case when asked_count = $2 then $3 else due_at end,
                 ours_minor = $4, by_hand_minor = $5, leased_until_wall_at = null
             where fence = $1",
            lease.fence,
            lease.asked_count,
            next_at,
            &lease.minimums.ours_minor,
            lease.minimums.by_hand_minor
        )
        .execute(&mut *tx)
        .await?;
        if given_back.rows_affected() == 0 {
            return Ok(false);
        }
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
        .execute(tx)
        .await?;
        Ok(true)
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
