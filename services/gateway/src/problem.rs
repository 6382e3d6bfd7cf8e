//! Errors as RFC 9457 problem details with a stable `code`.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tonic::{Code, Status};
use utoipa::ToSchema;

/// What went wrong, for people (`detail`) and for programs (`code`).
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Problem {
    /// A URI that names the kind of problem.
    #[serde(rename = "type")]
    pub kind: String,
    pub title: &'static str,
    pub status: u16,
    /// A sentence: what was wrong and what is allowed.
    pub detail: String,
    /// Stable; part of the contract.
    pub code: String,
    /// The field or parameter that is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub param: Option<String>,
    pub request_id: String,
    /// Figures, as `left_cents`.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub figures: serde_json::Map<String, serde_json::Value>,
}

impl Problem {
    pub fn new(status: StatusCode, code: &str, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:tributary:problem:{code}"),
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: detail.into(),
            code: code.to_owned(),
            param: None,
            request_id: kit::context::current().request_id,
            figures: serde_json::Map::new(),
        }
    }

    /// A field of the body, a parameter of the path or the query that is not valid.
    pub fn field(param: &str, detail: impl Into<String>) -> Self {
        let mut problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_field", detail);
        problem.param = Some(param.to_owned());
        problem
    }

    pub fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal_error",
            "something failed on our side",
        )
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self)).into_response();
        let kind = header::HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response
    }
}

/// The status of each refusal that the services name; others follow their gRPC code.
const CATALOGUE: [(&str, StatusCode); 12] = [
    ("ALLOCATION_TOO_LARGE", StatusCode::UNPROCESSABLE_ENTITY),
    ("AMOUNT_OUT_OF_BOUNDS", StatusCode::UNPROCESSABLE_ENTITY),
    ("CREATOR_NOT_ONBOARDED", StatusCode::CONFLICT),
    ("CREATOR_UNKNOWN", StatusCode::NOT_FOUND),
    ("INSUFFICIENT_FUNDS", StatusCode::UNPROCESSABLE_ENTITY),
    ("INVALID_ARGUMENT", StatusCode::UNPROCESSABLE_ENTITY),
    ("MONTH_LOCKED", StatusCode::CONFLICT),
    ("MONTH_NOT_OPEN", StatusCode::CONFLICT),
    ("PAYOUT_UNKNOWN", StatusCode::NOT_FOUND),
    ("PLAN_UNKNOWN", StatusCode::UNPROCESSABLE_ENTITY),
    ("SELF_ALLOCATION", StatusCode::UNPROCESSABLE_ENTITY),
    ("SUBSCRIPTION_REQUIRED", StatusCode::FORBIDDEN),
];

impl From<Status> for Problem {
    fn from(status: Status) -> Self {
        let Some((reason, metadata)) = kit::reason_of(&status) else {
            return unexplained(&status);
        };
        let known = CATALOGUE
            .iter()
            .find(|(code, _)| *code == reason)
            .map(|(_, status)| *status);
        let http = known.unwrap_or_else(|| by_code(status.code()));
        let mut problem = Self::new(http, &reason.to_lowercase(), status.message());
        for (key, value) in metadata {
            problem.add(&key, value);
        }
        problem
    }
}

impl Problem {
    /// Inside, money is `_minor`; outside it is `_cents`.
    fn add(&mut self, key: &str, value: String) {
        let public = |name: &str| name.replace("_minor", "_cents");
        if key == "field" {
            self.param = Some(public(&value));
            return;
        }
        if MEMBERS.contains(&key) {
            tracing::error!(key, code = self.code, "a figure has the name of a member");
            return;
        }
        // Ids may look like numbers; amounts are.
        let amount = if key.ends_with("_minor") {
            value.parse::<i64>().ok()
        } else {
            None
        };
        let value = amount.map_or_else(|| value.into(), serde_json::Value::from);
        self.figures.insert(public(key), value);
    }
}

/// What every problem says of itself; no figure may speak over it.
const MEMBERS: [&str; 7] = [
    "type",
    "title",
    "status",
    "detail",
    "code",
    "param",
    "request_id",
];

fn by_code(code: Code) -> StatusCode {
    match code {
        Code::InvalidArgument | Code::OutOfRange => StatusCode::UNPROCESSABLE_ENTITY,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::FailedPrecondition | Code::Aborted | Code::AlreadyExists => StatusCode::CONFLICT,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled | Code::ResourceExhausted => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        Code::Ok
        | Code::Unknown
        | Code::Unimplemented
        | Code::Internal
        | Code::DataLoss
        | Code::Unauthenticated => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// What has no stable code says nothing of our insides.
fn unexplained(status: &Status) -> Problem {
    tracing::error!(code = ?status.code(), message = status.message(), "a service failed");
    if kit::is_lost(status) {
        let detail = "a part of the system does not answer; the same request may be sent again";
        return Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail);
    }
    Problem::internal()
}

impl From<kit::Error> for Problem {
    fn from(error: kit::Error) -> Self {
        Status::from(error).into()
    }
}

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        kit::Error::from(error).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kit::Rejection;

    #[test]
    fn figures_overwrite_no_member_and_only_counts_and_amounts_are_numbers() {
        let rejection = Rejection::new("MONTH_LOCKED", "no")
            .with("status", "200")
            .with("code", "fine")
            .with("left_minor", 120)
            .with("creator_id", "007");
        let problem = Problem::from(kit::Error::Rejected(rejection));
        let text = serde_json::to_string(&problem).expect("JSON");
        assert_eq!(text.matches("\"status\":").count(), 1, "{text}");
        let shown: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(
            (&shown["status"], &shown["code"]),
            (&409.into(), &"month_locked".into())
        );
        assert_eq!(
            (&shown["left_cents"], &shown["creator_id"]),
            (&120.into(), &"007".into())
        );
    }
}
