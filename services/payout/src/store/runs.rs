//! Runs: one per closed month, in passes.

use std::collections::HashMap;

use ledger::Month;
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::{Store, unreadable};
/// What a run knows of a creator.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing {
    /// The number of the run's newest payout for the creator; zero when there is none.
    pub sequence: i32,
    /// Whether the creator was told to wait until now.
    pub again: bool,
}

/// A run that was taken, and how many passes it has had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunLease {
    pub month: Month,
    pub pass_count: i32,
}

/// A run as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    pub month: Month,
    /// Whether somebody may still be planned.
    pub planning: bool,
}

impl Store {
    /// Starts a run; a month that is told twice runs once.
    pub async fn insert_run_in_tx(
        &self,
        tx: &mut PgConnection,
        month: Month,
        now: OffsetDateTime,
    ) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "insert into payout.run (month, state, due_at) values ($1, 'planning', $2)
             on conflict on constraint run__pk do nothing",
            month.to_string(),
            now
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    pub async fn find_run(&self, month: Month) -> Result<Option<Run>, sqlx::Error> {
        let state = sqlx::query_scalar!(
            "select state from payout.run where month = $1",
            month.to_string()
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(state.map(|state| Run {
            month,
            planning: state == "planning",
        }))
    }

    /// Takes the oldest run that is due, for a few seconds.
    pub async fn lease_run(&self, now: OffsetDateTime) -> Result<Option<RunLease>, sqlx::Error> {
        let row = sqlx::query!(
            "update payout.run set leased_until_wall_at = now() + interval '5 seconds'
             where month = (
                 select month from payout.run
                 where state = 'planning' and due_at <= $1
                   and (leased_until_wall_at is null or leased_until_wall_at < now())
                 order by month limit 1 for update skip locked)
             returning month, pass_count",
            now
        )
        .fetch_optional(&self.pool)
        .await?;
        row.map(|row| {
            Ok(RunLease {
                month: row.month.parse().map_err(unreadable)?,
                pass_count: row.pass_count,
            })
        })
        .transpose()
    }

    /// Keeps a run that is being planned, unless it was given back.
    pub async fn extend_run_lease(&self, month: Month) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "update payout.run set leased_until_wall_at = now() + interval '5 seconds'
             where month = $1 and leased_until_wall_at is not null",
            month.to_string()
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    pub async fn end_run_lease(&self, month: Month) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "update payout.run set leased_until_wall_at = null where month = $1",
            month.to_string()
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The pass that began at `began_at` is over. Who was to be looked at in it and is owed nothing
    /// any more waits no longer; while somebody waits, another pass follows. A run that is not the
    /// newest leaves them to the newest.
    pub async fn finish_pass(
        &self,
        month: Month,
        began_at: OffsetDateTime,
    ) -> Result<(), sqlx::Error> {
        let month = month.to_string();
        let mut tx = self.begin().await?;
        // The lock first: whoever makes somebody wait meanwhile is seen by what follows, or
        // follows it.
        sqlx::query!(
            "select month from payout.run where month = $1 for update",
            month
        )
        .fetch_optional(&mut *tx)
        .await?;
        sqlx::query!(
            "delete from payout.carried_over where month = $1 and again_at <= $2",
            month,
            began_at
        )
        .execute(&mut *tx)
        .await?;
        sqlx::query!(
            "with again as (
                 select min(again_at) as at from payout.carried_over where month = $1
             )
             update payout.run
             set state = case when again.at is null then 'planned' else 'planning' end,
                 due_at = coalesce(again.at, due_at), pass_count = pass_count + 1,
                 leased_until_wall_at = null
             from again where month = $1",
            month
        )
        .execute(&mut *tx)
        .await?;
        self.hand_over_in_tx(&mut tx).await?;
        tx.commit().await
    }

    /// Everyone who waits in an older run that was begun waits in the newest, which looks at them
    /// anyway: two runs never plan side by side.
    async fn hand_over_in_tx(&self, tx: &mut PgConnection) -> Result<(), sqlx::Error> {
        let older = sqlx::query_scalar!(
            "update payout.run set state = 'planned'
             where state = 'planning' and pass_count > 0
               and month < (select max(month) from payout.run where pass_count > 0)
             returning month"
        )
        .fetch_all(&mut *tx)
        .await?;
        sqlx::query!(
            "update payout.carried_over
             set again_at = null, expected_on = null,
                 reason = reason || '; it goes on with the run after'
             where again_at is not null and month = any($1)",
            &older
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    /// The run that says why somebody is not paid: the newest that there is.
    pub async fn newest_run_in_tx(
        &self,
        tx: &mut PgConnection,
    ) -> Result<Option<Month>, sqlx::Error> {
        let month = sqlx::query_scalar!("select max(month) from payout.run")
            .fetch_one(tx)
            .await?;
        month
            .map(|month| month.parse().map_err(unreadable))
            .transpose()
    }

    /// Somebody waits in this run until `again_at`.
    pub async fn go_on_in_tx(
        &self,
        tx: &mut PgConnection,
        month: Month,
        again_at: OffsetDateTime,
    ) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "update payout.run
             set due_at = case when state = 'planned' then $2 else least(due_at, $2) end,
                 state = 'planning'
             where month = $1",
            month.to_string(),
            again_at
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    /// What the run knows of these creators; none of those whom it has not planned yet.
    pub async fn standings(
        &self,
        month: Month,
        creator_ids: &[String],
        now: OffsetDateTime,
    ) -> Result<HashMap<String, Standing>, sqlx::Error> {
        let rows = sqlx::query!(
            r#"select creator_id as "creator_id!", max(sequence) as "sequence!",
                      bool_or(again) as "again!"
               from (
                   select creator_id, sequence, false as again from payout.payout
                   where month = $1 and creator_id = any($2)
                   union all
                   select creator_id, 0, again_at <= $3 from payout.carried_over
                   where month = $1 and creator_id = any($2) and again_at is not null
               ) as known
               group by creator_id"#,
            month.to_string(),
            creator_ids,
            now
        )
        .fetch_all(&self.pool)
        .await?;
        let standing = |sequence, again| Standing { sequence, again };
        Ok(rows
            .into_iter()
            .map(|row| (row.creator_id, standing(row.sequence, row.again)))
            .collect())
    }

    /// When the next run is due; in the past while one is being planned.
    pub async fn next_run_due(&self) -> Result<Option<OffsetDateTime>, sqlx::Error> {
        sqlx::query_scalar!("select min(due_at) from payout.run where state = 'planning'")
            .fetch_one(&self.pool)
            .await
    }
}
