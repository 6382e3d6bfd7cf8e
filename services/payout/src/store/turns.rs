//! Whose work a run is, and when: one is planned at a time, by one replica.

use ledger::Month;
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::{Store, unreadable};

/// A run that was taken. Whoever takes it later has a higher fence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunLease {
    pub month: Month,
    pub fence: i64,
}

impl Store {
    /// Takes the oldest run that is due, for a few seconds, unless one is being planned: two would
    /// count on the same funds. A run that paused goes after those that did not, so that one which
    /// cannot be planned holds up no other.
    pub async fn lease_run(&self, now: OffsetDateTime) -> Result<Option<RunLease>, sqlx::Error> {
        // Without a turn: there is nothing to do for most of a month.
        if self.next_run_due().await?.is_none_or(|due| due > now) {
            return Ok(None);
        }
        self.end_lost_run_leases().await?;
        let mut tx = self.begin().await?;
        // Replicas look one after another: each sees what the one before has taken.
        sqlx::query!("select pg_advisory_xact_lock(hashtextextended('payout.run', 0))")
            .execute(&mut *tx)
            .await?;
        let row = sqlx::query!(
            "update payout.run
             set leased_until_wall_at = clock_timestamp() + interval '5 seconds', fence = fence + 1
             where month = (
                 select month from payout.run
                 where state = 'planning' and due_at <= $1
                   and (paused_until_wall_at is null or paused_until_wall_at < clock_timestamp())
                 order by paused_until_wall_at nulls first, month limit 1 for update)
               and not exists (
                   select from payout.run where leased_until_wall_at is not null)
             returning month, fence",
            now
        )
        .fetch_optional(&mut *tx)
        .await?;
        tx.commit().await?;
        row.map(|row| {
            Ok(RunLease {
                month: row.month.parse().map_err(unreadable)?,
                fence: row.fence,
            })
        })
        .transpose()
    }

    /// Whoever did not keep a lease has lost it, whichever run is taken next. A row that is locked
    /// is left alone: somebody lives.
    async fn end_lost_run_leases(&self) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "update payout.run set leased_until_wall_at = null, fence = fence + 1
             where month in (
                 select month from payout.run where leased_until_wall_at < clock_timestamp()
                 for update skip locked)"
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Keeps a run that is being planned, unless it was given back or taken by somebody else.
    pub async fn extend_run_lease(&self, run: RunLease) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "update payout.run set leased_until_wall_at = clock_timestamp() + interval '5 seconds'
             where month = $1 and fence = $2 and leased_until_wall_at is not null",
            run.month.to_string(),
            run.fence
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Gives a run back that could not be planned. It pauses, and any other that is due goes first.
    pub async fn pause_run(&self, run: RunLease) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "update payout.run
             set leased_until_wall_at = null,
                 paused_until_wall_at = clock_timestamp() + interval '250 milliseconds'
             where month = $1 and fence = $2",
            run.month.to_string(),
            run.fence
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Keeps everyone else from the run until the end of the transaction; answers whether it still
    /// is whose it was.
    pub async fn lock_run_in_tx(
        &self,
        tx: &mut PgConnection,
        run: RunLease,
    ) -> Result<bool, sqlx::Error> {
        let fence = sqlx::query_scalar!(
            "select fence from payout.run where month = $1 for update",
            run.month.to_string()
        )
        .fetch_optional(tx)
        .await?;
        Ok(fence == Some(run.fence))
    }

    /// When the next run is due; in the past while one is being planned.
    pub async fn next_run_due(&self) -> Result<Option<OffsetDateTime>, sqlx::Error> {
        sqlx::query_scalar!("select min(due_at) from payout.run where state = 'planning'")
            .fetch_one(&self.pool)
            .await
    }
}
