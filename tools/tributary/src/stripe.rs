//! Stripe by its public wire, and nothing of ours: for the endpoints, the verification and the
//! doctor.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use reqwest::{RequestBuilder, StatusCode};
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::{Rfc2822, Rfc3339};

use crate::settings::Settings;

/// No answer takes longer.
const ANSWER_MAX: Duration = Duration::from_secs(30);

pub const STRIPE_URL: &str = "https://api.stripe.com";

/// The platform's own payouts, to the operator's bank.
pub struct PayoutSettings {
    /// `manual`, or how often Stripe pays out by itself.
    pub interval: String,
    pub minimum_minor: i64,
}

pub struct Stripe {
    http: reqwest::Client,
    pub base: String,
    key: String,
}

impl Stripe {
    pub fn new(base: &str, key: &str) -> Result<Self> {
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
            base: base.to_owned(),
            key: key.to_owned(),
        })
    }

    /// The instance's sandbox, or Stripe itself where it has none.
    pub fn of(settings: &Settings) -> Result<Self> {
        let sandbox = settings.find("STRIPE_SANDBOX_URL");
        let base = sandbox.unwrap_or_else(|| STRIPE_URL.to_owned());
        Self::new(&base, &settings.get("STRIPE_SECRET_KEY")?)
    }

    /// Business time: the sandbox's, or the machine's where there is none.
    pub async fn clock(&self) -> Result<OffsetDateTime> {
        match self.get("/_sandbox/clock", None).await {
            Ok(clock) => Ok(OffsetDateTime::parse(&text(&clock, "now")?, &Rfc3339)?),
            Err(_) => Ok(OffsetDateTime::now_utc()),
        }
    }

    /// What Stripe's own clock shows, to the second.
    pub async fn date(&self) -> Result<OffsetDateTime> {
        let request = self.http.get(format!("{}/v1/balance", self.base));
        let answer = request.bearer_auth(&self.key).send().await?;
        let date = answer.headers().get(reqwest::header::DATE);
        let date = date.context("an answer without its date")?.to_str()?;
        // RFC 2822 writes the zone as an offset, HTTP always as GMT.
        let date = date.replace("GMT", "+0000");
        Ok(OffsetDateTime::parse(&date, &Rfc2822)?)
    }

    /// The platform's own; a minimum that was never set is zero.
    pub async fn payout_settings(&self) -> Result<PayoutSettings> {
        let value = self.get("/v1/balance_settings", None).await?;
        let payouts = &value["payments"]["payouts"];
        let minimum = &payouts["minimum_balance_by_currency"]["usd"];
        Ok(PayoutSettings {
            interval: text(&payouts["schedule"], "interval")?,
            minimum_minor: minimum.as_i64().unwrap_or_default(),
        })
    }

    /// All of a list, of the platform's own or of a connected account.
    pub async fn list(&self, path: &str, account: Option<&str>) -> Result<Vec<Value>> {
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

    pub async fn get(&self, path: &str, account: Option<&str>) -> Result<Value> {
        let mut request = self.http.get(format!("{}{path}", self.base));
        if let Some(account) = account {
            request = request.header("stripe-account", account);
        }
        let found = self.send("GET", path, request).await?;
        found.with_context(|| format!("GET {path} answered 404"))
    }

    /// `None` for what Stripe does not have.
    pub async fn find(&self, path: &str) -> Result<Option<Value>> {
        let request = self.http.get(format!("{}{path}", self.base));
        self.send("GET", path, request).await
    }

    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> Result<Value> {
        let request = self.http.post(format!("{}{path}", self.base)).form(form);
        let made = self.send("POST", path, request).await?;
        made.with_context(|| format!("POST {path} answered 404"))
    }

    async fn send(
        &self,
        method: &str,
        path: &str,
        request: RequestBuilder,
    ) -> Result<Option<Value>> {
        let answer = request.bearer_auth(&self.key).send().await?;
        let status = answer.status();
        if status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let body: Value = answer.json().await?;
        if !status.is_success() {
            bail!(
                "{method} {path} answered {status}: {}",
                body["error"]["message"]
            );
        }
        Ok(Some(body))
    }
}

/// A text that an answer must hold.
pub fn text(value: &Value, field: &str) -> Result<String> {
    value[field]
        .as_str()
        .map(str::to_owned)
        .with_context(|| format!("no {field} in an answer"))
}

/// A whole number that an answer must hold.
pub fn number(value: &Value, field: &str) -> Result<i64> {
    value[field]
        .as_i64()
        .with_context(|| format!("no {field} in an answer"))
}
