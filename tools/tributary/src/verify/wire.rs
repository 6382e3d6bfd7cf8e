//! Stripe as the verification sees it: its own lists, by its public wire and nothing of ours.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::Value;
use time::OffsetDateTime;

use crate::endpoints::{CONNECT_EVENTS, PLATFORM_EVENTS};
use crate::stripe::{PayoutSettings, Stripe, number, text};

/// Accounts read at once.
const AT_ONCE: usize = 8;
/// Stripe filters a list of events by that many types at most.
const TYPES_MAX: usize = 20;

/// What Stripe said.
pub struct Seen {
    pub now: OffsetDateTime,
    /// Available and pending together, in cents.
    pub payments_minor: i64,
    /// How the platform's own payouts are set.
    pub settings: PayoutSettings,
    /// The platform's balance transactions.
    pub transactions: Vec<Transaction>,
    /// Succeeded charges.
    pub charges: Vec<String>,
    pub transfers: Vec<Transfer>,
    /// By connected account.
    pub connected: BTreeMap<String, Connected>,
    /// Events that Stripe counts as delivered.
    pub delivered: Vec<String>,
}

pub struct Transaction {
    pub id: String,
    pub net_minor: i64,
    pub kind: String,
    /// What it came of: a charge, a refund, a transfer; empty for fees of Stripe's own.
    pub source: String,
}

pub struct Transfer {
    pub id: String,
    pub group: String,
    pub amount_minor: i64,
    pub reversed_minor: i64,
    pub destination: String,
}

/// One connected account.
pub struct Connected {
    pub balance_minor: i64,
    pub payouts: Vec<BankPayout>,
}

impl Connected {
    /// What is there, and what is on its way from there to the bank.
    pub fn ours_minor(&self) -> i64 {
        let moving = self
            .payouts
            .iter()
            .filter(|payout| ["pending", "in_transit"].contains(&payout.status.as_str()));
        self.balance_minor + moving.map(|payout| payout.amount_minor).sum::<i64>()
    }
}

pub struct BankPayout {
    pub id: String,
    pub amount_minor: i64,
    pub status: String,
    /// Our payout's id, from the metadata.
    pub payout_id: String,
}

/// Everything, each list read to its end.
pub async fn look(stripe: &Stripe) -> Result<Seen> {
    let accounts = stripe.list("/v1/accounts", None).await?;
    let ids: Vec<String> = accounts
        .iter()
        .map(|account| text(account, "id"))
        .collect::<Result<_>>()?;
    let (transactions, charges, transfers, connected, delivered) = tokio::try_join!(
        stripe.list("/v1/balance_transactions", None),
        stripe.list("/v1/charges", None),
        stripe.list("/v1/transfers", None),
        every_connected(stripe, &ids),
        delivered(stripe, &ids),
    )?;
    Ok(Seen {
        now: stripe.clock().await?,
        payments_minor: total(&stripe.get("/v1/balance", None).await?)?,
        settings: stripe.payout_settings().await?,
        transactions: transactions
            .iter()
            .map(transaction)
            .collect::<Result<_>>()?,
        charges: succeeded(&charges)?,
        transfers: transfers.iter().map(transfer).collect::<Result<_>>()?,
        connected,
        delivered,
    })
}

async fn every_connected(stripe: &Stripe, ids: &[String]) -> Result<BTreeMap<String, Connected>> {
    stream::iter(ids)
        .map(|id| async move { anyhow::Ok((id.clone(), connected(stripe, id).await?)) })
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await
}

async fn connected(stripe: &Stripe, id: &str) -> Result<Connected> {
    let payouts = stripe.list("/v1/payouts", Some(id)).await?;
    let balance_minor = total(&stripe.get("/v1/balance", Some(id)).await?)?;
    Ok(Connected {
        balance_minor,
        payouts: payouts.iter().map(bank_payout).collect::<Result<_>>()?,
    })
}

/// Ids of the events that we asked for. Stripe counts an event that nobody asked for as delivered,
/// too: there is nothing left to do.
async fn delivered(stripe: &Stripe, accounts: &[String]) -> Result<Vec<String>> {
    let platform = PLATFORM_EVENTS.chunks(TYPES_MAX).map(|kinds| (None, kinds));
    let connect = accounts
        .iter()
        .map(|id| (Some(id.as_str()), CONNECT_EVENTS.as_slice()));
    stream::iter(platform.chain(connect))
        .map(|(account, kinds)| delivered_of(stripe, account, kinds))
        .buffer_unordered(AT_ONCE)
        .try_concat()
        .await
}

async fn delivered_of(
    stripe: &Stripe,
    account: Option<&str>,
    kinds: &[&str],
) -> Result<Vec<String>> {
    let kinds: String = kinds
        .iter()
        .map(|kind| format!("&types[]={kind}"))
        .collect();
    let path = format!("/v1/events?delivery_success=true{kinds}");
    let events = stripe.list(&path, account).await?;
    events.iter().map(|event| text(event, "id")).collect()
}

fn transaction(value: &Value) -> Result<Transaction> {
    Ok(Transaction {
        id: text(value, "id")?,
        net_minor: number(value, "net")?,
        kind: text(value, "type")?,
        source: value["source"].as_str().unwrap_or_default().to_owned(),
    })
}

fn transfer(value: &Value) -> Result<Transfer> {
    Ok(Transfer {
        id: text(value, "id")?,
        group: value["transfer_group"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        amount_minor: number(value, "amount")?,
        reversed_minor: number(value, "amount_reversed")?,
        destination: text(value, "destination")?,
    })
}

fn bank_payout(value: &Value) -> Result<BankPayout> {
    Ok(BankPayout {
        id: text(value, "id")?,
        amount_minor: number(value, "amount")?,
        status: text(value, "status")?,
        payout_id: value["metadata"]["payout_id"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
    })
}

fn succeeded(charges: &[Value]) -> Result<Vec<String>> {
    charges
        .iter()
        .filter(|charge| charge["status"] == "succeeded")
        .map(|c| text(c, "id"))
        .collect()
}

/// Available and pending, USD.
fn total(balance: &Value) -> Result<i64> {
    let mut total: i64 = 0;
    for side in ["available", "pending"] {
        for part in balance[side]
            .as_array()
            .context("a balance without sides")?
        {
            if part["currency"] == "usd" {
                total = total
                    .checked_add(number(part, "amount")?)
                    .context("a balance overflows")?;
            }
        }
    }
    Ok(total)
}
