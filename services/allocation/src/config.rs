//! This service's own settings; defaults and explanations in `config.default.toml`.

use serde::Deserialize;

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub idempotency: Idempotency,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Idempotency {
    pub keep_days: u32,
}

impl kit::Validate for Config {
    fn validate(&self) -> Result<(), String> {
        if (1..=KEEP_DAYS_MAX).contains(&self.idempotency.keep_days) {
            return Ok(());
        }
        Err(format!(
            "idempotency.keep_days must be from 1 to {KEEP_DAYS_MAX}"
        ))
    }
}

/// A day more than the gateway's longest.
const KEEP_DAYS_MAX: u32 = 366;
