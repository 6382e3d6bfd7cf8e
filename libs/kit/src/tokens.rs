//! Short-lived tokens between services: who calls, whom, checked against the call graph.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};
use tonic::Status;

use crate::config::Tokens;
use crate::{BootError, Clock};

/// How long a token is good for, in wall time.
const LIFETIME: Duration = Duration::seconds(60);
/// A token is signed anew when less than this is left.
const MARGIN: Duration = Duration::seconds(20);
/// How far the clocks of two machines may be apart.
const LEEWAY: Duration = Duration::seconds(5);

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    iat: i64,
    exp: i64,
}

#[derive(Deserialize)]
struct CallGraph {
    calls: BTreeMap<String, Vec<String>>,
}

/// Who may call whom: `docs/calls.toml`, compiled in.
#[must_use]
pub fn edges() -> BTreeMap<String, Vec<String>> {
    toml::from_str::<CallGraph>(include_str!("../../../docs/calls.toml"))
        .map(|graph| graph.calls)
        .unwrap_or_default()
}

/// Signs this service's calls. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Signer {
    inner: Arc<SignerInner>,
}

struct SignerInner {
    name: String,
    key: EncodingKey,
    clock: Clock,
    cached: Mutex<HashMap<String, (String, OffsetDateTime)>>,
}

impl Signer {
    pub(crate) fn new(name: &str, tokens: &Tokens, clock: Clock) -> Result<Self, BootError> {
        let der = BASE64_URL_SAFE_NO_PAD
            .decode(tokens.private_key.expose_secret())
            .map_err(|_| BootError::Config("tokens.private_key is not base64url".into()))?;
        let key = EncodingKey::from_ed_der(&der);
        let (name, cached) = (name.to_owned(), Mutex::default());
        Ok(Self {
            inner: Arc::new(SignerInner {
                name,
                key,
                clock,
                cached,
            }),
        })
    }

    /// A token for one callee, signed anew shortly before the last one expires.
    pub(crate) fn token(&self, audience: &str) -> Result<String, Status> {
        let now = self.inner.clock.wall();
        let mut cached = self
            .inner
            .cached
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some((token, expires)) = cached.get(audience)
            && *expires - now > MARGIN
        {
            return Ok(token.clone());
        }
        let expires = now + LIFETIME;
        let claims = Claims {
            iss: self.inner.name.clone(),
            aud: audience.to_owned(),
            iat: now.unix_timestamp(),
            exp: expires.unix_timestamp(),
        };
        let token = jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), &claims, &self.inner.key)
            .map_err(|error| Status::internal(format!("cannot sign a service token: {error}")))?;
        cached.insert(audience.to_owned(), (token.clone(), expires));
        Ok(token)
    }
}

/// Checks calls that come in. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Gatekeeper {
    inner: Arc<GatekeeperInner>,
}

struct GatekeeperInner {
    /// Keys of those alone that may call this service.
    callers: HashMap<String, DecodingKey>,
    validation: Validation,
    clock: Clock,
    /// Tokens that were verified, until they expire: a signature is checked once.
    seen: Mutex<HashMap<String, (String, i64)>>,
}

impl Gatekeeper {
    pub(crate) fn new(name: &str, tokens: &Tokens, clock: Clock) -> Result<Self, BootError> {
        let mut callers = HashMap::new();
        for (caller, callees) in edges() {
            let public = tokens.public_keys.get(&caller.replace('-', "_"));
            if let (true, Some(public)) = (callees.iter().any(|callee| callee == name), public) {
                let key = BASE64_URL_SAFE_NO_PAD
                    .decode(public)
                    .map_err(|_| BootError::Config(format!("tokens.public_keys.{caller}")))?;
                callers.insert(caller, DecodingKey::from_ed_der(&key));
            }
        }
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_audience(&[name]);
        validation.set_required_spec_claims(&["exp", "aud", "iss"]);
        validation.leeway = LEEWAY.whole_seconds().unsigned_abs();
        let seen = Mutex::default();
        Ok(Self {
            inner: Arc::new(GatekeeperInner {
                callers,
                validation,
                clock,
                seen,
            }),
        })
    }

    /// The caller's name, if its token is good and the edge is in the call graph.
    pub(crate) fn admit(&self, authorization: Option<&str>) -> Result<String, Status> {
        let token = authorization
            .and_then(|value| value.strip_prefix("Bearer "))
            .ok_or_else(|| Status::unauthenticated("a service token is required"))?;
        let now = self.inner.clock.wall().unix_timestamp();
        let known = self
            .seen()
            .get(token)
            .filter(|(_, expires)| *expires > now)
            .cloned();
        if let Some((caller, _)) = known {
            return Ok(caller);
        }
        // Outside the lock: a flood of bad tokens must not hold up the good ones.
        let claims = self.verify(token)?;
        if claims.exp > now + (LIFETIME + LEEWAY).whole_seconds() {
            return Err(Status::unauthenticated(
                "the service token is good for too long",
            ));
        }
        let mut seen = self.seen();
        seen.retain(|_, (_, expires)| *expires > now);
        seen.insert(token.to_owned(), (claims.iss.clone(), claims.exp));
        Ok(claims.iss)
    }

    fn seen(&self) -> MutexGuard<'_, HashMap<String, (String, i64)>> {
        self.inner
            .seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn verify(&self, token: &str) -> Result<Claims, Status> {
        let refused = || Status::unauthenticated("the service token is not valid here");
        // The issuer only chooses the key; a lie about it fails the signature.
        let unverified =
            jsonwebtoken::dangerous::insecure_decode::<Claims>(token).map_err(|_| refused())?;
        let key = self
            .inner
            .callers
            .get(&unverified.claims.iss)
            .ok_or_else(|| Status::permission_denied("this service does not call here"))?;
        let verified = jsonwebtoken::decode::<Claims>(token, key, &self.inner.validation);
        Ok(verified.map_err(|_| refused())?.claims)
    }
}

#[cfg(test)]
mod tests;
