//! The keys with which services sign what they ask of each other.

use anyhow::{Context, Result, anyhow};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair};

use crate::state::State;

/// The key pair with which one service signs what it asks of others.
#[derive(Debug, Clone)]
pub struct TokenKey {
    /// PKCS#8 DER, base64url without padding.
    pub private: String,
    /// 32 bytes, base64url without padding.
    pub public: String,
}

impl TokenKey {
    /// The key kept in the state, made on first use.
    pub fn of(service: &str, state: &mut State) -> Result<Self> {
        let private = match state.token_keys.get(service) {
            Some(known) => known.clone(),
            None => fresh_key()?,
        };
        let der = URL_SAFE_NO_PAD
            .decode(&private)
            .context("a token key is not base64url")?;
        let pair = Ed25519KeyPair::from_pkcs8(&der)
            .map_err(|reason| anyhow!("the token key of {service}: {reason}"))?;
        state.token_keys.insert(service.to_owned(), private.clone());
        Ok(Self {
            private,
            public: URL_SAFE_NO_PAD.encode(pair.public_key().as_ref()),
        })
    }
}

fn fresh_key() -> Result<String> {
    let der = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())
        .map_err(|_| anyhow!("the operating system gave no random bytes"))?;
    Ok(URL_SAFE_NO_PAD.encode(der.as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_key_is_kept_and_its_public_half_has_32_bytes() {
        let mut state = State::default();
        let first = TokenKey::of("billing", &mut state).expect("made");
        let second = TokenKey::of("billing", &mut state).expect("kept");
        assert_eq!(first.public, second.public);
        assert_eq!(
            URL_SAFE_NO_PAD
                .decode(first.public)
                .expect("base64url")
                .len(),
            32
        );
    }
}
