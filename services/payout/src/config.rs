//! This service's own settings; defaults and explanations in `config.default.toml`.

use kit::SecretString;
use serde::Deserialize;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub stripe: Stripe,
    pub run: Run,
    pub request: Request,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stripe {
    pub base_url: String,
    pub secret_key: SecretString,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    pub payout_min_minor: i64,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    pub payout_min_minor: i64,
}

impl kit::Validate for Config {
    fn validate(&self) -> Result<(), String> {
        for (name, least) in [
            ("run", self.run.payout_min_minor),
            ("request", self.request.payout_min_minor),
        ] {
            if least < 1 {
                return Err(format!("{name}.payout_min_minor must be at least 1"));
            }
        }
        Ok(())
    }
}
