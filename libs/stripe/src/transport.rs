//! One request out, one answer back, over connections that are kept.
//!
//! Nothing is tried again here: whether a second send is right depends on what was sent, and
//! only [`crate::reading`] and the callers know.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, ClientBuilder, Method};
use secrecy::ExposeSecret;
use stripe_client_core::{CustomizedStripeRequest, RequestBuilder, StripeClient, StripeMethod};

use crate::config::{ConfigRefused, StripeConfig};
use crate::failure::{Doubt, Failure};
use crate::refusal::{Heading, classify};

/// Making a connection that takes longer than this is given up, whatever the time-out.
const CONNECT_TIMEOUT_MAX: Duration = Duration::from_secs(10);

/// Shorter than what servers commonly allow, so that they rarely close one under a request.
const IDLE_MAX: Duration = Duration::from_secs(45);

/// A request as it will be sent, and can be sent again unchanged.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub method: Method,
    /// Below `/v1`, with a leading slash.
    pub path: String,
    pub query: Option<String>,
    pub body: Option<String>,
    /// The connected account to act as; the platform if absent.
    pub account: Option<String>,
    pub key: Option<String>,
}

impl Call {
    pub(crate) fn new(request: RequestBuilder, account: Option<&str>, key: Option<&str>) -> Self {
        Self {
            method: match request.method {
                StripeMethod::Get => Method::GET,
                StripeMethod::Post => Method::POST,
                StripeMethod::Delete => Method::DELETE,
            },
            path: request.path,
            query: request.query.filter(|query| !query.is_empty()),
            body: request.body.map(|body| in_fixed_order(&body)),
            account: account.map(str::to_owned),
            key: key.map(str::to_owned),
        }
    }
}

/// Metadata leaves the builders in the order of a hash map. A second send under the same key
/// must be the same bytes, so the pairs are sorted; arrays carry their indices and lose nothing.
fn in_fixed_order(form: &str) -> String {
    let mut pairs: Vec<&str> = form.split('&').collect();
    pairs.sort_unstable();
    pairs.join("&")
}

/// A success, still unread.
#[derive(Debug)]
pub(crate) struct Answer {
    pub heading: Heading,
    pub body: Bytes,
}

/// The kept connections and the headers that each request carries.
pub(crate) struct Transport {
    http: Client,
    base_url: String,
}

impl Transport {
    pub(crate) fn new(config: &StripeConfig) -> Result<Self, ConfigRefused> {
        config.check()?;
        let http = with_tls(Client::builder(), config)?
            .default_headers(standing_headers(config)?)
            .timeout(config.timeout)
            .connect_timeout(config.timeout.min(CONNECT_TIMEOUT_MAX))
            .pool_idle_timeout(IDLE_MAX)
            // Following a redirect would send the money order twice, and the key elsewhere.
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .build()
            .map_err(|_| ConfigRefused::ClientSetUp)?;
        Ok(Self {
            http,
            base_url: config.base_url.trim().trim_end_matches('/').to_owned(),
        })
    }

    /// Sends once. An answer is any 2xx; everything else is a [`Failure`].
    pub(crate) async fn send(&self, call: &Call) -> Result<Answer, Failure> {
        let response = self
            .request(call)?
            .send()
            .await
            .map_err(|error| lost(&error, None))?;
        let heading = Heading::read(response.status().as_u16(), response.headers());
        tracing::debug!(
            stripe.path = call.path,
            stripe.status = heading.status,
            stripe.request_id = heading.request_id,
            stripe.replayed = heading.replayed,
            "Stripe answered"
        );
        let body = match response.bytes().await {
            Ok(body) => body,
            // The limiter's word stands without its body; any other half answer proves nothing.
            Err(_) if heading.status == 429 => Bytes::new(),
            Err(error) => return Err(lost(&error, heading.request_id)),
        };
        if !heading.is_success() {
            return Err(classify(&heading, &body));
        }
        Ok(Answer { heading, body })
    }

    fn request(&self, call: &Call) -> Result<reqwest::RequestBuilder, Failure> {
        check_path(&call.path)?;
        let mut url = format!("{}/v1{}", self.base_url, call.path);
        if let Some(query) = &call.query {
            url.push('?');
            url.push_str(query);
        }
        let mut request = self.http.request(call.method.clone(), url);
        if let Some(account) = &call.account {
            request = request.header("stripe-account", header_value(account)?);
        }
        if let Some(key) = &call.key {
            request = request.header("idempotency-key", header_value(key)?);
        }
        if let Some(body) = &call.body {
            let form = HeaderValue::from_static("application/x-www-form-urlencoded");
            request = request.header(CONTENT_TYPE, form).body(body.clone());
        }
        Ok(request)
    }
}

/// Lets `async-stripe`'s typed requests travel the same road.
impl StripeClient for Transport {
    type Err = Failure;

    async fn execute(&self, request: CustomizedStripeRequest) -> Result<Bytes, Failure> {
        let (request, told) = request.into_pieces();
        let key = told
            .request_strategy
            .and_then(|strategy| strategy.get_key());
        let account = told.account_id.as_ref().map(|id| id.as_str());
        let call = Call::new(request, account, key.as_ref().map(|key| key.as_str()));
        Ok(self.send(&call).await?.body)
    }
}

/// Plain HTTP must work in a process without any TLS set-up, yet the HTTP client insists on
/// some. It gets one that trusts nobody. HTTPS takes the provider that the binary installed.
fn with_tls(builder: ClientBuilder, config: &StripeConfig) -> Result<ClientBuilder, ConfigRefused> {
    if !config.is_plain() {
        let installed = rustls::crypto::CryptoProvider::get_default().is_some();
        return if installed {
            Ok(builder)
        } else {
            Err(ConfigRefused::NoTlsProvider)
        };
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let trusts_nobody = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| ConfigRefused::ClientSetUp)?
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    // Plain HTTP is for a Stripe next door: a proxy named in the environment knows no way there.
    Ok(builder.tls_backend_preconfigured(trusts_nobody).no_proxy())
}

fn standing_headers(config: &StripeConfig) -> Result<HeaderMap, ConfigRefused> {
    let value = |text: &str| HeaderValue::from_str(text).map_err(|_| ConfigRefused::BadHeader);
    let mut key = value(&format!(
        "Bearer {}",
        config.secret_key.expose_secret().trim()
    ))?;
    key.set_sensitive(true);
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, key);
    headers.insert(
        HeaderName::from_static("stripe-version"),
        value(&config.api_version)?,
    );
    headers.insert(
        reqwest::header::USER_AGENT,
        HeaderValue::from_static("tributary"),
    );
    Ok(headers)
}

/// Ids become part of the path; one that is no id could lead to another call.
fn check_path(path: &str) -> Result<(), Failure> {
    let plain = |it: u8| it.is_ascii_alphanumeric() || it == b'_' || it == b'-';
    let named = |part: &str| !part.is_empty() && part.bytes().all(plain);
    if path.trim_start_matches('/').split('/').all(named) {
        return Ok(());
    }
    Err(Failure::NotSent {
        why: "an id holds characters that no id has",
    })
}

/// A key or an account. A blank one would count as none: an order without its key could be made
/// twice, and one without its account would move the platform's money.
fn header_value(text: &str) -> Result<HeaderValue, Failure> {
    let refused = Failure::NotSent {
        why: "a key or account id is blank or cannot be put into a header",
    };
    match HeaderValue::from_str(text) {
        Ok(value) if !text.trim().is_empty() => Ok(value),
        Ok(_) | Err(_) => Err(refused),
    }
}

/// What a broken exchange proves. Only a connection that never came about proves anything.
fn lost(error: &reqwest::Error, request_id: Option<String>) -> Failure {
    if error.is_builder() {
        return Failure::NotSent {
            why: "the request could not be built",
        };
    }
    if error.is_connect() {
        return Failure::NotSent {
            why: "no connection could be made",
        };
    }
    let why = if error.is_timeout() {
        Doubt::TimedOut
    } else {
        Doubt::ConnectionLost
    };
    Failure::Unknown { why, request_id }
}
