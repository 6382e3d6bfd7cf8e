//! This service's own settings; defaults and explanations in `config.default.toml`.

use kit::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::redirects::Redirects;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub auth: Auth,
    pub redirects: Redirects,
    pub requests: Requests,
    pub limits: Limits,
    pub idempotency: Idempotency,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Auth {
    pub hs256_secret: SecretString,
    pub issuer: String,
    pub audience: String,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requests {
    pub body_bytes_max: usize,
    pub body_patience_ms: u64,
    pub handler_patience_ms: u64,
    pub advance_patience_ms: u64,
}

/// How much one caller may ask for, in tokens: `burst` at once, and `per_second` go on from there.
/// A request takes one, unless its route costs more.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    pub reads_per_second: u64,
    pub reads_burst: u64,
    pub writes_per_second: u64,
    pub writes_burst: u64,
    pub stripe_cost: u64,
    pub copy_cost: u64,
    pub lines_per_token: u64,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Idempotency {
    pub lease_ms: u32,
    pub keep_days: u32,
}

impl kit::Validate for Config {
    fn validate(&self) -> Result<(), String> {
        if self.auth.hs256_secret.expose_secret().len() < SECRET_BYTES_MIN {
            return Err(format!(
                "auth.hs256_secret needs at least {SECRET_BYTES_MIN} characters"
            ));
        }
        self.limits.validate()?;
        self.idempotency.validate()?;
        self.redirects.validate()
    }
}

/// HS256 is as strong as its secret: 256 bits.
const SECRET_BYTES_MIN: usize = 32;

impl Limits {
    fn validate(self) -> Result<(), String> {
        let all = [
            ("reads_per_second", self.reads_per_second),
            ("reads_burst", self.reads_burst),
            ("writes_per_second", self.writes_per_second),
            ("writes_burst", self.writes_burst),
            ("stripe_cost", self.stripe_cost),
            ("copy_cost", self.copy_cost),
            ("lines_per_token", self.lines_per_token),
        ];
        let allowed = 1..=LIMIT_MAX;
        match all.iter().find(|(_, limit)| !allowed.contains(limit)) {
            None => Ok(()),
            Some((name, _)) => Err(format!("limits.{name} must be from 1 to {LIMIT_MAX}")),
        }
    }
}

/// Above this a limit is none, and nanoseconds per request would be counted too coarsely.
const LIMIT_MAX: u64 = 1_000_000;

impl Idempotency {
    fn validate(self) -> Result<(), String> {
        if !(100..=600_000).contains(&self.lease_ms) {
            return Err("idempotency.lease_ms must be from 100 to 600000".into());
        }
        if !(1..=365).contains(&self.keep_days) {
            return Err("idempotency.keep_days must be from 1 to 365".into());
        }
        Ok(())
    }
}
