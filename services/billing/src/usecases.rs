//! What this service does, whoever asks: checkouts, readings, months.

mod checkout;
mod month;
mod reading;

use std::sync::Arc;

use kit::{Clock, Error};
use ledger::{Month, SubscriberId};
use mailbox::Outbox;
use stripe::Stripe;

use crate::domain::plan::Plans;
use crate::store::{MonthCash, Store, Subscription};

pub use checkout::{Order, Page};

/// Everything that use cases need.
#[derive(Clone)]
pub struct Usecases {
    pub store: Store,
    pub outbox: Outbox,
    pub clock: Clock,
    pub stripe: Stripe,
    pub plans: Arc<Plans>,
}

impl Usecases {
    /// All subscriptions of one subscriber, newest first.
    ///
    /// # Errors
    /// The database's.
    pub async fn list_subscriptions(
        &self,
        subscriber: &SubscriberId,
    ) -> Result<Vec<Subscription>, Error> {
        Ok(self.store.list_subscriptions(subscriber.as_str()).await?)
    }

    /// How far a month's cash has come.
    ///
    /// # Errors
    /// The database's.
    pub async fn get_month(&self, month: Month) -> Result<MonthCash, Error> {
        Ok(self.store.get_month(month).await?)
    }
}
