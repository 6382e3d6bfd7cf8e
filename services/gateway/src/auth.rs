//! Who asks: a bearer token of the content site, and the roles it names.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::{HeaderMap, header, request::Parts};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use kit::ExposeSecret;
use serde::Deserialize;

use crate::Gate;
use crate::config::Auth;
use crate::problem::Problem;

/// What a user may be. Who may do what stands at each route, as its `security`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Subscriber,
    Creator,
    Admin,
    Finance,
}

#[derive(Debug, Deserialize)]
struct Claims {
    sub: String,
    #[serde(default)]
    roles: Vec<String>,
}

/// The user of this request.
#[derive(Debug, Clone)]
pub struct Principal {
    pub sub: String,
    roles: Vec<Role>,
}

/// Checks tokens by the one algorithm that is configured.
#[derive(Clone)]
pub struct Verifier {
    key: Arc<DecodingKey>,
    validation: Arc<Validation>,
}

impl Verifier {
    #[must_use]
    pub fn new(auth: &Auth) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[&auth.issuer]);
        validation.set_audience(&[&auth.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.validate_nbf = true;
        // The site's clock and ours are set by the network; a minute would be the default.
        validation.leeway = 5;
        let key = DecodingKey::from_secret(auth.hs256_secret.expose_secret().as_bytes());
        Self {
            key: Arc::new(key),
            validation: Arc::new(validation),
        }
    }

    /// The user that a request's bearer token names, if it is good.
    pub fn principal(&self, headers: &HeaderMap) -> Option<Principal> {
        let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
        self.verify(value.strip_prefix("Bearer ")?)
    }

    /// The user that a token names. Roles that nobody knows are left out.
    fn verify(&self, token: &str) -> Option<Principal> {
        let claims = jsonwebtoken::decode::<Claims>(token, &self.key, &self.validation)
            .ok()?
            .claims;
        // The site's user ids become account names in the books.
        ledger::SubscriberId::try_new(&claims.sub).ok()?;
        let roles = claims
            .roles
            .iter()
            .filter_map(|role| role_of(role))
            .collect();
        Some(Principal {
            sub: claims.sub,
            roles,
        })
    }
}

/// The role of a word, if it is one.
pub fn role_of(word: &str) -> Option<Role> {
    let all = [Role::Subscriber, Role::Creator, Role::Admin, Role::Finance];
    all.into_iter().find(|role| role.word() == word)
}

impl Principal {
    /// The user as other services log it: `admin:root`.
    #[must_use]
    pub fn actor(&self) -> String {
        let role = self.roles.first().map_or("user", |role| role.word());
        format!("{role}:{}", self.sub)
    }

    /// The bucket that the user's requests are counted in.
    #[must_use]
    pub fn bucket(&self) -> String {
        format!("user {}", self.sub)
    }

    #[must_use]
    pub fn has(&self, roles: &[Role]) -> bool {
        roles.iter().any(|role| self.roles.contains(role))
    }
}

impl Role {
    /// The role as tokens and documents write it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Subscriber => "subscriber",
            Self::Creator => "creator",
            Self::Admin => "admin",
            Self::Finance => "finance",
        }
    }
}

/// The token was checked when the request came in.
impl FromRequestParts<Gate> for Principal {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Gate) -> Result<Self, Problem> {
        // The route's rule let the request in, so it was there.
        let known = parts.extensions.get::<Self>().cloned();
        known.ok_or_else(Problem::internal)
    }
}
