//! This service's own settings; defaults and explanations in `config.default.toml`.

use kit::{ExposeSecret, SecretString};
use serde::Deserialize;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub auth: Auth,
    pub redirects: Redirects,
    pub requests: Requests,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Auth {
    pub hs256_secret: SecretString,
    pub issuer: String,
    pub audience: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redirects {
    pub origins: String,
    pub checkout_success_url: String,
    pub checkout_cancel_url: String,
    pub onboarding_return_url: String,
    pub onboarding_refresh_url: String,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requests {
    pub body_bytes_max: usize,
    pub body_patience_ms: u64,
    pub advance_patience_ms: u64,
}

impl kit::Validate for Config {
    fn validate(&self) -> Result<(), String> {
        if self.auth.hs256_secret.expose_secret().len() < SECRET_BYTES_MIN {
            return Err(format!(
                "auth.hs256_secret needs at least {SECRET_BYTES_MIN} characters"
            ));
        }
        self.redirects.validate()
    }
}

/// HS256 is as strong as its secret: 256 bits.
const SECRET_BYTES_MIN: usize = 32;

impl Redirects {
    fn validate(&self) -> Result<(), String> {
        let defaults = [
            ("checkout_success_url", &self.checkout_success_url),
            ("checkout_cancel_url", &self.checkout_cancel_url),
            ("onboarding_return_url", &self.onboarding_return_url),
            ("onboarding_refresh_url", &self.onboarding_refresh_url),
        ];
        match defaults.iter().find(|(_, url)| !self.allows(url)) {
            None => Ok(()),
            Some((name, _)) => Err(format!(
                "redirects.{name} is not below one of redirects.origins"
            )),
        }
    }

    /// Whether a browser may be sent to `url`: its origin, whole, is in the list.
    #[must_use]
    pub fn allows(&self, url: &str) -> bool {
        let Some((scheme, rest)) = url.split_once("://") else {
            return false;
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let origin = format!("{scheme}://{authority}");
        self.origins
            .split(',')
            .any(|allowed| allowed.trim() == origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_goes_to_a_listed_origin_and_nowhere_that_looks_like_one() {
        let redirects = Redirects {
            origins: "https://site.example.com, http://localhost:3000".into(),
            checkout_success_url: String::new(),
            checkout_cancel_url: String::new(),
            onboarding_return_url: String::new(),
            onboarding_refresh_url: String::new(),
        };
        for good in [
            "https://site.example.com",
            "https://site.example.com/a?b",
            "http://localhost:3000/x",
        ] {
            assert!(redirects.allows(good), "{good}");
        }
        for bad in [
            "http://site.example.com/",
            "https://site.example.com.evil.example.com/",
            "https://site.example.com@evil.example.com/",
            "//site.example.com/",
            "javascript:alert(1)",
            "",
        ] {
            assert!(!redirects.allows(bad), "{bad}");
        }
    }
}
