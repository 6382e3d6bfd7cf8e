//! Every SQL statement of this service, by what it is about.

mod change;
mod charge;
mod checkout;
mod checkout_order;
mod checkout_turn;
mod customer;
mod event;
mod month;
mod second;
mod subscription;
mod work;

use sqlx::{PgConnection, PgPool, Postgres, Transaction};

pub use change::Change;
pub use charge::UnclaimedObject;
pub use checkout::Checkout;
pub use checkout_order::CheckoutSent;
pub use checkout_turn::CheckoutTurn;
pub use month::{Cash, MonthCash};
pub use subscription::Subscription;
pub use work::Claim;

/// Access to schema `billing`.
#[derive(Clone)]
pub struct Store {
    pool: PgPool,
}

impl Store {
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    pub async fn begin(&self) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        self.pool.begin().await
    }

    /// Held by whoever stamps a charge with a month: many at once, but none while a month is
    /// cut. Taken first; what is open is read after it.
    pub async fn lock_months_shared_in_tx(&self, tx: &mut PgConnection) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "select pg_advisory_xact_lock_shared(hashtextextended('billing.month_cut', 0))"
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    /// Held by whoever cuts a month: waits until no charge is half recorded, on any replica.
    pub async fn lock_months_in_tx(&self, tx: &mut PgConnection) -> Result<(), sqlx::Error> {
        sqlx::query!("select pg_advisory_xact_lock(hashtextextended('billing.month_cut', 0))")
            .execute(tx)
            .await?;
        Ok(())
    }
}
