//! Writes: each at most once under its Idempotency-Key, and none answered before what it
//! promises was kept.

use std::convert::Infallible;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequestParts, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, request::Parts};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use crate::answer::Effects;
use crate::auth::Principal;
use crate::policy::Rule;
use crate::problem::{Origin, Problem, catalogue};
use crate::store::{Claim, Held, Key, Promise, Reply};
use crate::{Gate, body};

/// The key that a write is passed on with: the same for the same intent of the same user, and
/// another one for every request that names no intent.
#[derive(Debug, Clone)]
pub struct PassedOn(pub String);

/// The same for services that keep nothing of a request that names no intent: then it is empty.
#[derive(Debug, Clone)]
pub struct Named(pub String);

impl FromRequestParts<Gate> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Gate) -> Result<Self, Problem> {
        let named = parts.extensions.get::<Self>().cloned();
        named.ok_or_else(Problem::internal)
    }
}

impl FromRequestParts<Gate> for PassedOn {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Gate) -> Result<Self, Problem> {
        let passed_on = parts.extensions.get::<Self>().cloned();
        passed_on.ok_or_else(Problem::internal)
    }
}

pub const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
const KEY: &str = "Idempotency-Key";

/// Runs a write that its rule let in.
pub async fn run(
    gate: &Gate,
    rule: &Rule,
    principal: &Principal,
    request: Request,
    next: Next,
) -> Response {
    let ran = async {
        let key = key(request.headers(), rule, principal)?;
        let (mut parts, body) = request.into_parts();
        let again = Request::from_parts(parts.clone(), body);
        let bytes = body::read(again, gate).await?;
        let named = Named(key.as_ref().map(derived).unwrap_or_default());
        parts.extensions.insert(passed_on(&named));
        parts.extensions.insert(named);
        let hash = hash(&parts, &bytes);
        let write = Write {
            gate,
            rule,
            principal,
            cost: gate.limits.cost(rule.price, &bytes),
        };
        let request = Request::from_parts(parts, Body::from(bytes));
        match key {
            None => write.once(request, next).await,
            Some(key) => write.keyed(&key, &hash, request, next).await,
        }
    };
    ran.await.unwrap_or_else(IntoResponse::into_response)
}

struct Write<'w> {
    gate: &'w Gate,
    rule: &'w Rule,
    principal: &'w Principal,
    /// In tokens of the caller's bucket.
    cost: u64,
}

impl Write<'_> {
    /// Without a key: what it promises is kept, its reply is not.
    async fn once(&self, request: Request, next: Next) -> Result<Response, Problem> {
        let mut response = self.work(request, next).await;
        self.acknowledge(&mut response, None).await?;
        Ok(response)
    }

    async fn keyed(
        &self,
        key: &Key,
        hash: &[u8],
        request: Request,
        next: Next,
    ) -> Result<Response, Problem> {
        let store = &self.gate.store;
        let attempt = match store.claim(key, hash).await? {
            Claim::Ours { attempt } => attempt,
            Claim::Theirs(held) => return repeated(held, hash),
        };
        let mut response = tokio::select! {
            response = self.work(request, next) => response,
            never = self.keep(key, attempt) => match never {},
        };
        match outcome(&response) {
            Outcome::Decided => {
                let reply;
                (response, reply) = buffered(response).await?;
                let done = Some((key, attempt, &reply));
                self.acknowledge(&mut response, done).await?;
            }
            Outcome::Unknown => store.end_lease(key, attempt).await?,
            Outcome::NotTried => store.release(key, attempt).await?,
        }
        Ok(response)
    }

    /// Does what was asked for, once it is paid for: a reply that is repeated is not.
    async fn work(&self, request: Request, next: Next) -> Response {
        let (gate, bucket) = (self.gate, self.principal.bucket());
        let paid = gate.limits.take_rest(&bucket, self.cost, gate.clock.wall());
        if paid.admitted {
            next.run(request).await
        } else {
            paid.refusal().into_response()
        }
    }

    /// Keeps the lease for as long as this is polled. A renewal that fails is tried again; if the
    /// lease is lost meanwhile, the next attempt's reply stands.
    async fn keep(&self, key: &Key, attempt: i32) -> Infallible {
        let store = &self.gate.store;
        loop {
            tokio::time::sleep(store.lease / 3).await;
            if let Err(error) = store.renew_lease(key, attempt).await {
                tracing::warn!(%error, "a lease was not renewed");
            }
        }
    }

    /// When this fails the write is not acknowledged, though it may be done.
    async fn acknowledge(
        &self,
        response: &mut Response,
        done: Option<(&Key, i32, &Reply)>,
    ) -> Result<(), Problem> {
        let effects = response
            .extensions_mut()
            .remove::<Effects>()
            .unwrap_or_default();
        let request_id = kit::context::current().request_id;
        let promise = Promise {
            request_id: &request_id,
            principal: &self.principal.sub,
            method: self.rule.method.as_str(),
            route: &self.rule.route,
            effects: &effects.0,
        };
        Ok(self.gate.store.acknowledge(promise, done).await?)
    }
}

/// What a reply says of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// Done, or refused by the service whose business it is: so it stays.
    Decided,
    /// It failed under way; the next try runs again, under the same key.
    Unknown,
    /// Refused here, before anybody was asked.
    NotTried,
}

fn outcome(response: &Response) -> Outcome {
    let status = response.status();
    if status.is_success() {
        return Outcome::Decided;
    }
    match response.extensions().get::<Origin>() {
        Some(Origin::Service) if status.is_client_error() => Outcome::Decided,
        Some(Origin::Gateway) if status.is_client_error() => Outcome::NotTried,
        _ => Outcome::Unknown,
    }
}

/// The reply of a key that is taken.
fn repeated(held: Held, hash: &[u8]) -> Result<Response, Problem> {
    if held.request_hash != hash {
        let detail = "this key came with another path, query or body before";
        return Err(Problem::new(catalogue::IDEMPOTENCY_KEY_REUSED, detail).about(KEY));
    }
    let reply = held.reply.ok_or_else(|| {
        let detail = "a request with this key is being worked on";
        Problem::new(catalogue::REQUEST_IN_FLIGHT, detail)
            .about(KEY)
            .retry_after(1)
    })?;
    Ok(reply.into_response())
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        let kept = [
            (header::CONTENT_TYPE, self.content_type),
            (header::LOCATION, self.location),
        ];
        for (name, value) in kept {
            if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
                headers.insert(name, value);
            }
        }
        headers.insert(REPLAYED, HeaderValue::from_static("true"));
        response
    }
}

/// A response whose body is in memory, and what is kept of it.
async fn buffered(response: Response) -> Result<(Response, Reply), Problem> {
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, usize::MAX)
        .await
        .map_err(|_| Problem::internal())?;
    let text = |name: HeaderName| {
        let value = parts.headers.get(name)?.to_str().ok()?;
        Some(value.to_owned())
    };
    let reply = Reply {
        status: parts.status.as_u16(),
        content_type: text(header::CONTENT_TYPE),
        location: text(header::LOCATION),
        body: bytes.to_vec(),
    };
    Ok((Response::from_parts(parts, Body::from(bytes)), reply))
}

fn key(headers: &HeaderMap, rule: &Rule, principal: &Principal) -> Result<Option<Key>, Problem> {
    let mut given = headers.get_all(KEY).iter();
    let key = match (given.next(), given.next()) {
        (None, _) if rule.key_required => return Err(missing()),
        (None, _) => return Ok(None),
        (Some(key), None) => key.to_str().ok().filter(|key| is_key(key)),
        (Some(_), Some(_)) => None,
    };
    let detail = "send one key of 1 to 255 printable ASCII characters";
    let key = key.ok_or_else(|| Problem::field(KEY, detail))?;
    Ok(Some(Key {
        principal: principal.sub.clone(),
        method: rule.method.to_string(),
        route: rule.route.clone(),
        key: key.to_owned(),
    }))
}

fn missing() -> Problem {
    let detail = "money leaves by this request: send an Idempotency-Key";
    Problem::new(catalogue::IDEMPOTENCY_KEY_REQUIRED, detail).about(KEY)
}

fn is_key(key: &str) -> bool {
    (1..=255).contains(&key.len()) && key.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

fn passed_on(named: &Named) -> PassedOn {
    if named.0.is_empty() {
        PassedOn(kit::ids::fresh("once"))
    } else {
        PassedOn(named.0.clone())
    }
}

/// Of a fixed length, whatever the key's, and another one at each route.
fn derived(key: &Key) -> String {
    let digest = digest(&[
        key.principal.as_bytes(),
        key.method.as_bytes(),
        key.route.as_bytes(),
        key.key.as_bytes(),
    ]);
    format!("key_{}", hex::encode(digest))
}

/// What must be the same for two requests to be the same.
fn hash(parts: &Parts, body: &Bytes) -> Vec<u8> {
    let query = parts.uri.query().unwrap_or_default();
    digest(&[parts.uri.path().as_bytes(), query.as_bytes(), body])
}

/// Each part with its length before it, so that none runs into the next.
fn digest(parts: &[&[u8]]) -> Vec<u8> {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part.len().to_be_bytes());
        hasher.update(part);
    }
    hasher.finalize().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_printable_ascii_of_bounded_length() {
        assert!(is_key("a") && is_key("with blank ~") && is_key(&"k".repeat(255)));
        for bad in ["", "tab\t", "\u{7f}", "ä", &"k".repeat(256)] {
            assert!(!is_key(bad), "{bad:?}");
        }
    }

    #[test]
    fn the_key_that_is_passed_on_differs_by_user_method_route_and_key() {
        let key = |principal: &str, method: &str, route: &str, key: &str| {
            let words = [principal, method, route, key].map(ToOwned::to_owned);
            let [principal, method, route, key] = words;
            derived(&Key {
                principal,
                method,
                route,
                key,
            })
        };
        let one = key("u", "POST", "/r", "k");
        assert_eq!(one, key("u", "POST", "/r", "k"));
        for other in [
            key("v", "POST", "/r", "k"),
            key("u", "PUT", "/r", "k"),
            key("u", "POST", "/s", "k"),
            key("u", "POST", "/r", "l"),
            key("uP", "OST", "/r", "k"),
        ] {
            assert_ne!(one, other);
        }
        let none = || passed_on(&Named(String::new())).0;
        assert!(one.len() <= 255 && none() != none());
    }

    #[test]
    fn only_what_was_decided_is_kept() {
        let of = |response: Response| outcome(&response);
        assert_eq!(of(StatusCode::CREATED.into_response()), Outcome::Decided);
        let refused = kit::Error::Rejected(kit::Rejection::new("MONTH_LOCKED", "no"));
        assert_eq!(of(Problem::from(refused).into_response()), Outcome::Decided);
        assert_eq!(
            of(Problem::field("x", "no").into_response()),
            Outcome::NotTried
        );
        assert_eq!(of(Problem::unavailable().into_response()), Outcome::Unknown);
        assert_eq!(of(Problem::internal().into_response()), Outcome::Unknown);
    }
}
