//! This service's own settings; defaults and explanations in `config.default.toml`.

use kit::{Clock, ExposeSecret, SecretString};
use serde::Deserialize;
use time::Duration;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub webhooks: Webhooks,
    pub ingest: Ingest,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhooks {
    pub secrets: SecretString,
    pub livemode: bool,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ingest {
    pub grace_seconds: u32,
}

/// Migrating needs no secret, so secrets are looked at when the service starts.
impl kit::Validate for Config {}

impl Webhooks {
    /// The secrets, at least one and none of them blank: anyone can sign with an empty one.
    ///
    /// # Errors
    /// A sentence that says what to set.
    pub fn signing_secrets(&self) -> Result<Vec<SecretString>, String> {
        let secrets: Vec<&str> = self
            .secrets
            .expose_secret()
            .split(',')
            .map(str::trim)
            .collect();
        if secrets.iter().any(|secret| secret.is_empty()) {
            return Err(
                "webhooks.secrets must name each endpoint's signing secret, separated by \
                        commas, none of them blank"
                    .to_owned(),
            );
        }
        Ok(secrets.into_iter().map(SecretString::from).collect())
    }
}

impl Ingest {
    /// How long after its end a month is announced. The sandbox delivers before its clock goes
    /// on, so nothing is late there.
    pub fn grace(&self, clock: &Clock) -> Duration {
        if clock.is_sandbox() {
            return Duration::ZERO;
        }
        Duration::seconds(i64::from(self.grace_seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(text: &str) -> Result<usize, String> {
        let webhooks = Webhooks {
            secrets: SecretString::from(text),
            livemode: false,
        };
        webhooks.signing_secrets().map(|secrets| secrets.len())
    }

    #[test]
    fn a_blank_secret_is_refused_alone_and_among_others() {
        assert_eq!(secrets("whsec_a, whsec_b"), Ok(2));
        for blank in ["", "  ", "whsec_a,", ",whsec_a", "whsec_a, ,whsec_b"] {
            assert!(secrets(blank).is_err(), "{blank:?} was taken");
        }
    }
}
