//! Keeping the platform's floor at Stripe where the books say that it must be.

use kit::Error;
use wire::earnings::v1::GetSolvencyRequest;

use super::Usecases;
use crate::domain::{FLOOR_EVERY, Floor, Settings};
use crate::orders::error_of;

const CURRENCY: &str = "usd";

impl Usecases {
    /// Reads the books, then Stripe's settings, and mends those that differ. Nothing is set, and
    /// nothing lowered, before the books have been read.
    ///
    /// # Errors
    /// The books', Stripe's or the database's; what Stripe kept to before, it keeps to.
    pub async fn keep_floor(&self) -> Result<(), Error> {
        let asked_count = self.store.floor_asked_count().await?;
        let now = self.clock.now();
        let mut earnings = self.earnings.clone();
        let books = earnings.get_solvency(GetSolvencyRequest {}).await?;
        let books = books.into_inner();
        let wanted = Settings::for_required(books.required_minor);
        let seen = self.stripe.balance_settings(None).await.map_err(error_of)?;
        let kept = Settings {
            is_manual: seen.is_manual(),
            minimum_minor: seen
                .minimum_minor
                .get(CURRENCY)
                .copied()
                .unwrap_or_default(),
        };
        if kept != wanted {
            self.stripe
                .set_platform_floor(CURRENCY, wanted.minimum_minor)
                .await
                .map_err(error_of)?;
            tracing::info!(?kept, ?wanted, "the platform's floor was set");
        }
        let floor = Floor {
            required_minor: books.required_minor.max(0),
            cut: books.cut,
            settings: wanted,
            set_at: now,
        };
        let next_at = now.saturating_add(FLOOR_EVERY);
        let mut tx = self.store.begin().await?;
        self.store
            .record_floor_in_tx(&mut tx, &floor, asked_count, next_at)
            .await?;
        Ok(tx.commit().await?)
    }
}
