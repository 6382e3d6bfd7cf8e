//! Months: what they count, and which are cut.

use kit::Error;
use ledger::{Control, Month};
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::Store;
use crate::domain::month::{EventTotals, Standing, wrapped};

/// The charges of one month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cash {
    pub charge_count: i64,
    pub gross_minor: i64,
    pub digest: u64,
}

/// A month's cash as a reader sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MonthCash {
    pub cut: bool,
    pub charge_count: i64,
    pub gross_minor: i64,
    pub pending_count: i64,
}

impl Store {
    /// The last month that was cut, with the totals of all events up to its end.
    pub async fn find_last_cut_in_tx(
        &self,
        tx: &mut PgConnection,
    ) -> Result<Option<(Month, EventTotals)>, Error> {
        let row = sqlx::query!(
            "select month, event_count, event_digest from billing.month_cut
             order by ends_at desc limit 1"
        )
        .fetch_optional(tx)
        .await?;
        row.map(|row| {
            let month = row
                .month
                .parse()
                .map_err(|error| Error::Bug(Box::new(error)))?;
            let digest = row.event_digest.cast_unsigned();
            Ok((
                month,
                EventTotals {
                    event_count: row.event_count,
                    digest,
                },
            ))
        })
        .transpose()
    }

    /// Where a month stands. `before` are the totals up to its first instant. Events are counted
    /// before what is to be read because of them: they come together, so none that was counted
    /// is still to be noted.
    pub async fn get_standing_in_tx(
        &self,
        tx: &mut PgConnection,
        month: Month,
        before: EventTotals,
    ) -> Result<Standing, Error> {
        let (starts_at, ends_at) = (month.first_instant(), month.next().first_instant());
        let ingested = sqlx::query!(
            "select event_count, digest from billing.month_ingested where month = $1",
            month.to_string()
        )
        .fetch_optional(&mut *tx)
        .await?;
        let received = sqlx::query!(
            r#"select count(*) as "event_count!", coalesce(sum(digest), 0)::text as "digest!"
               from billing.stripe_event where counts_from >= $1 and counts_from < $2"#,
            starts_at,
            ends_at
        )
        .fetch_one(&mut *tx)
        .await?;
        let pending_count = sqlx::query_scalar!(
            r#"select count(*) as "pending!" from billing.work
               where wanted > done and counts_from < $1"#,
            ends_at
        )
        .fetch_one(tx)
        .await?;
        let ingested = ingested.map(|row| EventTotals {
            event_count: row.event_count,
            digest: row.digest.cast_unsigned(),
        });
        let digest = sum(&received.digest)?;
        let received = before.plus(EventTotals {
            event_count: received.event_count,
            digest,
        });
        Ok(Standing {
            ingested,
            received,
            pending_count,
        })
    }

    /// Whether a month is announced and not cut: the cheapest question of all, for most of the time
    /// there is none.
    pub async fn has_month_to_cut(&self) -> Result<bool, sqlx::Error> {
        sqlx::query_scalar!(
            r#"select exists (
                   select from billing.month_ingested i
                   where not exists (select from billing.month_cut c where c.month = i.month))
               as "there_is!""#
        )
        .fetch_one(&self.pool)
        .await
    }

    /// Whether webhook-ingest has announced the month and nothing is left to be read of what we
    /// have: a cheap question before its events are counted.
    pub async fn is_ingested_and_read_in_tx(
        &self,
        tx: &mut PgConnection,
        month: Month,
    ) -> Result<bool, sqlx::Error> {
        sqlx::query_scalar!(
            r#"select exists (select from billing.month_ingested where month = $1)
                  and not exists (select from billing.work where wanted > done and counts_from < $2)
                  as "it_is!""#,
            month.to_string(),
            month.next().first_instant()
        )
        .fetch_one(tx)
        .await
    }

    /// The control total of the charges that fund a month, of all programs.
    pub async fn sum_charges_in_tx(
        &self,
        tx: &mut PgConnection,
        month: Month,
    ) -> Result<Control, Error> {
        let row = sqlx::query!(
            r#"select count(*) as "count!", coalesce(sum(gross_minor), 0)::bigint as "gross_minor!",
                      coalesce(sum(digest), 0)::text as "digest!"
               from billing.charge where period_month = $1"#,
            month.to_string()
        )
        .fetch_one(tx)
        .await?;
        let count = u64::try_from(row.count).map_err(|error| Error::Bug(Box::new(error)))?;
        Ok(Control {
            count,
            sum_minor: row.gross_minor,
            digest: sum(&row.digest)?,
        })
    }

    pub async fn save_cut_in_tx(
        &self,
        tx: &mut PgConnection,
        month: Month,
        events: EventTotals,
        cash: Cash,
        now: OffsetDateTime,
    ) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "insert into billing.month_cut
                 (month, ends_at, event_count, event_digest, charge_count, gross_minor,
                  charge_digest, cut_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8)",
            month.to_string(),
            month.next().first_instant(),
            events.event_count,
            events.digest.cast_signed(),
            cash.charge_count,
            cash.gross_minor,
            cash.digest.cast_signed(),
            now
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    /// How far a month's cash has come.
    pub async fn get_month(&self, month: Month) -> Result<MonthCash, sqlx::Error> {
        sqlx::query_as!(
            MonthCash,
            r#"select exists (select from billing.month_cut where month = $1) as "cut!",
                      count(*) as "charge_count!",
                      coalesce(sum(gross_minor), 0)::bigint as "gross_minor!",
                      (select count(*) from billing.work
                       where wanted > done and counts_from < $2) as "pending_count!"
               from billing.charge where period_month = $1"#,
            month.to_string(),
            month.next().first_instant()
        )
        .fetch_one(&self.pool)
        .await
    }
}

/// Postgres adds 64-bit digests without wrapping; we wrap the sum.
fn sum(digests: &str) -> Result<u64, Error> {
    digests
        .parse()
        .map(wrapped)
        .map_err(|error| Error::Bug(Box::new(error)))
}
