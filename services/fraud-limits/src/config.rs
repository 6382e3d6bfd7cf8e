//! This service's own settings; defaults and explanations in `config.default.toml`.

use serde::Deserialize;

use crate::domain;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub limits: Limits,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    pub single_payout_max_minor: i64,
}

impl kit::Validate for Config {
    fn validate(&self) -> Result<(), String> {
        if self.limits.single_payout_max_minor > 0 {
            Ok(())
        } else {
            Err("limits.single_payout_max_minor must be at least 1".to_owned())
        }
    }
}

impl From<Limits> for domain::Limits {
    fn from(limits: Limits) -> Self {
        Self {
            single_payout_max_minor: limits.single_payout_max_minor,
        }
    }
}
