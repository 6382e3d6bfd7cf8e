//! What the client must be told, and the mistakes that are refused before the first call.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

/// The version of Stripe's API that this crate is written against.
pub const API_VERSION: &str = "2026-10-28.endive";

/// How long one send may take, from the first byte asked to the last byte answered.
pub const TIMEOUT_DEFAULT: Duration = Duration::from_secs(30);

/// Where Stripe is and how to be let in. Printing it never shows the key.
#[derive(Clone, Debug)]
pub struct StripeConfig {
    /// Scheme, host and port, with or without a trailing slash: `https://api.stripe.com`.
    pub base_url: String,
    /// `sk_…` or `rk_…`.
    pub secret_key: SecretString,
    /// Of one send; a read that is tried again starts anew.
    pub timeout: Duration,
    /// Sent as `Stripe-Version` with each request.
    pub api_version: String,
}

impl StripeConfig {
    /// A configuration with the default time-out and API version.
    pub fn new(base_url: impl Into<String>, secret_key: SecretString) -> Self {
        Self {
            base_url: base_url.into(),
            secret_key,
            timeout: TIMEOUT_DEFAULT,
            api_version: API_VERSION.to_owned(),
        }
    }

    /// Refuses what could only fail later, or leak.
    pub(crate) fn check(&self) -> Result<(), ConfigRefused> {
        let url = reqwest::Url::parse(&self.base_url).map_err(|_| ConfigRefused::BadBaseUrl)?;
        let key = self.secret_key.expose_secret();
        if key.trim().is_empty() {
            return Err(ConfigRefused::BlankKey);
        }
        match url.scheme() {
            "https" => Ok(()),
            "http" if key.contains("_live_") => Err(ConfigRefused::LiveKeyInClear),
            "http" => Ok(()),
            _ => Err(ConfigRefused::BadBaseUrl),
        }
    }

    /// Whether calls go out unencrypted, as to the sandbox.
    pub(crate) fn is_plain(&self) -> bool {
        self.base_url
            .trim_start()
            .to_ascii_lowercase()
            .starts_with("http://")
    }
}

/// Why no client can be made from a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConfigRefused {
    /// Not an absolute `http` or `https` address.
    #[error("the base URL of Stripe is not an http or https address")]
    BadBaseUrl,
    /// An empty key would be sent as such and refused with each call.
    #[error("the secret key of Stripe is blank")]
    BlankKey,
    /// A live key is never sent over plain HTTP, whatever the host.
    #[error("a live secret key is not sent over plain HTTP")]
    LiveKeyInClear,
    /// The key or the version holds characters that no header may carry.
    #[error("the secret key or the API version cannot be put into a header")]
    BadHeader,
    /// HTTPS was asked for before the binary installed its TLS provider.
    #[error("no TLS provider is installed in this process")]
    NoTlsProvider,
    /// The HTTP client could not be set up.
    #[error("the HTTP client could not be set up")]
    ClientSetUp,
}
