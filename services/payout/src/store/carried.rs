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
        let given = Columns::of(carried);
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
            &given.creator_ids,
            &given.amounts,
            &given.reasons,
            &given.expected_on as &[Option<OffsetDateTime>],
            &given.again_at as &[Option<OffsetDateTime>]
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    /// These creators wait in this run, if not sooner already, then until the instants that are
    /// given. Whoever waited before hears what was said before.
    #[expect(
        clippy::as_conversions,
        reason = "query! wants a type named for an array with absent values; nothing is converted"
    )]
    pub async fn wait_again_in_tx(
        &self,
        tx: &mut PgConnection,
        month: Month,
        waiting: &[Carried],
    ) -> Result<(), sqlx::Error> {
        let given = Columns::of(waiting);
        sqlx::query!(
            "insert into payout.carried_over as told
                 (month, creator_id, payable_minor, reason, expected_on, again_at)
             select $1, given.creator_id, given.payable_minor, given.reason, given.expected_on,
                    given.again_at
             from unnest($2::text[], $3::bigint[], $4::text[], $5::timestamptz[],
                         $6::timestamptz[])
                  as given (creator_id, payable_minor, reason, expected_on, again_at)
             on conflict on constraint carried_over__pk do update
                 set payable_minor = case when told.again_at is null
                         then excluded.payable_minor else told.payable_minor end,
                     reason = case when told.again_at is null
                         then excluded.reason else told.reason end,
                     expected_on = case when told.again_at is null
                         then excluded.expected_on else told.expected_on end,
                     again_at = least(told.again_at, excluded.again_at), looked_by = null",
            month.to_string(),
            &given.creator_ids,
            &given.amounts,
            &given.reasons,
            &given.expected_on as &[Option<OffsetDateTime>],
            &given.again_at as &[Option<OffsetDateTime>]
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

/// What is carried over, by columns.
struct Columns {
    creator_ids: Vec<String>,
    amounts: Vec<i64>,
    reasons: Vec<String>,
    expected_on: Vec<Option<OffsetDateTime>>,
    again_at: Vec<Option<OffsetDateTime>>,
}

impl Columns {
    fn of(carried: &[Carried]) -> Self {
        let texts =
            |read: fn(&Carried) -> String| -> Vec<String> { carried.iter().map(read).collect() };
        Self {
            creator_ids: texts(|one| one.creator_id.to_string()),
            amounts: carried.iter().map(|one| one.payable.minor()).collect(),
            reasons: texts(|one| one.reason.clone()),
            expected_on: carried.iter().map(|one| one.expected_on).collect(),
            again_at: carried.iter().map(|one| one.again_at).collect(),
        }
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
