//! What others announce: Stripe's events and the close of a month.

use std::collections::BTreeMap;

use ledger::Month;
use mailbox::{ApplyError, Fact, Refused, Subscriber};
use serde::Deserialize;
use sqlx::PgConnection;
use wire::Event;
use wire::earnings::v1::MonthClosed;
use wire::webhook_ingest::v1::StripeEvent;

use crate::orders::{PAYOUT_ID, attempt_of};
use crate::store::{Reading, ReadingKind, Store, Told};

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

    fn concerns(&self, fact: &Fact) -> bool {
        fact.decode().map_or(true, |event| reading(event).is_some())
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
        // `transfer.paid` and `transfer.failed` come from versions of Stripe's API before transfers
        // were immediate.
        "transfer.created" | "transfer.paid" => ReadingKind::Transfer,
        "transfer.failed" => ReadingKind::TransferFailed,
        "transfer.reversed" => ReadingKind::TransferReversed,
        _ => return None,
    };
    let told = match kind {
        ReadingKind::TransferFailed => told(&event.body),
        ReadingKind::Account
        | ReadingKind::BankPayout
        | ReadingKind::Transfer
        | ReadingKind::TransferReversed => Told::default(),
    };
    Some(Reading {
        object_id: event.object_id,
        kind,
        account_id: event.account,
        event_id: event.event_id,
        asked_count: 1,
        told,
    })
    .filter(|reading| !reading.object_id.is_empty())
}

/// The part of an event about a transfer that Stripe may not show any more.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    data: Data,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Data {
    object: Failed,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Failed {
    failure_code: Option<String>,
    metadata: BTreeMap<String, String>,
}

/// Our labels and Stripe's code. A body that cannot be read says nothing.
fn told(body: &[u8]) -> Told {
    let Failed {
        failure_code,
        metadata,
    } = serde_json::from_slice::<Body>(body)
        .unwrap_or_default()
        .data
        .object;
    let attempt = attempt_of(&metadata).and_then(|attempt| i32::try_from(attempt).ok());
    Told {
        payout_id: metadata.get(PAYOUT_ID).cloned().unwrap_or_default(),
        attempt,
        code: failure_code.unwrap_or_else(|| "transfer_failed".to_owned()),
    }
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
                        .await?;
                    self.store.ask_for_floor_in_tx(tx).await?;
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
