//! A gateway over what a test puts behind it, and a client for it.

use anyhow::{Context, Result};
use gateway::Gateway;
use jsonwebtoken::{EncodingKey, Header};
use kit::Service;
use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use testkit::{TestBed, TestService};
use time::OffsetDateTime;
use time::macros::datetime;

use crate::fake::Fake;

const SECRET: &str = "a secret of at least thirty-two characters";

pub struct Bench {
    pub bed: TestBed,
    pub service: TestService,
    http: reqwest::Client,
}

/// What came back.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub bytes: Vec<u8>,
    pub body: Value,
}

impl Reply {
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default()
    }

    /// Status and code, of a problem.
    pub fn problem(&self) -> (u16, &str) {
        (self.status, self.body["code"].as_str().unwrap_or_default())
    }
}

impl Bench {
    /// With nobody behind it.
    pub async fn start() -> Result<Self> {
        Self::start_with("http://127.0.0.1:9", &[]).await
    }

    /// With fakes of all services behind it.
    pub async fn over(fake: &Fake) -> Result<Self> {
        Self::start_with(&fake.serve().await?, &[]).await
    }

    /// With everybody behind it at one address, and more settings.
    pub async fn start_with(everybody: &str, more: &[(&str, &str)]) -> Result<Self> {
        let bed = TestBed::start(datetime!(2027-01-10 00:00 UTC), &[Gateway::migrator()]).await?;
        let service = serve(&bed, everybody, more).await?;
        Ok(Self {
            bed,
            service,
            http: kit::http::client(),
        })
    }

    /// Another process of the gateway over the same database.
    pub async fn replica(&self, everybody: &str, more: &[(&str, &str)]) -> Result<TestService> {
        serve(&self.bed, everybody, more).await
    }

    /// A request to the gateway.
    pub fn request(&self, method: Method, path: &str) -> Result<RequestBuilder> {
        self.request_to(&self.service, method, path)
    }

    pub fn request_to(
        &self,
        service: &TestService,
        method: Method,
        path: &str,
    ) -> Result<RequestBuilder> {
        let address = service.public_address().context("no public listener")?;
        Ok(self.http.request(method, format!("http://{address}{path}")))
    }

    /// A request without a token whose answer need not carry a request id.
    pub async fn send_bare(&self, path: &str) -> Result<(u16, Value)> {
        let answer = self.request(Method::GET, path)?.send().await?;
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
        let mut request = self.request(method, path)?;
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body.to_owned());
        }
        let reply = read(request).await?;
        assert!(
            reply.header("request-id").starts_with("req_"),
            "no request id"
        );
        Ok((reply.status, reply.body))
    }

    /// Reads as a user with one role.
    pub async fn get(&self, role: &str, path: &str) -> Result<Reply> {
        read(
            self.request(Method::GET, path)?
                .bearer_auth(token("u1", role)),
        )
        .await
    }

    /// Writes as a user with one role.
    pub async fn write(
        &self,
        role: &str,
        method: Method,
        path: &str,
        body: &Value,
    ) -> Result<Reply> {
        let request = self.request(method, path)?.bearer_auth(token("u1", role));
        read(request.json(body)).await
    }
}

async fn serve(bed: &TestBed, everybody: &str, more: &[(&str, &str)]) -> Result<TestService> {
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
    let peers: Vec<String> = peers
        .iter()
        .map(|peer| format!("TRIBUTARY__PEERS__{peer}"))
        .collect();
    let mut settings: Vec<(&str, &str)> =
        peers.iter().map(|key| (key.as_str(), everybody)).collect();
    settings.push(("GATEWAY__AUTH__HS256_SECRET", SECRET));
    // Tests are quicker than people.
    settings.push(("GATEWAY__LIMITS__READS_BURST", "100000"));
    settings.push(("GATEWAY__LIMITS__WRITES_BURST", "100000"));
    settings.extend(more);
    bed.service::<Gateway>(&settings).await
}

/// Sends a request and reads all of the reply.
pub async fn read(request: RequestBuilder) -> Result<Reply> {
    let answer = request.send().await?;
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let bytes = answer.bytes().await?.to_vec();
    let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    Ok(Reply {
        status,
        headers,
        bytes,
        body,
    })
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

/// A token with these claims that the gateway takes.
pub fn signed(claims: &Value) -> String {
    sign(claims, SECRET)
}
