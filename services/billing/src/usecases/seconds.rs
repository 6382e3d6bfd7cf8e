//! Second live subscriptions of one program: checkouts leave none, and should there be one all the
//! same, it is shown to a person, and whatever its subscriber asks for ends it.

use kit::Error;
use mailbox::Fact;
use sqlx::PgConnection;

use super::{Asked, Usecases, What};
use crate::store::Subscription;

impl Usecases {
    /// Ends every older live subscription of the program with its period: what was asked for the
    /// newest was meant for all, and changed alike they would all be charged. What is newer came
    /// after the request, which may be an old one sent again.
    pub(super) async fn end_seconds(
        &self,
        asked: &Asked,
        kept: &Subscription,
    ) -> Result<(), Error> {
        let live = self.store.list_live(asked.subscriber.as_str()).await?;
        let newest_first = live.into_iter().filter(|it| it.program == kept.program);
        let older = newest_first
            .skip_while(|it| it.subscription_id != kept.subscription_id)
            .skip(1);
        let seconds = older.filter(|it| !it.cancel_at_period_end);
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
    async fn tell_seconds_in_tx(
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

/// What a transaction has learned of subscriptions, to be told at its end.
#[derive(Default)]
pub(super) struct News {
    pub facts: Vec<Fact>,
    /// Those that will be charged again, or no more, from now on.
    pub charged: Vec<Subscription>,
}

impl Usecases {
    /// Tells everything. The locks that this takes come after all locks of subscriptions, and in
    /// one order: so nobody waits for anybody in a circle.
    pub(super) async fn tell_in_tx(
        &self,
        tx: &mut PgConnection,
        mut news: News,
    ) -> Result<(), Error> {
        let whose = |it: &Subscription| (it.subscriber_id.clone(), it.program.clone());
        news.charged.sort_by_key(whose);
        news.charged.dedup_by_key(|it| whose(it));
        for changed in &news.charged {
            self.tell_seconds_in_tx(tx, changed).await?;
        }
        Ok(self.outbox.enqueue_in_tx(tx, &news.facts).await?)
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
