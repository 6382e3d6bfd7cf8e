//! Months and the locks on them.

use ledger::Month;
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::domain::{MonthState, Span};

use super::{Store, unreadable, unreadable_text};

/// The class of this service's advisory locks on months; the month's number is the key.
pub const MONTH_LOCKS: i32 = 7301;
/// The key, no month's number, that whoever adds months holds.
const CALENDAR: i32 = 0;

/// A month as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MonthRow {
    pub state: MonthState,
    pub locked_at: Option<OffsetDateTime>,
    pub sealed_at: Option<OffsetDateTime>,
}

impl Store {
    /// Keeps the month's state as it is until the transaction ends. Read the row only after
    /// this, in another statement: one that waits for the lock has looked at the rows before.
    pub async fn share_month_in_tx(
        &self,
        tx: &mut PgConnection,
        month: Month,
    ) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "select pg_advisory_xact_lock_shared($1, $2)",
            MONTH_LOCKS,
            month.to_i32()
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    /// Waits for every transaction, on every replica, that stamps the month.
    pub async fn lock_month_in_tx(
        &self,
        tx: &mut PgConnection,
        month: Month,
    ) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "select pg_advisory_xact_lock($1, $2)",
            MONTH_LOCKS,
            month.to_i32()
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    /// One at a time adds months. Taken before any month's own lock, never after.
    pub async fn lock_calendar_in_tx(&self, tx: &mut PgConnection) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "select pg_advisory_xact_lock($1, $2)",
            MONTH_LOCKS,
            CALENDAR
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    pub async fn find_span_in_tx(
        &self,
        tx: &mut PgConnection,
    ) -> Result<Option<Span>, sqlx::Error> {
        let row = sqlx::query!(
            "select min(month) as first, max(month) as last,
                    coalesce(bool_or(state = 'sealed'), false) as \"sealed!\"
             from allocation.month"
        )
        .fetch_one(tx)
        .await?;
        let Some((first, last)) = row.first.zip(row.last) else {
            return Ok(None);
        };
        Ok(Some(Span {
            first: month_of(first)?,
            last: month_of(last)?,
            sealed: row.sealed,
        }))
    }

    /// Adds rows that are not there yet; one that is stays as it is.
    pub async fn add_months_in_tx(
        &self,
        tx: &mut PgConnection,
        months: &[(Month, MonthState)],
        now: OffsetDateTime,
    ) -> Result<(), sqlx::Error> {
        let numbers: Vec<i32> = months.iter().map(|(month, _)| month.to_i32()).collect();
        let states: Vec<String> = months
            .iter()
            .map(|(_, state)| state.as_str().to_owned())
            .collect();
        sqlx::query!(
            "insert into allocation.month (month, state, locked_at)
             select number, state, case when state = 'locked' then $3::timestamptz end
             from unnest($1::integer[], $2::text[]) as given (number, state)
             order by number
             on conflict on constraint month__pk do nothing",
            &numbers,
            &states,
            now
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    /// The month that subscribers direct: the earliest open one.
    pub async fn find_open(&self) -> Result<Option<Month>, sqlx::Error> {
        let found =
            sqlx::query_scalar!("select min(month) from allocation.month where state = 'open'")
                .fetch_one(&self.pool)
                .await?;
        found.map(month_of).transpose()
    }

    /// The first month from `period` on that is not sealed.
    pub async fn find_unsealed_in_tx(
        &self,
        tx: &mut PgConnection,
        period: Month,
    ) -> Result<Option<Month>, sqlx::Error> {
        let found = sqlx::query_scalar!(
            "select min(month) from allocation.month where month >= $1 and state <> 'sealed'",
            period.to_i32()
        )
        .fetch_one(tx)
        .await?;
        found.map(month_of).transpose()
    }

    pub async fn find_state_in_tx(
        &self,
        tx: &mut PgConnection,
        month: Month,
    ) -> Result<Option<MonthState>, sqlx::Error> {
        let found = sqlx::query_scalar!(
            "select state from allocation.month where month = $1",
            month.to_i32()
        )
        .fetch_optional(tx)
        .await?;
        found.map(|state| state_of(&state)).transpose()
    }

    pub async fn find_month(&self, month: Month) -> Result<Option<MonthRow>, sqlx::Error> {
        let found = sqlx::query!(
            "select state, locked_at, sealed_at from allocation.month where month = $1",
            month.to_i32()
        )
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = found else { return Ok(None) };
        let state = state_of(&row.state)?;
        Ok(Some(MonthRow {
            state,
            locked_at: row.locked_at,
            sealed_at: row.sealed_at,
        }))
    }

    pub async fn set_locked_in_tx(
        &self,
        tx: &mut PgConnection,
        month: Month,
        now: OffsetDateTime,
    ) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "update allocation.month set state = 'locked', locked_at = $2
             where month = $1 and state = 'open'",
            month.to_i32(),
            now
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    pub async fn set_sealed_in_tx(
        &self,
        tx: &mut PgConnection,
        month: Month,
        now: OffsetDateTime,
    ) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "update allocation.month set state = 'sealed', sealed_at = $2
             where month = $1 and state = 'locked'",
            month.to_i32(),
            now
        )
        .execute(tx)
        .await?;
        Ok(())
    }
}

pub(super) fn month_of(column: i32) -> Result<Month, sqlx::Error> {
    Month::from_i32(column).map_err(unreadable)
}

pub(super) fn state_of(column: &str) -> Result<MonthState, sqlx::Error> {
    MonthState::parse(column).ok_or_else(|| unreadable_text("state of a month", column))
}
