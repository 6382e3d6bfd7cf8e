//! What this service does, whoever asks: checkouts, readings, months.

mod answers;
mod change;
mod checkout;
mod month;
mod offers;
mod pages;
mod reading;
mod recording;
pub mod refusals;
mod seconds;

use std::sync::Arc;

use kit::{Clock, Error};
use ledger::{Month, Program, SubscriberId};
use mailbox::Outbox;
use stripe::Stripe;

use crate::domain::plan::Plans;
use crate::store::{MonthCash, Store, Subscription};

pub use change::{Asked, What};
pub use checkout::{Order, Page};

/// What every checkout offers beside its plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Whether Stripe's page asks for a promotion code.
    pub allow_promotion_codes: bool,
    /// Ids of Stripe's.
    pub tax_rates: Vec<String>,
}

/// Everything that use cases need.
#[derive(Clone)]
pub struct Usecases {
    pub store: Store,
    pub outbox: Outbox,
    pub clock: Clock,
    pub stripe: Stripe,
    pub plans: Arc<Plans>,
    pub offer: Arc<Offer>,
}

impl Usecases {
    /// The subscriptions of one subscriber, newest first; of one program, if one is named.
    ///
    /// # Errors
    /// The database's.
    pub async fn list_subscriptions(
        &self,
        subscriber: &SubscriberId,
        program: Option<Program>,
    ) -> Result<Vec<Subscription>, Error> {
        let program = program.map(|it| it.to_string()).unwrap_or_default();
        let found = self.store.list_subscriptions(subscriber.as_str(), &program);
        Ok(found.await?)
    }

    /// How far a month's cash has come.
    ///
    /// # Errors
    /// The database's.
    pub async fn get_month(&self, month: Month) -> Result<MonthCash, Error> {
        Ok(self.store.get_month(month).await?)
    }
}
