//! Readiness that tells the truth: what is asked now, not what was true at the start. Now is
//! within the last second: who asks more often costs nothing.

use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use serde::Serialize;
use sqlx::PgPool;
use tokio::sync::Mutex;
use tokio::time::Instant;
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
    pub looked: LastLook,
}

/// What the last look found, and when. Who comes while one is being taken waits for it.
#[derive(Default)]
pub(crate) struct LastLook(Mutex<Option<(Instant, Vec<String>)>>);

impl LastLook {
    /// What was found within the last second, or what `look` finds.
    async fn or<F>(&self, look: impl FnOnce() -> F) -> Vec<String>
    where
        F: Future<Output = Vec<String>>,
    {
        let mut looked = self.0.lock().await;
        let fresh = looked.as_ref().filter(|(at, _)| at.elapsed() < GOOD_FOR);
        if let Some((_, problems)) = fresh {
            return problems.clone();
        }
        let problems = look().await;
        *looked = Some((Instant::now(), problems.clone()));
        problems
    }
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
        // A process that stops says so at once.
        if self.stopping.load(Ordering::Acquire) {
            return vec!["stopping".to_owned()];
        }
        self.looked.or(|| self.look()).await
    }

    async fn look(&self) -> Vec<String> {
        let mut problems = Vec::new();
        match tokio::time::timeout(PATIENCE, postgres::not_durable(&self.pool)).await {
            Ok(Ok(off)) => {
                problems.extend(
                    off.into_iter()
                        .map(|name| format!("postgres: {name} is off")),
                );
            }
            Ok(Err(error)) => problems.push(told("postgres does not answer", &error)),
            Err(late) => problems.push(told("postgres does not answer", &late)),
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
            Err(error) => Some(told("nats: /jsz cannot be read", &error)),
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

/// Fixed words for whoever asks, who may be anybody; the reason, with its names and addresses, goes
/// to the log.
fn told(problem: &str, reason: &dyn Display) -> String {
    tracing::warn!(%reason, "not ready: {problem}");
    problem.to_owned()
}

const PATIENCE: Duration = Duration::from_secs(2);
/// How long a look is good for: the routes are open to the outside, and each look is a query.
const GOOD_FOR: Duration = Duration::from_secs(1);

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

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU32;

    #[tokio::test]
    async fn many_who_ask_at_once_are_answered_from_one_look_and_later_ones_from_another() {
        let (looked, looks) = (LastLook::default(), AtomicU32::new(0));
        let look = || async {
            tokio::task::yield_now().await;
            let number = looks.fetch_add(1, Ordering::SeqCst) + 1;
            vec![format!("look {number}")]
        };
        let asked = futures::future::join_all((0..100).map(|_| looked.or(look))).await;
        assert!(asked.iter().all(|found| *found == ["look 1"]), "{asked:?}");
        let began = Instant::now();
        while looked.or(look).await == ["look 1"] {
            assert!(began.elapsed() < 3 * GOOD_FOR, "the first look stays");
            tokio::task::yield_now().await;
        }
        assert_eq!(looks.load(Ordering::SeqCst), 2);
    }
}
