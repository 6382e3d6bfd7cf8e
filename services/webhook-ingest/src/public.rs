//! What Stripe reaches: the webhook endpoints.
//!
//! The signature is checked over the bytes as they came, before anything reads them. A good one
//! is answered 200 when the event is committed, and not a moment before.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use kit::{Clock, SecretString};
use serde_json::json;
use stripe::webhook;
use time::format_description::well_known::Rfc3339;
use tokio::sync::{mpsc, oneshot};

use crate::domain::{Event, Outcome};
use crate::tally::Tally;
use crate::writer::Parcel;

/// Stripe's events are a few kilobytes, some a few hundred.
const BODY_MAX: usize = 1024 * 1024;
/// For the whole body; who sends it slower is no webhook.
const BODY_PATIENCE: Duration = Duration::from_secs(10);
/// For a place in the writer's queue.
const QUEUE_PATIENCE: Duration = Duration::from_secs(10);

/// What a delivery passes through.
pub struct Door {
    pub secrets: Vec<SecretString>,
    /// The mode of this installation.
    pub livemode: bool,
    pub clock: Clock,
    pub tally: Arc<Tally>,
    pub queue: mpsc::Sender<Parcel>,
}

pub fn router(door: Door) -> Router {
    Router::new()
        .route("/v1/webhooks/stripe", post(stripe))
        .route("/v1/webhooks/stripe-payouts", post(stripe_payouts))
        .route("/v1/webhooks/stripe-payouts/health", get(health))
        .with_state(Arc::new(door))
}

async fn stripe(State(door): State<Arc<Door>>, request: Request) -> Response {
    door.receive("stripe", request).await
}

async fn stripe_payouts(State(door): State<Arc<Door>>, request: Request) -> Response {
    door.receive("stripe-payouts", request).await
}

async fn health(State(door): State<Arc<Door>>) -> Response {
    let timestamp = door.clock.wall().format(&Rfc3339).unwrap_or_default();
    let answer = json!({
        "status": "ok", "service": "stripe-payouts-webhook", "timestamp": timestamp,
    });
    Json(answer).into_response()
}

impl Door {
    async fn receive(&self, endpoint: &'static str, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let body = match read(&parts.headers, body).await {
            Ok(body) => body,
            Err(problem) => return problem.into_response(),
        };
        if let Err(why) = self.verify(&parts.headers, &body) {
            Tally::count(&self.tally.refused);
            tracing::warn!(endpoint, %why, "webhook refused");
            return Problem::SIGNATURE.into_response();
        }
        let event = Event::read(body, endpoint, self.livemode, self.clock.now());
        match self.store(event).await {
            Some(Outcome::Stored) => Json(json!({ "received": true })).into_response(),
            Some(Outcome::Duplicate | Outcome::Altered) => {
                Json(json!({ "received": true, "duplicate": true })).into_response()
            }
            None => Problem::UNSTORED.into_response(),
        }
    }

    fn verify(&self, headers: &HeaderMap, body: &[u8]) -> Result<(), webhook::SignatureRefused> {
        let signature = headers
            .get("stripe-signature")
            .and_then(|value| value.to_str().ok());
        // Stripe signs by the wall, also where business time runs apart.
        webhook::verify(
            body,
            signature,
            &self.secrets,
            self.clock.wall(),
            webhook::TOLERANCE,
        )
    }

    /// `None` if the event could not be stored in time; Stripe delivers it again.
    async fn store(&self, event: Event) -> Option<Outcome> {
        let (answer, answered) = oneshot::channel();
        let parcel = Parcel { event, answer };
        self.queue.send_timeout(parcel, QUEUE_PATIENCE).await.ok()?;
        answered.await.ok()
    }
}

async fn read(headers: &HeaderMap, body: Body) -> Result<Vec<u8>, Problem> {
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok());
    if announced
        .and_then(|text| text.parse().ok())
        .is_some_and(|bytes: usize| bytes > BODY_MAX)
    {
        return Err(Problem::TOO_LARGE);
    }
    let whole = tokio::time::timeout(BODY_PATIENCE, axum::body::to_bytes(body, BODY_MAX)).await;
    let bytes = whole
        .map_err(|_| Problem::TOO_SLOW)?
        .map_err(|_| Problem::TOO_LARGE)?;
    Ok(bytes.into())
}

/// A refusal as a caller sees it: no word about what was wrong with a signature.
struct Problem {
    status: StatusCode,
    code: &'static str,
    title: &'static str,
}

impl Problem {
    const SIGNATURE: Self = Self {
        status: StatusCode::BAD_REQUEST,
        code: "SIGNATURE_INVALID",
        title: "The signature is absent or not valid",
    };
    const TOO_LARGE: Self = Self {
        status: StatusCode::PAYLOAD_TOO_LARGE,
        code: "BODY_TOO_LARGE",
        title: "The body is not whole, or larger than 1 MiB",
    };
    const TOO_SLOW: Self = Self {
        status: StatusCode::REQUEST_TIMEOUT,
        code: "BODY_TOO_SLOW",
        title: "The body did not come in time",
    };
    const UNSTORED: Self = Self {
        status: StatusCode::SERVICE_UNAVAILABLE,
        code: "NOT_STORED",
        title: "The event could not be stored; deliver it again",
    };
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = json!({
            "type": "about:blank", "title": self.title, "status": self.status.as_u16(),
            "code": self.code,
        });
        let kind = [(header::CONTENT_TYPE, "application/problem+json")];
        (self.status, kind, body.to_string()).into_response()
    }
}
