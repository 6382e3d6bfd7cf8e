//! The balance beside the books, as of each check.

use money::Asset;
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::{Store, Ticket};
use crate::domain::{Reading, Run};

/// A snapshot as stored, as far as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    pub snapshot_id: String,
    pub taken_at: OffsetDateTime,
    pub currency: String,
    pub available_minor: i64,
    pub pending_minor: i64,
    pub obligations_minor: i64,
    pub missing_minor: i64,
}

impl Snapshot {
    /// What a check found.
    pub fn new(snapshot_id: String, taken_at: OffsetDateTime, reading: &Reading) -> Self {
        Self {
            snapshot_id,
            taken_at,
            currency: Asset::Usd.code().to_owned(),
            available_minor: reading.held.available_minor,
            pending_minor: reading.held.pending_minor,
            obligations_minor: reading.books.obligations_minor,
            missing_minor: reading.missing.minor(),
        }
    }
}

impl Store {
    /// Checks are stored and judged one after the other.
    pub async fn lock_checks_in_tx(&self, tx: &mut PgConnection) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "select pg_advisory_xact_lock(hashtextextended('balance_monitor.snapshot', 0))"
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    /// Stores a check; answers whether no newer one is stored.
    pub async fn save_snapshot_in_tx(
        &self,
        tx: &mut PgConnection,
        snapshot: &Snapshot,
        ticket: Ticket,
        reading: &Reading,
    ) -> Result<bool, sqlx::Error> {
        let books = &reading.books;
        sqlx::query_scalar!(
            r#"insert into balance_monitor.snapshot
                   (snapshot_id, ticket, taken_at, currency, available_minor, pending_minor,
                    payments_minor, storage_minor, connected_minor, in_flight_minor,
                    obligations_minor, claims_minor, frozen_minor, deferred_minor, tax_minor,
                    missing_minor, difference_minor, recorded_no)
               values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
                       $18)
               returning not exists (
                   select from balance_monitor.snapshot s where s.ticket > $2) as "is_newest!""#,
            snapshot.snapshot_id,
            ticket.ticket,
            snapshot.taken_at,
            snapshot.currency,
            snapshot.available_minor,
            snapshot.pending_minor,
            books.payments_minor,
            books.storage_minor,
            books.connected_minor,
            books.in_flight_minor,
            books.obligations_minor,
            books.claims_minor,
            books.frozen_minor,
            books.deferred_minor,
            books.tax_minor,
            snapshot.missing_minor,
            reading.difference.minor(),
            ticket.recorded_no
        )
        .fetch_one(tx)
        .await
    }

    /// Since when the checks up to the newest one find the same difference to the books, with
    /// the same last balance transaction. The newest one must be stored.
    pub async fn get_run_in_tx(&self, tx: &mut PgConnection) -> Result<Run, sqlx::Error> {
        sqlx::query_as!(
            Run,
            r#"with newest as (
                   select n.taken_at, n.difference_minor, n.recorded_no
                   from balance_monitor.snapshot n order by n.ticket desc limit 1
               ), other as (
                   select s.ticket from balance_monitor.snapshot s, newest n
                   where s.difference_minor <> n.difference_minor
                      or s.recorded_no <> n.recorded_no
                   order by s.ticket desc limit 1
               )
               select min(s.taken_at) as "since!", max(s.taken_at) as "until!"
               from balance_monitor.snapshot s
               where s.ticket > coalesce((select o.ticket from other o), 0)"#
        )
        .fetch_one(tx)
        .await
    }

    pub async fn find_latest_snapshot(&self) -> Result<Option<Snapshot>, sqlx::Error> {
        sqlx::query_as!(
            Snapshot,
            "select snapshot_id, taken_at, currency, available_minor, pending_minor,
                    obligations_minor, missing_minor
             from balance_monitor.snapshot order by ticket desc limit 1"
        )
        .fetch_optional(&self.pool)
        .await
    }
}
