//! The HTTP side: who asks, in what form, and how the answer goes out.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use futures::StreamExt;
use tokio::io::AsyncReadExt;

use crate::api::{self, Incoming, Reply};
use crate::control;
use crate::error::Refusal;
use crate::faults::Trouble;
use crate::form::{Params, unescape};
use crate::levers;
use crate::line::Knife;
use crate::pages::{self, Page};
use crate::sandbox::Sandbox;

const BODY_MAX: usize = 1 << 20;
const CHUNK: usize = 64 * 1024;
/// How long a connection hangs when its fault does not say.
const HANG: Duration = Duration::from_secs(600);
const FLUSH: Duration = Duration::from_millis(50);
/// Stripe's limit on the length of an idempotency key.
const KEY_MAX: usize = 255;

pub async fn handle(
    State(sandbox): State<Arc<Sandbox>>,
    ConnectInfo(knife): ConnectInfo<Knife>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let (method, path) = (parts.method.as_str(), unescape(parts.uri.path()));
    let query = parts.uri.query().unwrap_or_default();
    let Ok(bytes) = axum::body::to_bytes(body, BODY_MAX).await else {
        return plain(
            StatusCode::PAYLOAD_TOO_LARGE,
            "text/plain",
            "too large".to_owned(),
        );
    };
    let body = String::from_utf8_lossy(&bytes);
    if path == "/_sandbox/journal" {
        return journal(&sandbox).await;
    }
    if path.starts_with("/_sandbox/") {
        return own_call(&sandbox, method, &path, query, &body).await;
    }
    let params = if method == "POST" {
        Params::parse(&format!("{query}&{body}"))
    } else {
        Params::parse(query)
    };
    if let Some(page) = pages::serve(&sandbox, method, &path, &params) {
        return show(page);
    }
    let request_id = sandbox.request_id();
    let reply = match incoming(&sandbox, &parts.headers, method, path, params, &request_id) {
        Ok(incoming) => sandbox.serve(&incoming),
        Err(refusal) => api::refused(&refusal, &request_id),
    };
    let trouble = reply.trouble;
    let response = answer(reply, &parts.headers, &request_id);
    match trouble {
        Some(trouble) => spoil(response, trouble, &knife).await,
        None => response,
    }
}

/// Sees to it that a reply does not come as it should.
async fn spoil(response: Response, trouble: Trouble, knife: &Knife) -> Response {
    match trouble {
        // When the client goes away, this is dropped where it waits.
        Trouble::Hang(seconds) => {
            let seconds = seconds.map_or(HANG, Duration::from_secs);
            tokio::time::sleep(seconds).await;
            knife.cut();
            response
        }
        Trouble::Reset => {
            knife.cut();
            response
        }
        Trouble::Truncate => truncated(response, knife.clone()).await,
    }
}

/// The head and the first half of the body; then the connection ends.
async fn truncated(response: Response, knife: Knife) -> Response {
    let (mut parts, body) = response.into_parts();
    let whole = axum::body::to_bytes(body, usize::MAX).await;
    let whole = whole.unwrap_or_default();
    parts
        .headers
        .insert(header::CONTENT_LENGTH, whole.len().into());
    let half = whole.slice(..whole.len() / 2);
    let first = futures::stream::once(async { Ok::<_, std::io::Error>(half) });
    let rest = futures::stream::once(async move {
        // What was written so far must have left before the connection goes.
        tokio::time::sleep(FLUSH).await;
        knife.cut();
        Err(std::io::ErrorKind::ConnectionReset.into())
    });
    Response::from_parts(parts, Body::from_stream(first.chain(rest)))
}

fn incoming(
    sandbox: &Sandbox,
    headers: &HeaderMap,
    method: &str,
    path: String,
    params: Params,
    request_id: &str,
) -> Result<Incoming, Refusal> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    check_secret(text("authorization"))?;
    let key = text("idempotency-key").filter(|key| !key.is_empty());
    if key.is_some_and(|key| key.len() > KEY_MAX) {
        let message = "Idempotency keys may have at most 255 characters.";
        return Err(Refusal::invalid("Idempotency-Key", message));
    }
    Ok(Incoming {
        method: method.to_owned(),
        path,
        params,
        account: text("stripe-account").map(str::to_owned),
        key: key.map(str::to_owned),
        request_id: request_id.to_owned(),
        base: sandbox.base.clone(),
    })
}

/// Accepts any test key, as bearer or as user name, and nothing else.
fn check_secret(authorization: Option<&str>) -> Result<(), Refusal> {
    let Some(text) = authorization else {
        return Err(Refusal::unauthorized("You did not provide an API key."));
    };
    let (scheme, rest) = text.split_once(' ').unwrap_or((text, ""));
    let key = match scheme.to_ascii_lowercase().as_str() {
        "bearer" => rest.trim().to_owned(),
        "basic" => basic_user(rest.trim()),
        _ => String::new(),
    };
    if key.starts_with("sk_live") || key.starts_with("rk_live") {
        return Err(Refusal::unauthorized(
            "This is a sandbox: live keys are refused.",
        ));
    }
    if key.starts_with("sk_test_") || key.starts_with("rk_test_") {
        return Ok(());
    }
    Err(Refusal::unauthorized("Invalid API Key provided."))
}

/// The user name of basic authentication; empty when it cannot be read.
fn basic_user(encoded: &str) -> String {
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = encoded
        .bytes()
        .map_while(|byte| letters.iter().position(|own| *own == byte));
    let (mut bits, mut held, mut user) = (0_u32, 0_u32, Vec::new());
    for digit in digits {
        bits = (bits << 6 | u32::try_from(digit).unwrap_or(0)) & 0xFFFF;
        held += 6;
        if held >= 8 {
            held -= 8;
            user.push(u8::try_from((bits >> held) & 0xFF).unwrap_or(0));
        }
    }
    let text = String::from_utf8_lossy(&user).into_owned();
    text.split(':').next().unwrap_or_default().to_owned()
}

fn answer(reply: Reply, headers: &HeaderMap, request_id: &str) -> Response {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = plain(status, "application/json", reply.body);
    let mut set = |name: &'static str, value: &str| {
        if let Ok(value) = value.parse() {
            response.headers_mut().insert(name, value);
        }
    };
    set("request-id", request_id);
    set("stripe-version", crate::events::API_VERSION);
    for name in ["idempotency-key", "stripe-account"] {
        if let Some(value) = headers.get(name).and_then(|value| value.to_str().ok()) {
            set(name, value);
        }
    }
    if reply.status == 409 {
        set("stripe-should-retry", "true");
    }
    if let Some(limit) = reply.limit {
        set("stripe-rate-limited-reason", limit);
    }
    if reply.replayed {
        set("idempotent-replayed", "true");
    }
    response
}

fn plain(status: StatusCode, kind: &'static str, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    response
}

fn show(page: Page) -> Response {
    match page {
        Page::Shown(status, html) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
            plain(status, "text/html; charset=utf-8", html)
        }
        Page::SeeOther(url) => {
            let mut response = plain(StatusCode::SEE_OTHER, "text/plain", String::new());
            if let Ok(url) = url.parse() {
                response.headers_mut().insert(header::LOCATION, url);
            }
            response
        }
    }
}

async fn own_call(
    sandbox: &Sandbox,
    method: &str,
    path: &str,
    query: &str,
    body: &str,
) -> Response {
    let params = control::read_params(query, body);
    let answer = match levers::serve(sandbox, method, path, &params, body) {
        Some(answer) => answer,
        None => control::serve(sandbox, method, path, &params).await,
    };
    match sandbox.check_journal().and(answer) {
        Ok(value) => plain(StatusCode::OK, "application/json", value.to_string()),
        Err(refusal) => {
            let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::BAD_REQUEST);
            let body = refusal.body(&sandbox.request_id()).to_string();
            plain(status, "application/json", body)
        }
    }
}

/// Streams the journal as it is now; lines written meanwhile may or may not be in it.
async fn journal(sandbox: &Sandbox) -> Response {
    let Ok(file) = tokio::fs::File::open(sandbox.journal_path()).await else {
        return plain(
            StatusCode::INTERNAL_SERVER_ERROR,
            "text/plain",
            "no journal".to_owned(),
        );
    };
    let length = file.metadata().await.map_or(0, |about| about.len());
    let chunks = futures::stream::unfold(file.take(length), |mut file| async {
        let mut chunk = Vec::with_capacity(CHUNK);
        match file.read_buf(&mut chunk).await {
            Ok(0) => None,
            Ok(_) => Some((Ok::<_, std::io::Error>(chunk), file)),
            Err(error) => Some((Err(error), file)),
        }
    });
    let mut response = Response::new(Body::from_stream(chunks.boxed()));
    let kind = header::HeaderValue::from_static("application/x-ndjson");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}
