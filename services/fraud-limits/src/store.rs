//! Every SQL statement of this service.

use money::Amount;
use sqlx::{PgConnection, PgPool, Postgres, Transaction};
use time::OffsetDateTime;

use crate::domain::{Limit, Request};

/// Access to schema `fraud_limits`.
#[derive(Clone)]
pub struct Store {
    pool: PgPool,
}

/// A reservation as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    pub amount_minor: i64,
    pub state: String,
}

impl Store {
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    pub async fn begin(&self) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        self.pool.begin().await
    }

    /// One decision at a time per creator: two requests at once cannot both fit the last
    /// place under a limit.
    pub async fn lock_creator_in_tx(
        &self,
        tx: &mut PgConnection,
        creator_id: &str,
    ) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "select pg_advisory_xact_lock(hashtextextended($1, 41))",
            creator_id
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    pub async fn find_reservation_in_tx(
        &self,
        tx: &mut PgConnection,
        payout_id: &str,
    ) -> Result<Option<Reservation>, sqlx::Error> {
        sqlx::query_as!(
            Reservation,
            "select amount_minor, state from fraud_limits.reservation where payout_id = $1",
            payout_id
        )
        .fetch_optional(tx)
        .await
    }

    /// The same payout may ask for another amount until it is confirmed or released.
    pub async fn save_reservation_in_tx(
        &self,
        tx: &mut PgConnection,
        request: &Request,
        now: OffsetDateTime,
    ) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "insert into fraud_limits.reservation
                 (payout_id, creator_id, amount_minor, currency, state, reserved_at)
             values ($1, $2, $3, $4, 'reserved', $5)
             on conflict on constraint reservation__pk do update
                 set amount_minor = excluded.amount_minor, state = 'reserved',
                     reserved_at = excluded.reserved_at",
            request.payout_id,
            request.creator_id,
            request.amount.minor(),
            request.amount.asset().code(),
            now
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    /// Keeps a refusal; answers whether it is the first of its kind for this payout.
    pub async fn save_blocked_in_tx(
        &self,
        tx: &mut PgConnection,
        request: &Request,
        limit: Limit,
        reason: &str,
        now: OffsetDateTime,
    ) -> Result<bool, sqlx::Error> {
        let amount: Amount = request.amount;
        let done = sqlx::query!(
            "insert into fraud_limits.blocked_attempt
                 (payout_id, creator_id, amount_minor, currency, code, reason, blocked_at)
             values ($1, $2, $3, $4, $5, $6, $7)
             on conflict on constraint blocked_attempt__once do nothing",
            request.payout_id,
            request.creator_id,
            amount.minor(),
            amount.asset().code(),
            limit.code(),
            reason,
            now
        )
        .execute(tx)
        .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Ends a reservation; nothing happens to one that is not there or was given back. One that
    /// was confirmed can still be given back: banks return money.
    pub async fn end_reservation(&self, payout_id: &str, state: &str) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "update fraud_limits.reservation set state = $2
             where payout_id = $1
               and (state = 'reserved' or (state = 'confirmed' and $2 = 'released'))",
            payout_id,
            state
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
