//! This service's own settings; defaults and explanations in `config.default.toml`.

use kit::SecretString;
use serde::Deserialize;
use time::Duration;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub stripe: Stripe,
    pub check: Check,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stripe {
    pub base_url: String,
    pub secret_key: SecretString,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    pub every_minutes: u32,
}

impl kit::Validate for Config {
    fn validate(&self) -> Result<(), String> {
        if self.check.every_minutes > 0 {
            Ok(())
        } else {
            Err("check.every_minutes must be at least 1".to_owned())
        }
    }
}

impl Check {
    pub fn every(self) -> Duration {
        Duration::minutes(i64::from(self.every_minutes))
    }
}
