//! Stripe's events, as webhook-ingest announces them.

use kit::async_trait;
use mailbox::{ApplyError, Dedupe, Fact, Refused, Subscriber};
use sqlx::PgConnection;
use wire::Event as _;
use wire::webhook_ingest::v1::{MonthIngested, StripeEvent};

use crate::convert;
use crate::domain::event::Event;
use crate::store::Store;

/// Keeps what is needed to cut months, and notes what is to be read. Stripe is not asked here.
pub struct StripeEvents {
    pub store: Store,
}

#[async_trait]
impl Subscriber for StripeEvents {
    fn subjects(&self) -> &'static [&'static str] {
        &[StripeEvent::SUBJECT, MonthIngested::SUBJECT]
    }

    /// The event's own row is what makes it once.
    fn dedupe(&self) -> Dedupe {
        Dedupe::OwnKey
    }

    async fn apply_in_tx(
        &self,
        tx: &mut PgConnection,
        facts: &[Fact],
    ) -> Result<Vec<Refused>, ApplyError> {
        let (mut events, mut refused) = (Vec::new(), Vec::new());
        for fact in facts {
            let applied = if fact.is::<StripeEvent>() {
                convert::event(fact).map(|event| events.push(event))
            } else {
                self.apply_month_in_tx(tx, fact).await?
            };
            if let Err(reason) = applied {
                refused.push(Refused {
                    fact_id: fact.fact_id.clone(),
                    reason,
                });
            }
        }
        self.apply_events_in_tx(tx, &events).await?;
        Ok(refused)
    }
}

impl StripeEvents {
    async fn apply_events_in_tx(
        &self,
        tx: &mut PgConnection,
        events: &[Event],
    ) -> Result<(), ApplyError> {
        let mut fresh = self.store.save_events_in_tx(tx, events).await?;
        // `remove`, so that an event that stands twice in one batch counts once.
        let fresh: Vec<&Event> = events
            .iter()
            .filter(|event| fresh.remove(&event.event_id))
            .collect();
        let work: Vec<_> = fresh
            .iter()
            .filter_map(|event| Some((event.work()?, *event)))
            .collect();
        if !work.is_empty() {
            self.store.save_work_in_tx(tx, &work).await?;
        }
        let completed = fresh
            .iter()
            .filter_map(|event| Some((event.completed_session()?.to_owned(), event.created_at)));
        let (sessions, times): (Vec<_>, Vec<_>) = completed.unzip();
        if !sessions.is_empty() {
            self.store
                .complete_checkouts_in_tx(tx, &sessions, &times)
                .await?;
        }
        Ok(())
    }

    /// `Err` inside: the fact can never be applied.
    async fn apply_month_in_tx(
        &self,
        tx: &mut PgConnection,
        fact: &Fact,
    ) -> Result<Result<(), String>, ApplyError> {
        match convert::month_ingested(fact) {
            Ok((month, totals)) => {
                self.store
                    .save_month_ingested_in_tx(tx, month, totals)
                    .await?;
                Ok(Ok(()))
            }
            Err(reason) => Ok(Err(reason)),
        }
    }
}
