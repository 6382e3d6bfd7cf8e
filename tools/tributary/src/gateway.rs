//! The REST interface as an operator has it: a token, and answers that are problems or bodies.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use reqwest::Method;
use serde_json::Value;

use crate::settings::Settings;
use crate::token;

const ANSWER_MAX: Duration = Duration::from_secs(60);
const TOKEN_LIFE: Duration = Duration::from_secs(3_600);

pub struct Gateway {
    http: reqwest::Client,
    pub url: String,
    token: String,
}

/// An answer that came, whatever its status.
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

impl Gateway {
    /// At `url` or the settings' `GATEWAY_URL`, with `token` or one made for `role`.
    pub fn new(
        settings: &Settings,
        url: Option<&str>,
        token: Option<&str>,
        role: &str,
    ) -> Result<Self> {
        let url = match url {
            Some(url) => url.to_owned(),
            None => settings.get("GATEWAY_URL")?,
        };
        let token = match token {
            Some(token) => token.to_owned(),
            None => own_token(settings, role)?,
        };
        // An error only says that the provider was named before.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().timeout(ANSWER_MAX);
        let client = if url.starts_with("http://") {
            client.no_proxy().tls_certs_only([])
        } else {
            client
        };
        Ok(Self {
            http: client.build()?,
            url: url.trim_end_matches('/').to_owned(),
            token,
        })
    }

    /// Whether anybody answers there.
    pub async fn answers(&self) -> bool {
        self.http.get(&self.url).send().await.is_ok()
    }

    pub async fn send(&self, method: Method, path: &str) -> Result<Answer> {
        let what = format!("{method} {}{path}", self.url);
        let request = self.http.request(method, format!("{}{path}", self.url));
        let answer = request.bearer_auth(&self.token).send().await;
        let answer =
            answer.with_context(|| format!("{what}: no answer; is it up? (tributary up)"))?;
        let status = answer.status().as_u16();
        let text = answer.text().await?;
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Ok(Answer { status, body })
    }

    /// The body of a success.
    pub async fn get(&self, path: &str) -> Result<Value> {
        let answer = self.send(Method::GET, path).await?;
        if answer.status == 200 {
            return Ok(answer.body);
        }
        bail!("GET {path} answered {}", answer.in_words())
    }

    /// All items of a list, page by page.
    pub async fn list(&self, path: &str) -> Result<Vec<Value>> {
        let (mut items, mut after) = (Vec::new(), String::new());
        loop {
            let page = self.get(&format!("{path}?limit=100{after}")).await?;
            let data = page["data"].as_array().context("a list without data")?;
            items.extend(data.iter().cloned());
            match page["next_cursor"].as_str() {
                Some(cursor) => after = format!("&starting_after={cursor}"),
                None => return Ok(items),
            }
        }
    }
}

impl Answer {
    /// A problem's code and detail after the status; the body of anything else.
    pub fn in_words(&self) -> String {
        match (self.body["code"].as_str(), self.body["detail"].as_str()) {
            (Some(code), Some(detail)) => format!("{} {code}: {detail}", self.status),
            (Some(code), None) => format!("{} {code}", self.status),
            _ => format!("{} {}", self.status, self.body),
        }
    }
}

fn own_token(settings: &Settings, role: &str) -> Result<String> {
    let secret = settings
        .get("AUTH_HS256_SECRET")
        .context("no token can be made here: give one with --token")?;
    token::sign(&secret, "operator", &[role.to_owned()], TOKEN_LIFE)
}
