//! The sandbox's clock. These routes exist in sandbox mode alone.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::Gate;
use crate::advance::Refusal;
use crate::body::Body;
use crate::problem::{Problem, catalogue};

/// Business time.
#[derive(Serialize, ToSchema)]
pub struct SandboxClock {
    /// Always `clock`.
    pub object: &'static str,
    /// What it says.
    #[serde(with = "time::serde::rfc3339")]
    pub now: OffsetDateTime,
}

/// Business time.
#[utoipa::path(get, path = "/v1/sandbox/clock", tag = "sandbox",
    responses((status = 200, description = "Business time", body = SandboxClock)),
    security(("bearer" = ["admin"])))]
pub async fn clock(State(gate): State<Gate>) -> Result<Json<SandboxClock>, Problem> {
    gate.clock.refresh().await?;
    Ok(Json(SandboxClock {
        object: "clock",
        now: gate.clock.now(),
    }))
}

/// Where to.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "advance_to": "2027-02-01T00:00:00Z" }))]
pub struct ClockPost {
    /// Not before the present.
    #[serde(with = "time::serde::rfc3339")]
    pub advance_to: OffsetDateTime,
}

/// Moves business time forward, stopping at every timer on the way.
///
/// Answers when every part of the system has arrived and has nothing left to do, or names
/// what is not at rest. Nothing is lost by asking again.
#[utoipa::path(post, path = "/v1/sandbox/clock", tag = "sandbox",
    request_body(content = ClockPost, description = "Where to"),
    responses((status = 200, description = "Business time on arrival", body = SandboxClock)),
    security(("bearer" = ["admin"])),
    extensions(("x-patient" = json!(true)), ("x-problems" = json!(["not_at_rest"]))))]
pub async fn advance(
    State(gate): State<Gate>,
    Body(body): Body<ClockPost>,
) -> Result<Json<SandboxClock>, Problem> {
    match gate.advance.to(body.advance_to).await {
        Ok(now) => Ok(Json(SandboxClock {
            object: "clock",
            now,
        })),
        Err(Refusal::Past { now }) => Err(Problem::field(
            "advance_to",
            format!("business time is already {now}"),
        )),
        Err(Refusal::Restless { busy }) => {
            let detail = format!("not at rest: {}", busy.join("; "));
            Err(Problem::new(catalogue::NOT_AT_REST, detail).retry_after(1))
        }
    }
}
