//! The listeners: gRPC with tokens and context inside, health beside it, the public router apart.

use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use mailbox::Pulse;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::context::{self, Context};
use crate::tokens::Gatekeeper;
use crate::{BootError, Clock};

#[derive(Clone)]
pub(crate) struct Gate {
    pub gatekeeper: Gatekeeper,
    pub clock: Clock,
    pub pulse: Pulse,
}

/// gRPC routes behind the gate.
pub(crate) fn gated(routes: tonic::service::Routes, gate: Gate) -> axum::Router {
    routes
        .into_axum_router()
        .layer(middleware::from_fn_with_state(gate, admit))
}

/// Checks the caller, sets the context, and runs the call in a task of its own: a caller that
/// hangs up must not stop a money handler half-way.
async fn admit(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let caller = match gate.gatekeeper.admit(header(&request, "authorization")) {
        Ok(caller) => caller,
        Err(status) => return refusal(&status, &path),
    };
    let settling = path.starts_with("/tributary.kit.v1.");
    if !settling && !gate.clock.is_read() {
        return refusal(&Status::unavailable(NO_CLOCK), &path);
    }
    let context = Context {
        request_id: header(&request, context::REQUEST_ID)
            .unwrap_or_default()
            .to_owned(),
        actor: header(&request, context::ACTOR)
            .unwrap_or_default()
            .to_owned(),
    };
    tracing::debug!(caller, path, actor = context.actor, "call");
    let handled = crate::spawn(context::within(context, next.run(request))).await;
    if !settling {
        // A command may have left work for the loops.
        gate.pulse.ring();
    }
    handled.unwrap_or_else(|error| {
        tracing::error!(%error, path, "handler panicked");
        Status::internal("internal error").into_http()
    })
}

const NO_CLOCK: &str = "the business clock was not read yet; the same request may be sent again";

/// A public router that answers nothing before there is a business time to answer at.
pub(crate) fn awake(public: axum::Router, clock: Clock) -> axum::Router {
    public.layer(middleware::from_fn_with_state(clock, refuse_unread))
}

async fn refuse_unread(State(clock): State<Clock>, request: Request, next: Next) -> Response {
    if clock.is_read() {
        return next.run(request).await;
    }
    let body = serde_json::json!({
        "type": "urn:tributary:problem:unavailable", "title": "Service Unavailable", "status": 503,
        "detail": NO_CLOCK, "code": "unavailable",
    });
    let kind = [(http::header::CONTENT_TYPE, "application/problem+json")];
    (
        http::StatusCode::SERVICE_UNAVAILABLE,
        kind,
        body.to_string(),
    )
        .into_response()
}

fn header<'r>(request: &'r Request, name: &str) -> Option<&'r str> {
    request
        .headers()
        .get(name)
        .and_then(|value| value.to_str().ok())
}

fn refusal(status: &Status, path: &str) -> Response {
    tracing::warn!(path, code = ?status.code(), "call refused");
    status.clone().into_http()
}

/// Binds, so that a port taken is told before anything is served.
pub(crate) async fn bind(address: &str) -> Result<TcpListener, BootError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| BootError::Listen {
            address: address.to_owned(),
            source,
        })
}

/// Serves HTTP/1.1 and HTTP/2 (gRPC) until `stop`, then lets requests in hand finish.
pub(crate) async fn serve(listener: TcpListener, router: axum::Router, stop: CancellationToken) {
    // Handlers may ask for the address that a request came from.
    let service = router.into_make_service_with_connect_info::<std::net::SocketAddr>();
    let served = axum::serve(listener, service)
        .with_graceful_shutdown(async move { stop.cancelled().await })
        .await;
    if let Err(error) = served {
        tracing::error!(%error, "listener ended");
    }
}
