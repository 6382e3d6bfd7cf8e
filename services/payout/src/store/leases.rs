//! Whose work a payout is, and when.

use sqlx::PgConnection;
use time::OffsetDateTime;

use super::Store;
use crate::domain::Errand;

/// A hold that is looked for again: of which payout, and how often it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldLook {
    pub payout_id: String,
    pub count: i32,
}

impl Store {
    /// The errand is run. A payout that has not ended goes on from where it stands; one that was
    /// given another errand meanwhile keeps that.
    pub async fn finish_errand_in_tx(
        &self,
        tx: &mut PgConnection,
        payout_id: &str,
        errand: Errand,
    ) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "update payout.payout
             set errand = 'none', replacement_minor = null, stumble_count = 0,
                 due_at = case
                     when state in ('paid', 'canceled', 'failed', 'rejected') then null
                     else coalesce(next_retry_at, due_at) end
             where payout_id = $1 and errand = $2",
            payout_id,
            errand.as_str()
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    /// Takes up to `limit` payouts that are due, for a few seconds.
    pub async fn lease_due_payouts(
        &self,
        now: OffsetDateTime,
        limit: i64,
    ) -> Result<Vec<String>, sqlx::Error> {
        sqlx::query_scalar!(
            "update payout.payout set leased_until_wall_at = now() + interval '5 seconds'
             where payout_id in (
                 select payout_id from payout.payout
                 where due_at <= $1
                   and (leased_until_wall_at is null or leased_until_wall_at < now())
                 order by due_at, payout_id limit $2 for update skip locked)
             returning payout_id",
            now,
            limit
        )
        .fetch_all(&self.pool)
        .await
    }

    /// Takes a payout that was written in this transaction.
    pub async fn lease_in_tx(
        &self,
        tx: &mut PgConnection,
        payout_id: &str,
    ) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "update payout.payout set leased_until_wall_at = now() + interval '5 seconds'
             where payout_id = $1",
            payout_id
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    /// Takes one payout that nobody has in hand, due or not; answers whether it was to be had.
    /// `state` is where it must be.
    pub async fn lease_payout(&self, payout_id: &str, state: &str) -> Result<bool, sqlx::Error> {
        let taken = sqlx::query!(
            "update payout.payout set leased_until_wall_at = now() + interval '5 seconds'
             where payout_id = $1 and state = $2
               and (leased_until_wall_at is null or leased_until_wall_at < now())",
            payout_id,
            state
        )
        .execute(&self.pool)
        .await?;
        Ok(taken.rows_affected() > 0)
    }

    /// Keeps a payout that is being worked on, unless it was given back.
    pub async fn extend_lease(&self, payout_id: &str) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "update payout.payout set leased_until_wall_at = now() + interval '5 seconds'
             where payout_id = $1 and leased_until_wall_at is not null",
            payout_id
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Gives a payout back: its work is done for now.
    pub async fn end_lease(&self, payout_id: &str) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "update payout.payout set leased_until_wall_at = null where payout_id = $1",
            payout_id
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Gives a payout back after a failure of somebody else's, to be taken again after a pause that
    /// doubles from a quarter of a second to five seconds: longer, and a peer that is back would be
    /// waited for as long again as it was away.
    pub async fn stumble(&self, payout_id: &str) -> Result<(), sqlx::Error> {
        self.pause(payout_id, 250, 5_000).await
    }

    /// Gives a payout back whose order Stripe has not answered: the same order goes again after a
    /// pause that doubles from one second to thirty. Stripe has enough to do when it is so.
    pub async fn wait_for_stripe(&self, payout_id: &str) -> Result<(), sqlx::Error> {
        self.pause(payout_id, 1_000, 30_000).await
    }

    async fn pause(&self, payout_id: &str, first_ms: i64, most_ms: i64) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "update payout.payout
             set leased_until_wall_at = now() + least(
                     $2 * (1::bigint << least(stumble_count, 10)), $3) * interval '1 millisecond',
                 stumble_count = stumble_count + 1
             where payout_id = $1",
            payout_id,
            first_ms,
            most_ms
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Nothing to do here before `due_at`, or, without one, before a fact comes.
    pub async fn wait(
        &self,
        payout_id: &str,
        version: i64,
        due_at: Option<OffsetDateTime>,
    ) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "update payout.payout set due_at = $3 where payout_id = $1 and version = $2",
            payout_id,
            version,
            due_at
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// When the next payout is due; in the past while one is taken or pauses.
    pub async fn next_payout_due(&self) -> Result<Option<OffsetDateTime>, sqlx::Error> {
        sqlx::query_scalar!("select min(due_at) from payout.payout")
            .fetch_one(&self.pool)
            .await
    }

    /// The hold was not there. A request for it may be under way still, sent by a process that
    /// stalled: it is looked for again in a minute.
    pub async fn look_for_hold_in_tx(
        &self,
        tx: &mut PgConnection,
        payout_id: &str,
    ) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "update payout.payout
             set hold_look_wall_at = now() + interval '1 minute', hold_look_count = 0
             where payout_id = $1",
            payout_id
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    /// Takes holds that are to be looked for, for half a minute.
    pub async fn lease_hold_looks(&self, limit: i64) -> Result<Vec<HoldLook>, sqlx::Error> {
        sqlx::query_as!(
            HoldLook,
            "update payout.payout set hold_look_wall_at = now() + interval '30 seconds'
             where payout_id in (
                 select payout_id from payout.payout where hold_look_wall_at <= now()
                 order by hold_look_wall_at limit $1 for update skip locked)
             returning payout_id, hold_look_count as count",
            limit
        )
        .fetch_all(&self.pool)
        .await
    }

    /// Looks again after `again_minutes`, or never again.
    pub async fn finish_hold_look(
        &self,
        payout_id: &str,
        again_minutes: Option<i32>,
    ) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "update payout.payout
             set hold_look_wall_at = now() + $2::integer * interval '1 minute',
                 hold_look_count = hold_look_count + 1
             where payout_id = $1",
            payout_id,
            again_minutes
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
