use super::*;

/// A key pair in the encodings of the configuration: private PKCS#8 and public raw.
fn pair() -> (String, String) {
    let rng = ring::rand::SystemRandom::new();
    let der = ring::signature::Ed25519KeyPair::generate_pkcs8(&rng).unwrap();
    let pair = ring::signature::Ed25519KeyPair::from_pkcs8(der.as_ref()).unwrap();
    let public = ring::signature::KeyPair::public_key(&pair);
    (
        BASE64_URL_SAFE_NO_PAD.encode(der.as_ref()),
        BASE64_URL_SAFE_NO_PAD.encode(public.as_ref()),
    )
}

fn tokens(private: &str, public: &[(&str, &str)]) -> Tokens {
    Tokens {
        private_key: private.into(),
        public_keys: public
            .iter()
            .map(|(k, v)| ((*k).into(), (*v).into()))
            .collect(),
    }
}

fn signer(name: &str, private: &str) -> Signer {
    Signer::new(name, &tokens(private, &[]), Clock::system()).unwrap()
}

#[test]
fn a_caller_outside_the_call_graph_is_refused_everywhere() {
    let names: std::collections::BTreeSet<String> = edges()
        .into_iter()
        .flat_map(|(caller, callees)| [vec![caller], callees].concat())
        .collect();
    let keys: BTreeMap<_, _> = names.iter().map(|name| (name.clone(), pair())).collect();
    let public: Vec<(String, String)> = keys
        .iter()
        .map(|(name, (_, public))| (name.replace('-', "_"), public.clone()))
        .collect();
    let public: Vec<(&str, &str)> = public
        .iter()
        .map(|(k, v)| (k.as_str(), v.as_str()))
        .collect();
    for callee in &names {
        let gate = Gatekeeper::new(callee, &tokens("", &public), Clock::system()).unwrap();
        for caller in &names {
            let token = signer(caller, &keys[caller].0).token(callee).unwrap();
            let admitted = gate.admit(Some(&format!("Bearer {token}"))).is_ok();
            let allowed = edges()
                .get(caller)
                .is_some_and(|callees| callees.contains(callee));
            assert_eq!(admitted, allowed, "{caller} -> {callee}");
        }
    }
}

#[test]
fn a_token_for_another_service_or_by_another_key_is_refused() {
    let (private, public) = pair();
    let (stranger, _) = pair();
    let gate = Gatekeeper::new(
        "earnings",
        &tokens("", &[("payout", &public)]),
        Clock::system(),
    )
    .unwrap();
    let admit = |token: String| gate.admit(Some(&format!("Bearer {token}")));
    assert_eq!(
        admit(signer("payout", &private).token("earnings").unwrap()).unwrap(),
        "payout"
    );
    assert!(admit(signer("payout", &private).token("billing").unwrap()).is_err());
    assert!(admit(signer("payout", &stranger).token("earnings").unwrap()).is_err());
    assert!(gate.admit(None).is_err());
    assert!(gate.admit(Some("Bearer x.y.z")).is_err());
}

#[test]
fn a_token_that_is_good_for_longer_than_tokens_are_is_refused() {
    let (private, public) = pair();
    let gate = Gatekeeper::new(
        "earnings",
        &tokens("", &[("payout", &public)]),
        Clock::system(),
    )
    .unwrap();
    let now = Clock::system().wall().unix_timestamp();
    let admitted = |exp: i64| {
        let claims = Claims {
            iss: "payout".into(),
            aud: "earnings".into(),
            iat: now,
            exp,
        };
        let key = EncodingKey::from_ed_der(&BASE64_URL_SAFE_NO_PAD.decode(&private).unwrap());
        let token = jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), &claims, &key).unwrap();
        gate.admit(Some(&format!("Bearer {token}"))).is_ok()
    };
    assert!(admitted(now + 60));
    assert!(!admitted(now + 3600));
    assert!(!admitted(now - 30));
}
