//! Whom runs did not pay, and why.

use ledger::{CreatorId, Month};
use money::{Amount, Asset};
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::{RunLease, Store, unreadable};
use crate::domain::Carried;

impl Store {
    /// Says why creators are not paid, in place of what was said before. Whoever waits for another
    /// look goes on waiting, until the earlier instant of two: what comes of an older payout is no
    /// reason to look later, or never.
    #[expect(
        clippy::as_conversions,
        reason = "query! wants a type named for an array with absent values; nothing is converted"
    )]
    pub async fn carry_over_in_tx(
        &self,
        tx: &mut PgConnection,
        month: Month,
        carried: &[Carried],
    ) -> Result<(), sqlx::Error> {
        let texts =
            |read: fn(&Carried) -> String| -> Vec<String> { carried.iter().map(read).collect() };
        let amounts: Vec<i64> = carried.iter().map(|one| one.payable.minor()).collect();
        let expected: Vec<Option<OffsetDateTime>> =
            carried.iter().map(|one| one.expected_on).collect();
        let again: Vec<Option<OffsetDateTime>> = carried.iter().map(|one| one.again_at).collect();
        sqlx::query!(
            "insert into payout.carried_over
                 (month, creator_id, payable_minor, reason, expected_on, again_at)
             select $1, given.creator_id, given.payable_minor, given.reason, given.expected_on,
                    given.again_at
             from unnest($2::text[], $3::bigint[], $4::text[], $5::timestamptz[],
                         $6::timestamptz[])
                  as given (creator_id, payable_minor, reason, expected_on, again_at)
             on conflict on constraint carried_over__pk do update
                 set payable_minor = excluded.payable_minor, reason = excluded.reason,
                     expected_on = excluded.expected_on, looked_by = null,
                     again_at = least(carried_over.again_at, excluded.again_at)
                 where carried_over.again_at is null or excluded.again_at is not null",
            month.to_string(),
            &texts(|one| one.creator_id.to_string()),
            &amounts,
            &texts(|one| one.reason.clone()),
            &expected as &[Option<OffsetDateTime>],
            &again as &[Option<OffsetDateTime>]
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    /// What a limit left of a payout is given back: its creator waits in this run, if not sooner
    /// already, then until the instant that is given.
    pub async fn wait_again_in_tx(
        &self,
        tx: &mut PgConnection,
        month: Month,
        left: &Carried,
    ) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "insert into payout.carried_over as told
                 (month, creator_id, payable_minor, reason, expected_on, again_at)
             values ($1, $2, $3, $4, $5, $6)
             on conflict on constraint carried_over__pk do update
                 set payable_minor = case when told.again_at is null
                         then excluded.payable_minor else told.payable_minor end,
                     reason = case when told.again_at is null
                         then excluded.reason else told.reason end,
                     expected_on = case when told.again_at is null
                         then excluded.expected_on else told.expected_on end,
                     again_at = least(told.again_at, excluded.again_at), looked_by = null",
            month.to_string(),
            left.creator_id.as_str(),
            left.payable.minor(),
            left.reason,
            left.expected_on,
            left.again_at
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    /// A pass has decided about these creators: what was said before is said no more. What was said
    /// since the pass began to look is kept for the next.
    pub async fn carry_no_more_in_tx(
        &self,
        tx: &mut PgConnection,
        run: RunLease,
        creator_ids: &[String],
    ) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "delete from payout.carried_over
             where month = $1 and creator_id = any($2) and (again_at is null or looked_by = $3)",
            run.month.to_string(),
            creator_ids,
            run.fence
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    /// A pass could not decide about these creators: they wait for the next, which follows at once.
    pub async fn leave_undecided_in_tx(
        &self,
        tx: &mut PgConnection,
        run: RunLease,
        creator_ids: &[String],
    ) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "update payout.carried_over set looked_by = null
             where month = $1 and creator_id = any($2) and looked_by = $3",
            run.month.to_string(),
            creator_ids,
            run.fence
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    /// What these creators wait for are available funds.
    pub async fn wait_for_funds_in_tx(
        &self,
        tx: &mut PgConnection,
        month: Month,
        creator_ids: &[String],
    ) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "update payout.carried_over set for_funds = true
             where month = $1 and creator_id = any($2)",
            month.to_string(),
            creator_ids
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    /// Whom a run did not pay, in creator id order.
    pub async fn list_carried_over(&self, month: Month) -> Result<Vec<Carried>, sqlx::Error> {
        let rows = sqlx::query_as!(
            CarriedRow,
            "select month, creator_id, payable_minor, reason, expected_on, again_at
             from payout.carried_over where month = $1 order by creator_id",
            month.to_string()
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// Why the newest run that was begun did not pay a creator, with that run's month.
    pub async fn find_carried_over(
        &self,
        creator_id: &str,
    ) -> Result<Option<(String, Carried)>, sqlx::Error> {
        let row = sqlx::query_as!(
            CarriedRow,
            "select month, creator_id, payable_minor, reason, expected_on, again_at
             from payout.carried_over
             where creator_id = $1
               and month = (select max(month) from payout.run where pass_count > 0)",
            creator_id
        )
        .fetch_optional(&self.pool)
        .await?;
        row.map(|row| Ok((row.month.clone(), row.try_into()?)))
            .transpose()
    }
}

struct CarriedRow {
    month: String,
    creator_id: String,
    payable_minor: i64,
    reason: String,
    expected_on: Option<OffsetDateTime>,
    again_at: Option<OffsetDateTime>,
}

impl TryFrom<CarriedRow> for Carried {
    type Error = sqlx::Error;

    fn try_from(row: CarriedRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            creator_id: CreatorId::try_new(&row.creator_id).map_err(unreadable)?,
            payable: Amount::try_new(row.payable_minor, Asset::Usd).map_err(unreadable)?,
            reason: row.reason,
            expected_on: row.expected_on,
            again_at: row.again_at,
        })
    }
}
