//! Readiness that tells the truth: what is asked now, not what was true at the start.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use serde::Serialize;
use sqlx::PgPool;
use tonic::Status;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use crate::{Clock, postgres};

/// What readiness looks at.
pub(crate) struct Readiness {
    pub name: &'static str,
    pub pool: PgPool,
    pub nats: async_nats::Client,
    pub monitor_url: String,
    pub http: reqwest::Client,
    pub clock: Clock,
    pub stopping: Arc<AtomicBool>,
}

#[derive(Serialize)]
struct Verdict {
    ready: bool,
    service: &'static str,
    /// What is wrong, in words; empty when ready.
    problems: Vec<String>,
}

impl Readiness {
    async fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.stopping.load(Ordering::Acquire) {
            problems.push("stopping".to_owned());
        }
        match tokio::time::timeout(PATIENCE, postgres::not_durable(&self.pool)).await {
            Ok(Ok(off)) => {
                problems.extend(
                    off.into_iter()
                        .map(|name| format!("postgres: {name} is off")),
                );
            }
            Ok(Err(error)) => problems.push(format!("postgres: {error}")),
            Err(_) => problems.push("postgres does not answer".to_owned()),
        }
        problems.extend(self.nats_problem().await);
        if !self.clock.is_read() {
            problems.push("the business clock was not read yet".to_owned());
        }
        problems
    }

    async fn nats_problem(&self) -> Option<String> {
        if self.nats.connection_state() != async_nats::connection::State::Connected {
            return Some("nats is not connected".to_owned());
        }
        if self.monitor_url.is_empty() {
            return None;
        }
        match self.syncs_always().await {
            Ok(true) => None,
            Ok(false) => Some("nats: sync_interval is not always".to_owned()),
            Err(error) => Some(format!("nats: /jsz cannot be read: {error}")),
        }
    }

    async fn syncs_always(&self) -> Result<bool, reqwest::Error> {
        let url = format!("{}/jsz", self.monitor_url.trim_end_matches('/'));
        let answer: serde_json::Value = self
            .http
            .get(url)
            .timeout(PATIENCE)
            .send()
            .await?
            .json()
            .await?;
        Ok(answer["config"]["sync_always"].as_bool().unwrap_or(false))
    }
}

const PATIENCE: Duration = Duration::from_secs(2);

/// `/livez` (the process alone), `/readyz` (`/healthz` is its alias) and `/version`.
pub(crate) fn routes(readiness: Arc<Readiness>) -> axum::Router {
    let name = readiness.name;
    axum::Router::new()
        .route("/livez", get(|| async { "ok" }))
        .route("/readyz", get(ready))
        .route("/healthz", get(ready))
        .route("/version", get(move || async move { Json(version(name)) }))
        .route_service(
            GRPC_HEALTH,
            HealthServer::new(Probe {
                readiness: Arc::clone(&readiness),
            }),
        )
        .with_state(readiness)
}

async fn ready(State(readiness): State<Arc<Readiness>>) -> (StatusCode, Json<Verdict>) {
    let problems = readiness.problems().await;
    let ready = problems.is_empty();
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (
        status,
        Json(Verdict {
            ready,
            service: readiness.name,
            problems,
        }),
    )
}

/// Where `grpc.health.v1` asks. Like the routes beside it, it needs no token.
const GRPC_HEALTH: &str = "/grpc.health.v1.Health/{*method}";

/// Readiness for those who ask over gRPC, as orchestrators' probes do.
struct Probe {
    readiness: Arc<Readiness>,
}

#[tonic::async_trait]
impl Health for Probe {
    async fn check(
        &self,
        _: tonic::Request<HealthCheckRequest>,
    ) -> Result<tonic::Response<HealthCheckResponse>, Status> {
        let ready = self.readiness.problems().await.is_empty();
        let status = if ready {
            ServingStatus::Serving
        } else {
            ServingStatus::NotServing
        };
        Ok(tonic::Response::new(HealthCheckResponse {
            status: status.into(),
        }))
    }

    type WatchStream = futures::stream::Empty<Result<HealthCheckResponse, Status>>;

    /// The protocol lets a server decline to be watched; who does ask again.
    async fn watch(
        &self,
        _: tonic::Request<HealthCheckRequest>,
    ) -> Result<tonic::Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented("ask with Check"))
    }
}

#[derive(Serialize)]
struct Version {
    service: &'static str,
    version: &'static str,
}

fn version(service: &'static str) -> Version {
    Version {
        service,
        version: env!("CARGO_PKG_VERSION"),
    }
}
