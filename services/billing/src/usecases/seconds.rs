//! Second live subscriptions of one program: checkouts leave none, and should there be one all the
//! same, it is shown to a person, and whatever its subscriber asks for ends it.

use kit::Error;
use sqlx::PgConnection;

use super::{Asked, Usecases, What};
use crate::store::Subscription;

impl Usecases {
    /// Ends every other live subscription of the program with its period: what was asked for one
    /// was meant for all, and changed alike they would all be charged.
    pub(super) async fn end_seconds(
        &self,
        asked: &Asked,
        kept: &Subscription,
    ) -> Result<(), Error> {
        let live = self.store.list_live(asked.subscriber.as_str()).await?;
        let seconds = live.into_iter().filter(|it| {
            it.program == kept.program
                && it.subscription_id != kept.subscription_id
                && !it.cancel_at_period_end
        });
        for second in seconds {
            let id = second.subscription_id.as_str();
            match self.change_one(&asked.to_end(id), Some(id)).await {
                // It ended by itself meanwhile.
                Ok(_) | Err(Error::Forbidden(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Writes down who pays more than once, each time that a subscription has changed.
    pub(super) async fn tell_seconds_in_tx(
        &self,
        tx: &mut PgConnection,
        changed: &Subscription,
    ) -> Result<(), Error> {
        self.store.lock_program_in_tx(tx, changed).await?;
        let seconds = self.store.list_seconds_in_tx(tx, changed).await?;
        let now = self.clock.now();
        let new = self
            .store
            .save_seconds_in_tx(tx, changed, &seconds, now)
            .await?;
        for subscription_id in new {
            tracing::error!(
                subscriber_id = changed.subscriber_id,
                program = changed.program,
                subscription_id,
                "a second live subscription: its subscriber is charged more than once a month"
            );
        }
        Ok(())
    }
}

impl Asked {
    /// The same request, as far as it is about a second subscription.
    fn to_end(&self, subscription_id: &str) -> Self {
        let request_key = match self.request_key.as_str() {
            "" => String::new(),
            key => format!("{key} {subscription_id}"),
        };
        Self {
            subscriber: self.subscriber.clone(),
            program: self.program,
            what: What::Cancel,
            request_key,
        }
    }
}
