//! Runs, and whom they did not pay.

use ledger::{CreatorId, Month};
use money::{Amount, Asset};
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::{Store, unreadable};
use crate::domain::Carried;

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
    pub async fn lease_run(&self, now: OffsetDateTime) -> Result<Option<Month>, sqlx::Error> {
        let month = sqlx::query_scalar!(
            "update payout.run set leased_until_wall_at = now() + interval '5 seconds'
             where month = (
                 select month from payout.run
                 where state = 'planning' and due_at <= $1
                   and (leased_until_wall_at is null or leased_until_wall_at < now())
                 order by month limit 1 for update skip locked)
             returning month",
            now
        )
        .fetch_optional(&self.pool)
        .await?;
        month
            .map(|month| month.parse().map_err(unreadable))
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

    /// The pass is over: everyone is planned, or somebody waits until `again_at`.
    pub async fn finish_pass(
        &self,
        month: Month,
        again_at: Option<OffsetDateTime>,
    ) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "update payout.run
             set state = case when $2::timestamptz is null then 'planned' else 'planning' end,
                 due_at = coalesce($2, due_at), leased_until_wall_at = null
             where month = $1",
            month.to_string(),
            again_at
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// When the next run is due; in the past while one is being planned.
    pub async fn next_run_due(&self) -> Result<Option<OffsetDateTime>, sqlx::Error> {
        sqlx::query_scalar!("select min(due_at) from payout.run where state = 'planning'")
            .fetch_one(&self.pool)
            .await
    }

    /// Says why creators are not paid, in place of what was said before.
    pub async fn carry_over_in_tx(
        &self,
        tx: &mut PgConnection,
        month: Month,
        carried: &[Carried],
    ) -> Result<(), sqlx::Error> {
        let creators: Vec<String> = carried
            .iter()
            .map(|carried| carried.creator_id.to_string())
            .collect();
        let amounts: Vec<i64> = carried
            .iter()
            .map(|carried| carried.payable.minor())
            .collect();
        let reasons: Vec<String> = carried
            .iter()
            .map(|carried| carried.reason.clone())
            .collect();
        sqlx::query!(
            "insert into payout.carried_over (month, creator_id, payable_minor, reason)
             select $1, given.creator_id, given.payable_minor, given.reason
             from unnest($2::text[], $3::bigint[], $4::text[])
                  as given (creator_id, payable_minor, reason)
             on conflict on constraint carried_over__pk do update
                 set payable_minor = excluded.payable_minor, reason = excluded.reason",
            month.to_string(),
            &creators,
            &amounts,
            &reasons
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    /// They are paid after all.
    pub async fn carry_no_more_in_tx(
        &self,
        tx: &mut PgConnection,
        month: Month,
        creator_ids: &[String],
    ) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "delete from payout.carried_over where month = $1 and creator_id = any($2)",
            month.to_string(),
            creator_ids
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    /// Whom a run did not pay, in creator id order.
    pub async fn list_carried_over(&self, month: Month) -> Result<Vec<Carried>, sqlx::Error> {
        let rows = sqlx::query!(
            "select creator_id, payable_minor, reason from payout.carried_over
             where month = $1 order by creator_id",
            month.to_string()
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(|row| {
                Ok(Carried {
                    creator_id: CreatorId::try_new(&row.creator_id).map_err(unreadable)?,
                    payable: Amount::try_new(row.payable_minor, Asset::Usd).map_err(unreadable)?,
                    reason: row.reason,
                })
            })
            .collect()
    }
}
