//! Runs: one per closed month, in passes.

use std::collections::HashMap;

use ledger::Month;
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::payouts::month_text;
use super::{RunLease, Store, unreadable};
use crate::domain::AMOUNT_LIMITS;

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

    /// Keeps everyone else from a run, if one is given, and from the newest, whose month is answered
    /// if there is one. Newest first, as a pass does when it ends.
    pub async fn lock_newest_run_in_tx(
        &self,
        tx: &mut PgConnection,
        month: Option<Month>,
    ) -> Result<Option<Month>, sqlx::Error> {
        let locked = sqlx::query_scalar!(
            "select month from payout.run
             where month = $1 or month = (select max(month) from payout.run)
             order by month desc for update",
            month_text(month)
        )
        .fetch_all(tx)
        .await?;
        let newest = locked.first().map(|newest| newest.parse());
        newest.transpose().map_err(unreadable)
    }

    /// Whether a pass of this run may have gone by while a payout that was asked for held money,
    /// and the run has planned nothing else for its creator. True while the run is locked.
    pub async fn was_passed_over_in_tx(
        &self,
        tx: &mut PgConnection,
        month: Month,
        payout_id: &str,
    ) -> Result<bool, sqlx::Error> {
        sqlx::query_scalar!(
            r#"select exists (
                   select from payout.run join payout.payout as asked
                     on run.leased_until_wall_at is not null
                     or asked.created_wall_at <= run.passed_wall_at
                   where run.month = $1 and asked.payout_id = $2
                     and not exists (
                         select from payout.payout as hers
                         where hers.month = $1 and hers.creator_id = asked.creator_id)
               ) as "passed!""#,
            month.to_string(),
            payout_id
        )
        .fetch_one(tx)
        .await
    }

    /// A pass begins at `now`. It looks at everyone who was told to wait until now, and at everyone
    /// who waits for funds, whatever they were told: else those who come after would overtake. The
    /// first pass also looks at everyone for whom the run has planned nothing: what an older payout
    /// left them before it began is no reason to pass them over. Answers whether the run still is
    /// whose it was.
    pub async fn begin_pass(
        &self,
        run: RunLease,
        now: OffsetDateTime,
    ) -> Result<bool, sqlx::Error> {
        let mut tx = self.begin().await?;
        if !self.lock_run_in_tx(&mut tx, run).await? {
            return Ok(false);
        }
        sqlx::query!(
            "update payout.carried_over set looked_by = $2
             where month = $1 and again_at is not null
               and (again_at <= $3 or for_funds or (
                   exists (select from payout.run where month = $1 and pass_count = 0)
                   and not exists (
                       select from payout.payout as planned
                       where planned.month = $1
                         and planned.creator_id = carried_over.creator_id)))",
            run.month.to_string(),
            run.fence,
            now
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(true)
    }

    /// A pass is over. Whom it looked at and found to be owed nothing waits no longer; while
    /// somebody waits, another pass follows, after a pause that doubles from a quarter of a second
    /// to a minute if it is due at once. A run that is not the newest leaves them to the newest.
    /// Answers whether the run still was whose it was.
    pub async fn finish_pass(
        &self,
        run: RunLease,
        now: OffsetDateTime,
    ) -> Result<bool, sqlx::Error> {
        let month = run.month.to_string();
        let mut tx = self.begin().await?;
        // The lock first: whoever makes somebody wait meanwhile is seen by what follows, or
        // follows it.
        if !self.lock_run_in_tx(&mut tx, run).await? {
            return Ok(false);
        }
        self.settle_looked_at_in_tx(&mut tx, run).await?;
        sqlx::query!(
            "with again as (
                 select min(again_at) as at from payout.carried_over where month = $1
             )
             update payout.run
             set state = case when again.at is null then 'planned' else 'planning' end,
                 due_at = coalesce(again.at, due_at), pass_count = pass_count + 1,
                 leased_until_wall_at = null, passed_wall_at = now(),
                 paused_until_wall_at = case when again.at <= $2 then now() + least(
                     250 * (1::bigint << least(stumble_count, 10)), 60000)
                     * interval '1 millisecond' end,
                 stumble_count = case when again.at <= $2 then stumble_count + 1 else 0 end
             from again where month = $1",
            month,
            now
        )
        .execute(&mut *tx)
        .await?;
        self.hand_over_in_tx(&mut tx).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Those of whom nothing was said since the pass began to look. What a limit left of a payout
    /// stays promised while the books have not given back its hold: that moment makes the creator
    /// wait again, however late it is.
    async fn settle_looked_at_in_tx(
        &self,
        tx: &mut PgConnection,
        run: RunLease,
    ) -> Result<(), sqlx::Error> {
        let limits = AMOUNT_LIMITS.map(str::to_owned);
        sqlx::query!(
            "update payout.carried_over as waiting
             set again_at = null, for_funds = false, looked_by = null
             where month = $1 and looked_by = $2
               and exists (
                   select from payout.payout as given_back
                   where given_back.creator_id = waiting.creator_id
                     and given_back.errand = 'give_back' and given_back.state = 'canceled'
                     and given_back.scheduled and given_back.failure_code = any($3))",
            run.month.to_string(),
            run.fence,
            limits.as_slice()
        )
        .execute(&mut *tx)
        .await?;
        sqlx::query!(
            "delete from payout.carried_over where month = $1 and looked_by = $2",
            run.month.to_string(),
            run.fence
        )
        .execute(tx)
        .await?;
        Ok(())
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
             set again_at = null, expected_on = null, for_funds = false, looked_by = null,
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

    /// The creators of these whom the run has planned, or told to wait, and whether this pass looks
    /// at them again.
    pub async fn standings(
        &self,
        run: RunLease,
        creator_ids: &[String],
    ) -> Result<HashMap<String, bool>, sqlx::Error> {
        let rows = sqlx::query!(
            r#"select creator_id as "creator_id!", bool_or(again) as "again!"
               from (
                   select creator_id, false as again from payout.payout
                   where month = $1 and creator_id = any($2)
                   union all
                   select creator_id, coalesce(looked_by = $3, false) from payout.carried_over
                   where month = $1 and creator_id = any($2) and again_at is not null
               ) as known
               group by creator_id"#,
            run.month.to_string(),
            creator_ids,
            run.fence
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| (row.creator_id, row.again))
            .collect())
    }

    /// The highest number of a run's payouts by creator; none where there is no payout. True while
    /// the run is locked.
    pub async fn newest_sequences_in_tx(
        &self,
        tx: &mut PgConnection,
        month: Month,
        creator_ids: &[String],
    ) -> Result<HashMap<String, i32>, sqlx::Error> {
        let rows = sqlx::query!(
            r#"select creator_id, max(sequence) as "sequence!" from payout.payout
               where month = $1 and creator_id = any($2) group by creator_id"#,
            month.to_string(),
            creator_ids
        )
        .fetch_all(tx)
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| (row.creator_id, row.sequence))
            .collect())
    }
}
