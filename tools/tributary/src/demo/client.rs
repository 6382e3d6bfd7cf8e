//! The public interfaces as their users have them: REST with a token, pages with a form,
//! Stripe's API with its key.
//!
//! A request is sent again when no answer came, or when the answer was 503 or 409 `request_in_flight`: a part
//! of the system was away, and every write here may be sent twice. Any other refusal (4xx) is an answer,
//! and never asked again.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;

use super::stage::Stage;
use crate::token;

/// How long one request may take, with all its repetitions. An advance of the clock waits for
/// the whole system, so it is given the same patience as the system itself.
const PATIENCE: Duration = Duration::from_secs(150);
const ANSWER_MAX: Duration = Duration::from_secs(100);
const PAUSE_FIRST: Duration = Duration::from_millis(20);
const PAUSE_MAX: Duration = Duration::from_millis(400);
const TOKEN_LIFE: Duration = Duration::from_secs(3 * 3_600);

/// Who asks, in which roles.
#[derive(Debug, Clone, Copy)]
pub struct User<'a> {
    pub id: &'a str,
    pub role: &'static str,
}

impl<'a> User<'a> {
    pub const ADMIN: User<'static> = User {
        id: "operator",
        role: "admin",
    };
    pub const FINANCE: User<'static> = User {
        id: "controller",
        role: "finance",
    };

    pub const fn subscriber(id: &'a str) -> Self {
        Self {
            id,
            role: "subscriber",
        }
    }

    pub const fn creator(id: &'a str) -> Self {
        Self {
            id,
            role: "creator",
        }
    }
}

/// An answer that came, whatever its status.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
    what: String,
}

pub struct Client {
    http: reqwest::Client,
    gateway: String,
    sandbox: String,
    stripe_key: String,
    auth_secret: String,
    repeated: AtomicU64,
}

impl Client {
    pub fn new(stage: &Stage) -> Result<Self> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(ANSWER_MAX)
            // A browser would go where the page sends it; nobody is there.
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self {
            http,
            gateway: stage.setting("GATEWAY_URL")?,
            sandbox: stage.setting("STRIPE_SANDBOX_URL")?,
            stripe_key: stage.setting("STRIPE_SECRET_KEY")?,
            auth_secret: stage.setting("AUTH_HS256_SECRET")?,
            repeated: AtomicU64::new(0),
        })
    }

    /// How many requests had to be sent again so far.
    pub fn repeated(&self) -> u64 {
        self.repeated.load(Ordering::Relaxed)
    }

    pub async fn get(&self, user: User<'_>, path: &str) -> Result<Value> {
        let request = self.rest(user, Method::GET, path)?;
        self.send(&format!("GET {path}"), request).await?.ok()
    }

    /// Every item of a list with cursors, by the field that names its items.
    pub async fn get_all(&self, user: User<'_>, path: &str, id: &str) -> Result<Vec<Value>> {
        let mut items: Vec<Value> = Vec::new();
        loop {
            let after = items.last().and_then(|item| item[id].as_str());
            let after = after.map_or(String::new(), |after| format!("&starting_after={after}"));
            let page = self.get(user, &format!("{path}?limit=100{after}")).await?;
            items.extend(page["data"].as_array().into_iter().flatten().cloned());
            if page["has_more"] != true {
                return Ok(items);
            }
        }
    }

    /// A `PUT` or `POST` of JSON; `key` is its `Idempotency-Key`, where the route takes one.
    pub async fn write(
        &self,
        user: User<'_>,
        method: Method,
        path: &str,
        body: &Value,
        key: Option<&str>,
    ) -> Result<Answer> {
        let what = format!("{method} {path}");
        let mut request = self.rest(user, method, path)?.json(body);
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        self.send(&what, request).await
    }

    /// A write without a body.
    pub async fn call(&self, user: User<'_>, method: Method, path: &str) -> Result<Answer> {
        let what = format!("{method} {path}");
        let request = self.rest(user, method, path)?;
        self.send(&what, request).await
    }

    /// What only the sandbox has: below `/_sandbox`.
    pub async fn sandbox(&self, method: Method, path: &str, body: &Value) -> Result<Value> {
        let what = format!("{method} /_sandbox/{path}");
        let request = self
            .http
            .request(method, format!("{}/_sandbox/{path}", self.sandbox));
        self.send(&what, request.json(body)).await?.ok()
    }

    /// A form as a browser posts it; answers the page's status.
    pub async fn submit(&self, url: &str, fields: &[(&str, &str)]) -> Result<u16> {
        let answer = self
            .send("POST page", self.http.post(url).form(fields))
            .await?;
        Ok(answer.status)
    }

    pub async fn stripe_get(&self, path: &str) -> Result<Value> {
        let request = self.http.get(format!("{}{path}", self.sandbox));
        self.send(
            &format!("GET {path}"),
            request.bearer_auth(&self.stripe_key),
        )
        .await?
        .ok()
    }

    /// Every object of one of Stripe's lists.
    pub async fn stripe_list(&self, path: &str) -> Result<Vec<Value>> {
        let mut items: Vec<Value> = Vec::new();
        loop {
            let after = items.last().and_then(|item| item["id"].as_str());
            let after = after.map_or(String::new(), |after| format!("&starting_after={after}"));
            let page = self.stripe_get(&format!("{path}&limit=100{after}")).await?;
            items.extend(page["data"].as_array().into_iter().flatten().cloned());
            if page["has_more"] != true {
                return Ok(items);
            }
        }
    }

    pub async fn stripe_post(
        &self,
        path: &str,
        fields: &[(&str, &str)],
        key: &str,
    ) -> Result<Value> {
        let request = self
            .http
            .post(format!("{}{path}", self.sandbox))
            .form(fields);
        let request = request
            .bearer_auth(&self.stripe_key)
            .header("idempotency-key", key);
        self.send(&format!("POST {path}"), request).await?.ok()
    }

    /// All that the sandbox has recorded, as JSON lines.
    pub async fn journal(&self) -> Result<String> {
        let answer = self
            .http
            .get(format!("{}/_sandbox/journal", self.sandbox))
            .send()
            .await?;
        Ok(answer.error_for_status()?.text().await?)
    }

    /// How much the sandbox has recorded, or `None` while it does not say.
    pub async fn activity(&self) -> Option<u64> {
        let answer = self
            .http
            .get(format!("{}/_sandbox/clock", self.sandbox))
            .send()
            .await
            .ok()?;
        answer.json::<Value>().await.ok()?["activity"].as_u64()
    }

    /// Whether a service says that it is ready to serve.
    pub async fn is_ready(&self, url: &str) -> bool {
        let answer = self
            .http
            .get(format!("{url}/readyz"))
            .timeout(PAUSE_MAX)
            .send()
            .await;
        answer.is_ok_and(|answer| answer.status() == 200)
    }

    fn rest(&self, user: User<'_>, method: Method, path: &str) -> Result<RequestBuilder> {
        let roles = [user.role.to_owned()];
        let token = token::sign(&self.auth_secret, user.id, &roles, TOKEN_LIFE)?;
        Ok(self
            .http
            .request(method, format!("{}{path}", self.gateway))
            .bearer_auth(token))
    }

    async fn send(&self, what: &str, request: RequestBuilder) -> Result<Answer> {
        let (began, mut pause) = (Instant::now(), PAUSE_FIRST);
        loop {
            let copy = request.try_clone().context("bodies here are no streams")?;
            let why = match self.send_once(what, copy).await {
                Ok(answer) if !answer.asks_for_patience() => return Ok(answer),
                Ok(answer) => format!("{} {}", answer.status, answer.body),
                Err(error) => format!("{:#}", anyhow::Error::from(error)),
            };
            if began.elapsed() > PATIENCE {
                bail!(
                    "{what} had no answer within {} s: {why}",
                    PATIENCE.as_secs()
                );
            }
            self.repeated.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    async fn send_once(&self, what: &str, request: RequestBuilder) -> reqwest::Result<Answer> {
        let answer = request.send().await?;
        let status = answer.status().as_u16();
        let text = answer.text().await?;
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Ok(Answer {
            status,
            body,
            what: what.to_owned(),
        })
    }
}

impl Answer {
    /// The body of a success.
    ///
    /// # Errors
    /// Any other status, with what the problem says.
    pub fn ok(self) -> Result<Value> {
        if (200..300).contains(&self.status) {
            return Ok(self.body);
        }
        bail!("{} answered {}: {}", self.what, self.status, self.body)
    }

    /// Whether the same request is to be sent again: a part of the system is away or busy, or the request
    /// was under way in a process that was killed.
    fn asks_for_patience(&self) -> bool {
        matches!(self.status, 429 | 503 | 504) || self.code() == "request_in_flight"
    }

    /// The stable code of a refusal.
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }
}

/// A whole number that an answer must hold, by its path: `/close/gross_cents`.
pub fn number(value: &Value, path: &str) -> Result<i64> {
    let found = value.pointer(path).and_then(Value::as_i64);
    found.with_context(|| format!("no number {path} in {value}"))
}

/// A text that an answer must hold, by its path.
pub fn text<'a>(value: &'a Value, path: &str) -> Result<&'a str> {
    let found = value.pointer(path).and_then(Value::as_str);
    found.with_context(|| format!("no text {path} in {value}"))
}
