//! Stripe as the verification sees it: its own lists, by its public wire and nothing of ours.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::endpoints::{CONNECT_EVENTS, PLATFORM_EVENTS};

/// No answer takes longer.
const ANSWER_MAX: std::time::Duration = std::time::Duration::from_secs(30);
/// Accounts read at once.
const AT_ONCE: usize = 8;

/// A client that only reads.
pub struct Stripe<'a> {
    http: reqwest::Client,
    base: &'a str,
    key: &'a str,
}

/// What Stripe said.
pub struct Seen {
    pub now: OffsetDateTime,
    /// Available and pending together, in cents.
    pub payments_minor: i64,
    /// The platform's balance transactions: id, net, type.
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

pub struct BankPayout {
    pub id: String,
    pub amount_minor: i64,
    pub status: String,
    /// Our payout's id, from the metadata.
    pub payout_id: String,
}

impl<'a> Stripe<'a> {
    pub fn new(base: &'a str, key: &'a str) -> Result<Self> {
        // An error only says that the provider was named before.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().timeout(ANSWER_MAX);
        // The sandbox speaks plain HTTP, and a bare machine may have no certificates.
        let plain = base.starts_with("http://");
        let client = if plain {
            client.no_proxy().tls_certs_only([])
        } else {
            client
        };
        Ok(Self {
            http: client.build()?,
            base,
            key,
        })
    }

    /// Everything, newest lists first read to their ends.
    pub async fn look(&self) -> Result<Seen> {
        let accounts = self.list("/v1/accounts", None).await?;
        let connected = stream::iter(accounts.iter().map(|account| text(account, "id")))
            .map(|id| async move {
                let id = id?;
                let account = self.connected(&id).await?;
                anyhow::Ok((id, account))
            })
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        let transactions = self.list("/v1/balance_transactions", None).await?;
        let charges = self.list("/v1/charges", None).await?;
        let transfers = self.list("/v1/transfers", None).await?;
        Ok(Seen {
            now: self.clock().await?,
            payments_minor: total(&self.get("/v1/balance", None).await?)?,
            transactions: transactions
                .iter()
                .map(transaction)
                .collect::<Result<_>>()?,
            charges: succeeded(&charges)?,
            transfers: transfers.iter().map(transfer).collect::<Result<_>>()?,
            connected,
            delivered: self.delivered(&accounts).await?,
        })
    }

    async fn connected(&self, id: &str) -> Result<Connected> {
        let payouts = self.list("/v1/payouts", Some(id)).await?;
        let balance_minor = total(&self.get("/v1/balance", Some(id)).await?)?;
        Ok(Connected {
            balance_minor,
            payouts: payouts.iter().map(bank_payout).collect::<Result<_>>()?,
        })
    }

    async fn delivered(&self, accounts: &[Value]) -> Result<Vec<String>> {
        let path = "/v1/events?delivery_success=true";
        let mut delivered = asked_for(&self.list(path, None).await?, &PLATFORM_EVENTS)?;
        for account in accounts {
            let events = self.list(path, Some(&text(account, "id")?)).await?;
            delivered.extend(asked_for(&events, &CONNECT_EVENTS)?);
        }
        Ok(delivered)
    }

    /// Business time: the sandbox's, or the machine's where there is none.
    async fn clock(&self) -> Result<OffsetDateTime> {
        match self.get("/_sandbox/clock", None).await {
            Ok(clock) => Ok(OffsetDateTime::parse(&text(&clock, "now")?, &Rfc3339)?),
            Err(_) => Ok(OffsetDateTime::now_utc()),
        }
    }

    async fn list(&self, path: &str, account: Option<&str>) -> Result<Vec<Value>> {
        let mark = if path.contains('?') { '&' } else { '?' };
        let (mut all, mut after) = (Vec::new(), String::new());
        loop {
            let page = self
                .get(&format!("{path}{mark}limit=100{after}"), account)
                .await?;
            let data = page["data"].as_array().context("a list without data")?;
            all.extend(data.iter().cloned());
            match data.last() {
                Some(last) if page["has_more"] == true => {
                    after = format!("&starting_after={}", text(last, "id")?);
                }
                _ => return Ok(all),
            }
        }
    }

    async fn get(&self, path: &str, account: Option<&str>) -> Result<Value> {
        let mut request = self
            .http
            .get(format!("{}{path}", self.base))
            .bearer_auth(self.key);
        if let Some(account) = account {
            request = request.header("stripe-account", account);
        }
        let answer = request.send().await?;
        let status = answer.status();
        let body: Value = answer.json().await?;
        if !status.is_success() {
            bail!("GET {path} answered {status}: {}", body["error"]["message"]);
        }
        Ok(body)
    }
}

/// Stripe counts an event that nobody asked for as delivered, too: there is nothing left to do.
fn asked_for(events: &[Value], kinds: &[&str]) -> Result<Vec<String>> {
    let asked = |event: &&Value| {
        event["type"]
            .as_str()
            .is_some_and(|kind| kinds.contains(&kind))
    };
    events
        .iter()
        .filter(asked)
        .map(|event| text(event, "id"))
        .collect()
}

fn transaction(value: &Value) -> Result<Transaction> {
    Ok(Transaction {
        id: text(value, "id")?,
        net_minor: number(value, "net")?,
        kind: text(value, "type")?,
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

fn text(value: &Value, field: &str) -> Result<String> {
    value[field]
        .as_str()
        .map(str::to_owned)
        .with_context(|| format!("no {field} in an answer"))
}

fn number(value: &Value, field: &str) -> Result<i64> {
    value[field]
        .as_i64()
        .with_context(|| format!("no {field} in an answer"))
}
