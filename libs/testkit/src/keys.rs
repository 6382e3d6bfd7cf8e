//! A key pair for every service, in the encodings of the configuration.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair};

/// Keys of all services of the call graph.
#[derive(Clone)]
pub struct Keys {
    pairs: BTreeMap<String, (String, String)>,
}

impl Keys {
    /// Fresh keys.
    ///
    /// # Panics
    /// When the machine has no entropy.
    #[must_use]
    pub fn fresh() -> Self {
        let graph = kit::edges();
        let names: BTreeSet<String> = graph
            .keys()
            .cloned()
            .chain(graph.values().flatten().cloned())
            .collect();
        Self {
            pairs: names.into_iter().map(|name| (name, pair())).collect(),
        }
    }

    /// One service's private key.
    #[must_use]
    pub fn private(&self, service: &str) -> String {
        self.pairs
            .get(service)
            .map(|(private, _)| private.clone())
            .unwrap_or_default()
    }

    /// The configuration of all public keys and of one private key.
    #[must_use]
    pub fn environment(&self, service: &str) -> HashMap<String, String> {
        let upper = |name: &str| name.replace('-', "_").to_uppercase();
        let mut environment: HashMap<String, String> = self
            .pairs
            .iter()
            .map(|(name, (_, public))| {
                (
                    format!("TRIBUTARY__TOKENS__PUBLIC_KEYS__{}", upper(name)),
                    public.clone(),
                )
            })
            .collect();
        let private = format!("{}__TOKENS__PRIVATE_KEY", upper(service));
        environment.insert(private, self.private(service));
        environment
    }
}

fn pair() -> (String, String) {
    let der = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("entropy");
    let pair = Ed25519KeyPair::from_pkcs8(der.as_ref()).expect("a key that was just made");
    let public = pair.public_key().as_ref();
    (
        BASE64_URL_SAFE_NO_PAD.encode(der.as_ref()),
        BASE64_URL_SAFE_NO_PAD.encode(public),
    )
}
