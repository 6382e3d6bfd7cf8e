//! `<dir>/state.json`: the secrets and ports of an instance, kept so that a second start is the
//! same instance as the first.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::envfile::write_private;
use crate::random;

/// A webhook endpoint that was made at Stripe's sandbox. Stripe tells the secret only once.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct Endpoint {
    pub id: String,
    pub url: String,
    pub secret: String,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// The superuser's, set when the private cluster is made.
    pub postgres_password: Option<String>,
    pub ports: BTreeMap<String, u16>,
    /// Passwords and shared secrets by name (`role:billing`, `nats`, `auth`).
    pub secrets: BTreeMap<String, String>,
    /// Ed25519 private keys by service, PKCS#8, base64url without padding.
    pub token_keys: BTreeMap<String, String>,
    /// `platform` and `connect`.
    pub stripe_endpoints: BTreeMap<String, Endpoint>,
}

impl State {
    /// What was saved, or a blank for a folder that is new.
    pub fn load(dir: &Path) -> Result<Self> {
        let path = dir.join("state.json");
        if !path.exists() {
            return Ok(Self::default());
        }
        let text = std::fs::read(&path)?;
        serde_json::from_slice(&text).with_context(|| {
            format!(
                "{} cannot be read; remove it to start with new secrets",
                path.display()
            )
        })
    }

    pub fn save(&self, dir: &Path) -> Result<()> {
        write_private(&dir.join("state.json"), &serde_json::to_vec_pretty(self)?)
    }

    /// The password kept under `name`, made up on first use.
    pub fn password(&mut self, name: &str) -> Result<String> {
        self.secret_or(name, random::password)
    }

    /// As [`State::password`], with 256 bits.
    pub fn long_secret(&mut self, name: &str) -> Result<String> {
        self.secret_or(name, random::long_secret)
    }

    fn secret_or(&mut self, name: &str, make: impl FnOnce() -> Result<String>) -> Result<String> {
        if let Some(known) = self.secrets.get(name) {
            return Ok(known.clone());
        }
        let fresh = make()?;
        self.secrets.insert(name.to_owned(), fresh.clone());
        Ok(fresh)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_start_finds_the_secrets_of_the_first() {
        let dir = tempfile::tempdir().expect("temp dir");
        let mut first = State::load(dir.path()).expect("blank");
        let made = first.password("nats").expect("made");
        first.ports.insert("gateway".to_owned(), 8080);
        first.save(dir.path()).expect("saved");

        let mut second = State::load(dir.path()).expect("read");
        assert_eq!(second.password("nats").expect("kept"), made);
        assert_eq!(second.ports["gateway"], 8080);
        assert_ne!(second.password("other").expect("made"), made);
    }
}
