//! Objects of Stripe's that are to be read.

use std::collections::BTreeMap;

use sqlx::PgConnection;

use super::{Store, unreadable};
use crate::domain::UnknownWord;

crate::domain::words! {
    /// What kind of object is to be read.
    ReadingKind {
        Account => "account",
        BankPayout => "bank_payout",
        Transfer => "transfer",
        /// A transfer that is said to have failed: Stripe may not know it.
        TransferFailed => "transfer_failed",
        /// A transfer of which something was taken back.
        TransferReversed => "transfer_reversed",
    }
}

/// What an event said of an object, for the case that Stripe does not show it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// By our labels; empty and none without.
    pub payout_id: String,
    pub attempt: Option<i32>,
    pub code: String,
}

/// An object to be read, and the event that said so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    pub object_id: String,
    pub kind: ReadingKind,
    /// The connected account that it belongs to; empty for the platform's.
    pub account_id: String,
    pub event_id: String,
    /// Events so far; one that comes during the reading is told by it.
    pub asked_count: i64,
    pub told: Told,
}

struct Row {
    object_id: String,
    kind: String,
    account_id: String,
    event_id: String,
    asked_count: i64,
    told_payout_id: String,
    told_attempt: Option<i32>,
    told_code: String,
}

impl TryFrom<Row> for Reading {
    type Error = UnknownWord;

    fn try_from(row: Row) -> Result<Self, UnknownWord> {
        Ok(Self {
            object_id: row.object_id,
            kind: row.kind.parse()?,
            account_id: row.account_id,
            event_id: row.event_id,
            asked_count: row.asked_count,
            told: Told {
                payout_id: row.told_payout_id,
                attempt: row.told_attempt,
                code: row.told_code,
            },
        })
    }
}

impl Store {
    /// Asks for readings; an object that is asked for twice is read once.
    #[expect(
        clippy::as_conversions,
        reason = "query! wants a type named for an array with absent values; nothing is converted"
    )]
    pub async fn ask_for_readings_in_tx(
        &self,
        tx: &mut PgConnection,
        readings: Vec<Reading>,
    ) -> Result<(), sqlx::Error> {
        // One row per object and in their order: no statement touches a row twice, and two
        // batches that overlap wait rather than deadlock.
        let mut by_object: BTreeMap<String, Reading> = BTreeMap::new();
        for reading in readings {
            let known = by_object.get(&reading.object_id).map(|known| known.kind);
            if known.is_none_or(|known| known < reading.kind) {
                by_object.insert(reading.object_id.clone(), reading);
            }
        }
        let readings = by_object;
        let column = |read: fn(&Reading) -> &str| -> Vec<String> {
            readings
                .values()
                .map(|reading| read(reading).to_owned())
                .collect()
        };
        let attempts: Vec<Option<i32>> = readings
            .values()
            .map(|reading| reading.told.attempt)
            .collect();
        // A transfer that is said to have failed or been taken back is read like any other, and
        // more: of the kinds that one object can have, the last word of the alphabet stands.
        sqlx::query!(
            "insert into payout.reading
                 (object_id, kind, account_id, event_id, told_payout_id, told_attempt, told_code)
             select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[],
                                  $6::integer[], $7::text[])
             on conflict on constraint reading__pk do update
                 set asked_count = payout.reading.asked_count + 1, event_id = excluded.event_id,
                     kind = greatest(payout.reading.kind, excluded.kind),
                     told_payout_id =
                         greatest(payout.reading.told_payout_id, excluded.told_payout_id),
                     told_attempt = coalesce(excluded.told_attempt, payout.reading.told_attempt),
                     told_code = greatest(payout.reading.told_code, excluded.told_code)",
            &column(|reading| &reading.object_id),
            &column(|reading| reading.kind.as_str()),
            &column(|reading| &reading.account_id),
            &column(|reading| &reading.event_id),
            &column(|reading| &reading.told.payout_id),
            &attempts as &[Option<i32>],
            &column(|reading| &reading.told.code)
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    /// Takes up to `limit` readings for a few seconds.
    pub async fn lease_readings(&self, limit: i64) -> Result<Vec<Reading>, sqlx::Error> {
        let rows = sqlx::query_as!(
            Row,
            "update payout.reading set leased_until_wall_at = now() + interval '5 seconds'
             where object_id in (
                 select object_id from payout.reading
                 where leased_until_wall_at is null or leased_until_wall_at < now()
                 order by object_id limit $1 for update skip locked)
             returning object_id, kind, account_id, event_id, asked_count, told_payout_id,
                       told_attempt, told_code",
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(|row| row.try_into().map_err(unreadable))
            .collect()
    }

    /// Keeps a reading that is being worked on, unless it was given back.
    pub async fn extend_reading(&self, object_id: &str) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "update payout.reading set leased_until_wall_at = now() + interval '5 seconds'
             where object_id = $1 and leased_until_wall_at is not null",
            object_id
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The reading is done, unless another event has come since it was taken.
    pub async fn finish_reading(&self, reading: &Reading) -> Result<(), sqlx::Error> {
        let gone = sqlx::query!(
            "delete from payout.reading
             where object_id = $1 and asked_count = $2 and event_id = $3",
            reading.object_id,
            reading.asked_count,
            reading.event_id
        )
        .execute(&self.pool)
        .await?;
        if gone.rows_affected() == 0 {
            self.pause_reading(&reading.object_id, 0).await?;
        }
        Ok(())
    }

    /// Gives a reading back, to be taken again after a pause.
    pub async fn pause_reading(&self, object_id: &str, pause_ms: i64) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "update payout.reading
             set leased_until_wall_at = now() + $2::bigint * interval '1 millisecond'
             where object_id = $1",
            object_id,
            pause_ms
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    pub async fn has_readings(&self) -> Result<bool, sqlx::Error> {
        sqlx::query_scalar!(r#"select exists (select from payout.reading) as "any!""#)
            .fetch_one(&self.pool)
            .await
    }
}
