//! What others announce: Stripe's events and the close of a month.

use ledger::Month;
use mailbox::{ApplyError, Fact, Refused, Subscriber};
use sqlx::PgConnection;
use wire::Event;
use wire::earnings::v1::MonthClosed;
use wire::webhook_ingest::v1::StripeEvent;

use crate::store::{Reading, ReadingKind, Store};

/// Stripe's events, as far as they concern creators' accounts and payouts. They are not believed
/// but followed: each leaves a row that says what to read.
pub struct StripeEvents {
    pub store: Store,
}

#[kit::async_trait]
impl Subscriber for StripeEvents {
    fn subjects(&self) -> &'static [&'static str] {
        &[StripeEvent::SUBJECT]
    }

    async fn apply_in_tx(
        &self,
        tx: &mut PgConnection,
        facts: &[Fact],
    ) -> Result<Vec<Refused>, ApplyError> {
        let mut readings = Vec::new();
        for fact in facts {
            readings.extend(reading(fact.decode()?));
        }
        if !readings.is_empty() {
            self.store.ask_for_readings_in_tx(tx, readings).await?;
        }
        Ok(Vec::new())
    }
}

/// What an event asks us to read, if anything.
fn reading(event: StripeEvent) -> Option<Reading> {
    let kind = match event.r#type.as_str() {
        "account.updated" => ReadingKind::Account,
        "payout.paid" | "payout.failed" | "payout.canceled" if !event.account.is_empty() => {
            ReadingKind::BankPayout
        }
        "payout.paid" | "payout.failed" | "payout.canceled" => {
            tracing::info!(event.id = event.event_id, "a payout of the platform's own");
            return None;
        }
        // `transfer.paid` comes from versions of Stripe's API before transfers were immediate.
        "transfer.created" | "transfer.paid" => ReadingKind::Transfer,
        "transfer.failed" => {
            tracing::warn!(
                event.id = event.event_id,
                object.id = event.object_id,
                "a transfer is said to have failed; its order's own answer counts"
            );
            return None;
        }
        _ => return None,
    };
    Some(Reading {
        object_id: event.object_id,
        kind,
        account_id: event.account,
        event_id: event.event_id,
        asked_count: 1,
    })
    .filter(|reading| !reading.object_id.is_empty())
}

/// A month that is closed is paid.
pub struct Closes {
    pub store: Store,
}

#[kit::async_trait]
impl Subscriber for Closes {
    fn subjects(&self) -> &'static [&'static str] {
        &[MonthClosed::SUBJECT]
    }

    async fn apply_in_tx(
        &self,
        tx: &mut PgConnection,
        facts: &[Fact],
    ) -> Result<Vec<Refused>, ApplyError> {
        let mut refused = Vec::new();
        for fact in facts {
            let event: MonthClosed = fact.decode()?;
            match event.month.parse::<Month>() {
                Ok(month) => {
                    self.store
                        .insert_run_in_tx(tx, month, fact.occurred_at)
                        .await?
                }
                Err(error) => refused.push(Refused {
                    fact_id: fact.fact_id.clone(),
                    reason: error.to_string(),
                }),
            }
        }
        Ok(refused)
    }
}
