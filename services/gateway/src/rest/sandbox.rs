//! The sandbox's clock. These routes exist in sandbox mode alone.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::Gate;
use crate::advance::Refusal;
use crate::auth::{Principal, Role};
use crate::body::Body;
use crate::problem::Problem;

#[derive(Serialize, ToSchema)]
pub struct SandboxClock {
    pub object: &'static str,
    #[serde(with = "time::serde::rfc3339")]
    pub now: OffsetDateTime,
}

/// Business time.
#[utoipa::path(get, path = "/v1/sandbox/clock", tag = "sandbox",
    responses((status = 200, body = SandboxClock)))]
pub async fn clock(
    State(gate): State<Gate>,
    principal: Principal,
) -> Result<Json<SandboxClock>, Problem> {
    principal.require(&[Role::Admin])?;
    gate.clock.refresh().await?;
    Ok(Json(SandboxClock {
        object: "clock",
        now: gate.clock.now(),
    }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClockPost {
    /// Not before the present.
    #[serde(with = "time::serde::rfc3339")]
    pub advance_to: OffsetDateTime,
}

/// Moves business time forward, stopping at every timer on the way.
///
/// Answers when every part of the system has arrived and has nothing left to do, or names
/// what is not at rest. Nothing is lost by asking again.
#[utoipa::path(post, path = "/v1/sandbox/clock", tag = "sandbox", request_body = ClockPost,
    responses((status = 200, body = SandboxClock), (status = 422, body = Problem),
              (status = 503, body = Problem)))]
pub async fn advance(
    State(gate): State<Gate>,
    principal: Principal,
    Body(body): Body<ClockPost>,
) -> Result<Json<SandboxClock>, Problem> {
    principal.require(&[Role::Admin])?;
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
            Err(Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "not_at_rest",
                detail,
            ))
        }
    }
}
