//! Keeping the platform's floor at Stripe where the books say that it must be.

use kit::Error;
use wire::earnings::v1::GetSolvencyRequest;

use super::Usecases;
use crate::domain::{FLOOR_EVERY, Floor, Settings};
use crate::orders::error_of;
use crate::store::FloorLease;

const CURRENCY: &str = "usd";

impl Usecases {
    /// Reads the books, then Stripe's settings, and mends those that differ. Nothing is set, and
    /// nothing lowered, before the books have been read; what somebody set higher by hand is never
    /// lowered.
    ///
    /// # Errors
    /// The books', Stripe's or the database's; what Stripe kept to before, it keeps to.
    /// `Unavailable` when the floor is no longer this replica's: then nothing is recorded.
    pub async fn keep_floor(&self, lease: FloorLease) -> Result<(), Error> {
        let now = self.clock.now();
        let mut earnings = self.earnings.clone();
        let books = earnings.get_solvency(GetSolvencyRequest {}).await?;
        let books = books.into_inner();
        let kept = self.kept().await?;
        let mut minimums = lease.minimums.clone().seen(kept.minimum_minor);
        let wanted = minimums.settings_for(books.required_minor);
        if kept != wanted {
            minimums = minimums.telling(wanted.minimum_minor);
            // Committed before Stripe hears it: a look after a crash knows it for ours.
            still_ours(self.store.tell_floor(lease.fence, &minimums).await?)?;
            self.stripe
                .set_platform_floor(CURRENCY, wanted.minimum_minor)
                .await
                .map_err(error_of)?;
            minimums = minimums.confirmed(wanted.minimum_minor);
            tracing::info!(?kept, ?wanted, "the platform's floor was set");
        }
        let floor = Floor {
            required_minor: books.required_minor.max(0),
            cut: books.cut,
            settings: wanted,
            set_at: now,
        };
        let lease = FloorLease { minimums, ..lease };
        let next_at = now.saturating_add(FLOOR_EVERY);
        let mut tx = self.store.begin().await?;
        let recorded = self
            .store
            .record_floor_in_tx(&mut tx, &lease, &floor, next_at)
            .await?;
        still_ours(recorded)?;
        Ok(tx.commit().await?)
    }

    async fn kept(&self) -> Result<Settings, Error> {
        let seen = self.stripe.balance_settings(None).await.map_err(error_of)?;
        let minimum = seen.minimum_minor.get(CURRENCY).copied();
        Ok(Settings {
            is_manual: seen.is_manual(),
            minimum_minor: minimum.unwrap_or_default(),
        })
    }
}

fn still_ours(ours: bool) -> Result<(), Error> {
    if ours {
        return Ok(());
    }
    Err(Error::unavailable(
        "the floor is looked after by another replica",
    ))
}
