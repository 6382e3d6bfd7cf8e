//! A gateway whose peers do not answer, and a client for it.

use anyhow::{Context, Result};
use gateway::Gateway;
use jsonwebtoken::{EncodingKey, Header};
use kit::Service;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{TestBed, TestService};
use time::OffsetDateTime;
use time::macros::datetime;

const SECRET: &str = "a secret of at least thirty-two characters";

pub struct Bench {
    _bed: TestBed,
    pub service: TestService,
    http: reqwest::Client,
}

impl Bench {
    pub async fn start() -> Result<Self> {
        Self::start_with("http://127.0.0.1:9", &[]).await
    }

    /// With everybody behind it at one address, and more settings.
    pub async fn start_with(everybody: &str, more: &[(&str, &str)]) -> Result<Self> {
        let bed = TestBed::start(datetime!(2027-01-10 00:00 UTC), &[Gateway::migrator()]).await?;
        let peers = [
            "BILLING",
            "ALLOCATION",
            "EARNINGS",
            "PAYOUT",
            "FRAUD_LIMITS",
            "BALANCE_MONITOR",
            "WEBHOOK_INGEST",
            "NOTIFIER",
        ];
        let peers: Vec<(String, &str)> = peers
            .iter()
            .map(|peer| (format!("TRIBUTARY__PEERS__{peer}"), everybody))
            .collect();
        let mut settings: Vec<(&str, &str)> = peers
            .iter()
            .map(|(key, address)| (key.as_str(), *address))
            .collect();
        settings.push(("GATEWAY__AUTH__HS256_SECRET", SECRET));
        settings.extend(more);
        let service = bed.service::<Gateway>(&settings).await?;
        Ok(Self {
            _bed: bed,
            service,
            http: kit::http::client(),
        })
    }

    /// A request without a token whose answer need not carry a request id.
    pub async fn send_bare(&self, path: &str) -> Result<(u16, Value)> {
        let address = self
            .service
            .public_address()
            .context("no public listener")?;
        let answer = self
            .http
            .get(format!("http://{address}{path}"))
            .send()
            .await?;
        Ok((answer.status().as_u16(), answer.json().await?))
    }

    /// Sends a request as `token`'s bearer and reads status and JSON.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<&str>,
    ) -> Result<(u16, Value)> {
        let address = self
            .service
            .public_address()
            .context("no public listener")?;
        let mut request = self.http.request(method, format!("http://{address}{path}"));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body.to_owned());
        }
        let answer = request.send().await?;
        let id = answer.headers().get("request-id").cloned();
        assert!(
            id.is_some_and(|id| id.as_bytes().starts_with(b"req_")),
            "no request id"
        );
        Ok((answer.status().as_u16(), answer.json().await?))
    }
}

/// Claims as the content site signs them.
pub fn claims(sub: &str, roles: &[&str]) -> Value {
    let now = OffsetDateTime::now_utc().unix_timestamp();
    json!({ "sub": sub, "roles": roles, "iss": "tributary", "aud": "tributary", "exp": now + 600 })
}

pub fn sign(claims: &Value, secret: &str) -> String {
    let key = EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&Header::default(), claims, &key).expect("claims are JSON")
}

pub fn token(sub: &str, role: &str) -> String {
    sign(&claims(sub, &[role]), SECRET)
}
