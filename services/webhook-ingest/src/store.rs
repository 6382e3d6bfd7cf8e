//! Every SQL statement of this service.

use std::collections::HashMap;

use kit::Error;
use ledger::{Month, digest64};
use sqlx::{PgConnection, PgPool, Postgres, Transaction};
use time::OffsetDateTime;

use crate::domain::Event;

/// Access to schema `webhook_ingest`.
#[derive(Clone)]
pub struct Store {
    pool: PgPool,
}

/// A month as it was, or is to be, announced: totals over all that counts from before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    pub month: Month,
    pub event_count: i64,
    pub digest: u64,
}

/// Counts since the beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statistics {
    pub stored: i64,
    pub duplicate: i64,
    pub refused: i64,
}

impl Store {
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    pub async fn begin(&self) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        self.pool.begin().await
    }

    /// Held by whoever stores events: many at once, but none while a month is cut.
    pub async fn lock_months_shared_in_tx(&self, tx: &mut PgConnection) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "select pg_advisory_xact_lock_shared(hashtextextended('webhook_ingest.month_cut', 0))"
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    /// Held by whoever cuts a month: waits until no event is half stored, on any replica.
    pub async fn lock_months_in_tx(&self, tx: &mut PgConnection) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "select pg_advisory_xact_lock(hashtextextended('webhook_ingest.month_cut', 0))"
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    /// Stores the events that are new, and answers from when each of those counts. The caller
    /// holds the months' lock, so no month is cut between the reading and the commit.
    pub async fn save_events_in_tx(
        &self,
        tx: &mut PgConnection,
        events: &[&Event],
    ) -> Result<HashMap<String, OffsetDateTime>, sqlx::Error> {
        let texts = |read: fn(&Event) -> &str| -> Vec<String> {
            events.iter().map(|event| read(event).to_owned()).collect()
        };
        let digests: Vec<i64> = events
            .iter()
            .map(|event| digest64(&event.event_id).cast_signed())
            .collect();
        let rows = sqlx::query!(
            "insert into webhook_ingest.stripe_event
                 (event_id, type, created_at, counts_from, account, livemode, api_version,
                  object_id, object_kind, body, body_sha256, digest, endpoint, announced)
             select e.event_id, e.type, e.created_at,
                    greatest(e.created_at, (select max(c.ends_at) from webhook_ingest.month_cut c)),
                    e.account, e.livemode, e.api_version, e.object_id, e.object_kind, e.body,
                    e.body_sha256, e.digest, e.endpoint, e.announced
             from unnest($1::text[], $2::text[], $3::timestamptz[], $4::text[], $5::boolean[],
                         $6::text[], $7::text[], $8::text[], $9::bytea[], $10::bytea[],
                         $11::bigint[], $12::text[], $13::boolean[])
                 as e (event_id, type, created_at, account, livemode, api_version, object_id,
                       object_kind, body, body_sha256, digest, endpoint, announced)
             on conflict on constraint stripe_event__pk do nothing
             returning event_id, counts_from",
            &texts(|event| &event.event_id),
            &texts(|event| &event.kind),
            &events
                .iter()
                .map(|event| event.created_at)
                .collect::<Vec<_>>(),
            &texts(|event| &event.account),
            &events
                .iter()
                .map(|event| event.livemode)
                .collect::<Vec<_>>(),
            &texts(|event| &event.api_version),
            &texts(|event| &event.object_id),
            &texts(|event| &event.object_kind),
            &events
                .iter()
                .map(|event| event.body.clone())
                .collect::<Vec<_>>(),
            &events
                .iter()
                .map(|event| event.body_sha256.to_vec())
                .collect::<Vec<_>>(),
            &digests,
            &texts(|event| event.endpoint),
            &events
                .iter()
                .map(|event| event.announced)
                .collect::<Vec<_>>()
        )
        .fetch_all(tx)
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| (row.event_id, row.counts_from))
            .collect())
    }

    /// The hashes of the bodies that stand under these ids.
    pub async fn find_hashes_in_tx(
        &self,
        tx: &mut PgConnection,
        event_ids: &[String],
    ) -> Result<HashMap<String, Vec<u8>>, sqlx::Error> {
        let rows = sqlx::query!(
            "select event_id, body_sha256 from webhook_ingest.stripe_event
             where event_id = any($1)",
            event_ids
        )
        .fetch_all(tx)
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| (row.event_id, row.body_sha256))
            .collect())
    }

    /// The last month that was cut, with its totals.
    pub async fn find_last_cut_in_tx(&self, tx: &mut PgConnection) -> Result<Option<Cut>, Error> {
        let row = sqlx::query!(
            "select month, event_count, digest from webhook_ingest.month_cut
             order by ends_at desc limit 1"
        )
        .fetch_optional(tx)
        .await?;
        row.map(|row| {
            let month = row
                .month
                .parse()
                .map_err(|error| Error::Bug(Box::new(error)))?;
            let digest = row.digest.cast_unsigned();
            Ok(Cut {
                month,
                event_count: row.event_count,
                digest,
            })
        })
        .transpose()
    }

    /// The beginning of the month to be cut next: where the last cut ended, or else the instant from
    /// which the first announced event of all counts.
    pub async fn find_next_month(&self) -> Result<Option<Month>, sqlx::Error> {
        let within = sqlx::query_scalar!(
            "select coalesce(
                 (select max(ends_at) from webhook_ingest.month_cut),
                 (select min(counts_from) from webhook_ingest.stripe_event where announced))"
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(within.map(Month::of))
    }

    /// When the first announced event of all counts from.
    pub async fn find_first_event_in_tx(
        &self,
        tx: &mut PgConnection,
    ) -> Result<Option<OffsetDateTime>, sqlx::Error> {
        sqlx::query_scalar!(
            "select min(counts_from) from webhook_ingest.stripe_event where announced"
        )
        .fetch_one(tx)
        .await
    }

    /// Count and digest of the announced events of one month.
    pub async fn sum_month_in_tx(&self, tx: &mut PgConnection, month: Month) -> Result<Cut, Error> {
        let row = sqlx::query!(
            r#"select count(*) as "event_count!", coalesce(sum(digest), 0)::text as "digest!"
               from webhook_ingest.stripe_event
               where announced and counts_from >= $1 and counts_from < $2"#,
            month.first_instant(),
            month.next().first_instant()
        )
        .fetch_one(tx)
        .await?;
        let sum: i128 = row
            .digest
            .parse()
            .map_err(|error| Error::Bug(Box::new(error)))?;
        Ok(Cut {
            month,
            event_count: row.event_count,
            digest: wrapped(sum),
        })
    }

    pub async fn save_cut_in_tx(
        &self,
        tx: &mut PgConnection,
        cut: &Cut,
        now: OffsetDateTime,
    ) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "insert into webhook_ingest.month_cut (month, ends_at, event_count, digest, cut_at)
             values ($1, $2, $3, $4, $5)",
            cut.month.to_string(),
            cut.month.next().first_instant(),
            cut.event_count,
            cut.digest.cast_signed(),
            now
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    /// Adds to the counts of what leaves no row.
    pub async fn add_tally(&self, counts: &[(&'static str, i64)]) -> Result<(), sqlx::Error> {
        let outcomes: Vec<String> = counts.iter().map(|(name, _)| (*name).to_owned()).collect();
        let added: Vec<i64> = counts.iter().map(|(_, count)| *count).collect();
        sqlx::query!(
            "insert into webhook_ingest.tally (outcome, tally_count)
             select * from unnest($1::text[], $2::bigint[])
             on conflict on constraint tally__pk do update
                 set tally_count = tally.tally_count + excluded.tally_count",
            &outcomes,
            &added
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    pub async fn get_statistics(&self) -> Result<Statistics, sqlx::Error> {
        sqlx::query_as!(
            Statistics,
            r#"select (select count(*) from webhook_ingest.stripe_event) as "stored!",
                      coalesce(sum(tally_count) filter (where outcome in ('duplicate', 'altered')), 0)::bigint
                          as "duplicate!",
                      coalesce(sum(tally_count) filter (where outcome = 'refused'), 0)::bigint
                          as "refused!"
               from webhook_ingest.tally"#
        )
        .fetch_one(&self.pool)
        .await
    }
}

/// A sum of digests as they are stored, signed, brought back to 64 bits without a sign.
fn wrapped(sum: i128) -> u64 {
    let modulus = i128::from(u64::MAX).saturating_add(1);
    u64::try_from(sum.rem_euclid(modulus)).expect("a remainder of 2^64 has 64 bits")
}

#[cfg(test)]
mod tests {
    use super::wrapped;

    #[test]
    fn a_sum_of_stored_digests_is_the_wrapping_sum_of_the_digests() {
        let digests = [u64::MAX, 1 << 63, 7, 0xdead_beef_dead_beef];
        let stored: i128 = digests
            .iter()
            .map(|digest| i128::from(digest.cast_signed()))
            .sum();
        let wanted = digests
            .iter()
            .fold(0_u64, |sum, digest| sum.wrapping_add(*digest));
        assert_eq!(wrapped(stored), wanted);
    }
}
