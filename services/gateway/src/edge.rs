//! What every request goes through, in order: its name, its caller, the caller's limit, the
//! route's rule, and the handler in a task of its own, waited for so long and no longer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use kit::context::{self, Context};

use crate::auth::Principal;
use crate::policy::{Refused, Rule};
use crate::problem::{Problem, catalogue};
use crate::{Gate, write};

/// The layer around all routes.
pub async fn admit(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let principal = gate.verifier.principal(request.headers());
    let actor = principal.as_ref().map(Principal::actor);
    let context = Context {
        request_id: request_id(request.headers()),
        actor: actor.unwrap_or_default(),
    };
    let request_id = context.request_id.clone();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let answer = limited(gate, principal, request, next);
    let mut response = context::within(context, answer).await;
    tracing::info!(request.id = request_id, %method, path, status = response.status().as_u16(), "request");
    sign(response.headers_mut(), &request_id);
    response
}

/// The caller's own id for the request if it is one, or a fresh one.
fn request_id(headers: &HeaderMap) -> String {
    let given = headers.get("request-id").and_then(|id| id.to_str().ok());
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    given
        .filter(|id| (8..=64).contains(&id.len()) && id.chars().all(is_plain))
        .map_or_else(|| kit::ids::fresh("req"), ToOwned::to_owned)
}

/// What stands on every reply. Pages that say how they may be kept keep their word.
fn sign(headers: &mut HeaderMap, request_id: &str) {
    if let Ok(value) = HeaderValue::from_str(request_id) {
        headers.insert("request-id", value);
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
}

async fn limited(
    gate: Gate,
    principal: Option<Principal>,
    request: Request,
    next: Next,
) -> Response {
    let caller = caller(principal.as_ref(), &request);
    let is_write = !request.method().is_safe();
    let (limits, clock) = (gate.limits.clone(), gate.clock.clone());
    let mut allowance = limits.take(&caller, is_write, clock.wall());
    let mut response = if allowance.admitted {
        let ruled = ruled(gate, principal, request, next).await;
        ruled.unwrap_or_else(IntoResponse::into_response)
    } else {
        allowance.refusal().into_response()
    };
    if is_write && allowance.admitted {
        // It may have cost more than the token that let it in.
        allowance = limits.look(&caller, clock.wall());
    }
    allowance.write(response.headers_mut());
    response
}

/// Whose bucket a request is counted in: the user's, or the address' when nobody is named.
fn caller(principal: Option<&Principal>, request: &Request) -> String {
    if let Some(principal) = principal {
        return principal.bucket();
    }
    let from = request.extensions().get::<ConnectInfo<SocketAddr>>();
    from.map_or_else(
        || "nobody known".to_owned(),
        |from| format!("address {}", from.0.ip()),
    )
}

async fn ruled(
    gate: Gate,
    principal: Option<Principal>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let route = request.extensions().get::<MatchedPath>();
    let rule = match gate
        .policy
        .rule(route.map_or("", MatchedPath::as_str), request.method())
    {
        Ok(rule) => rule,
        Err(Refused::Path) => return Err(route_unknown()),
        Err(Refused::Method(known)) => return Ok(method_not_allowed(&known)),
    };
    rule.admit(principal.as_ref())?;
    rule.check_query(request.uri())?;
    if let Some(principal) = principal.clone() {
        request.extensions_mut().insert(principal);
    }
    let patience = Duration::from_millis(gate.requests.handler_patience_ms);
    let work = kit::spawn(worked(gate, Arc::clone(&rule), principal, request, next));
    if rule.is_patient {
        return Ok(ended(work.await));
    }
    // Who waits is let go; the task is not.
    let late = |_| {
        let detail =
            "the work goes on; the same request with the same Idempotency-Key learns its outcome";
        Problem::new(catalogue::HANDLER_LATE, detail).retry_after(5)
    };
    let work = tokio::time::timeout(patience, work).await;
    work.map(ended).map_err(late)
}

/// In a task of its own: a client that hangs up does not stop a write half-way.
async fn worked(
    gate: Gate,
    rule: Arc<Rule>,
    principal: Option<Principal>,
    request: Request,
    next: Next,
) -> Response {
    match principal.filter(|_| rule.is_write()) {
        Some(principal) => write::run(&gate, &rule, &principal, request, next).await,
        None => next.run(request).await,
    }
}

fn ended(work: Result<Response, tokio::task::JoinError>) -> Response {
    work.unwrap_or_else(|error| {
        tracing::error!(%error, "handler panicked");
        Problem::internal().into_response()
    })
}

fn route_unknown() -> Problem {
    Problem::new(catalogue::ROUTE_UNKNOWN, "there is nothing at this path")
}

fn method_not_allowed(known: &str) -> Response {
    let detail = format!("this path takes {known}");
    let mut response = Problem::new(catalogue::METHOD_NOT_ALLOWED, detail).into_response();
    if let Ok(known) = HeaderValue::from_str(known) {
        response.headers_mut().insert(header::ALLOW, known);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callers_own_request_id_is_taken_if_it_is_plain() {
        let id = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("request-id", HeaderValue::from_str(text).expect("a header"));
            request_id(&headers)
        };
        for good in ["12345678", "abc-DEF_123", &"x".repeat(64)] {
            assert_eq!(id(good), good);
        }
        for bad in ["1234567", &"x".repeat(65), "with blank", "semi;colon;", ""] {
            assert!(id(bad).starts_with("req_"), "{bad}");
        }
    }

    #[tokio::test]
    async fn a_handler_that_panics_answers_500() {
        let broken = kit::spawn(async { panic!("a panic on purpose") });
        assert_eq!(ended(broken.await).status(), 500);
    }
}
