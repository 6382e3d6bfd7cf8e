//! What the platform has at Stripe: available now, and when more will be.

use kit::Error;
use money::{Amount, Asset};

use super::Usecases;
use crate::domain::{Pending, Settling};
use crate::orders::error_of;

/// Pages of a hundred transactions that are read to find the day on which funds suffice. What is
/// beyond is promised for the last day that was read.
const PENDING_PAGES_MAX: u32 = 10;

const CURRENCY: &str = "usd";

impl Usecases {
    /// What is available at Stripe and not yet spoken for.
    pub(super) async fn funds(&self) -> Result<Amount, Error> {
        // In this order: what leaves between the two is then missing twice and never counted twice.
        let unsent = self.store.unsent_minor().await?;
        let balance = self.stripe.balance(None).await.map_err(error_of)?;
        let available = balance.available_minor.get(CURRENCY).copied();
        let left = available.unwrap_or_default().saturating_sub(unsent).max(0);
        Amount::try_new(left, Asset::Usd).map_err(|error| Error::Bug(Box::new(error)))
    }

    /// What is pending at Stripe, by the days on which it becomes available.
    pub(super) async fn settling(&self) -> Result<Settling, Error> {
        let balance = self.stripe.balance(None).await.map_err(error_of)?;
        let pending = balance.pending_minor.get(CURRENCY).copied();
        let read = self
            .stripe
            .pending_transactions(CURRENCY, PENDING_PAGES_MAX)
            .await
            .map_err(error_of)?;
        let read = read
            .into_iter()
            .map(|txn| Pending {
                available_on: txn.available_on,
                net_minor: txn.net_minor,
            })
            .collect();
        Ok(Settling::new(read, pending.unwrap_or_default()))
    }
}
