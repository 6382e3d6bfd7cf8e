//! Errors as RFC 9457 problem details with a stable `code`.

pub mod catalogue;
mod status;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

pub use catalogue::Kind;

/// What went wrong, for people (`detail`) and for programs (`code`).
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Problem {
    /// A URI that names the kind of problem and can be opened.
    #[serde(rename = "type")]
    #[schema(example = "/v1/problems/invalid_request")]
    pub kind: String,
    /// The kind of problem in words.
    #[schema(example = "A part of the request is not valid")]
    pub title: &'static str,
    /// The HTTP status.
    #[schema(example = 400)]
    pub status: u16,
    /// A sentence: what was wrong and what is allowed.
    #[schema(example = "amount_cents: write a whole number from 0 to 100000000")]
    pub detail: String,
    /// Stable; part of the contract.
    #[schema(example = "invalid_request")]
    pub code: String,
    /// The field, parameter or header that is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "amount_cents")]
    pub field: Option<String>,
    /// All that was wrong, when it is more than one thing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Fault>,
    /// The request's id, as in the header Request-Id.
    #[schema(example = "req_01m05v1nke8g5r0xhqyx8fn2ak")]
    pub request_id: String,
    /// Figures, as `left_cents`.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub figures: serde_json::Map<String, serde_json::Value>,
    #[serde(skip)]
    origin: Origin,
    #[serde(skip)]
    retry_after_seconds: Option<u64>,
}

/// One thing that was wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Fault {
    /// The field, parameter or header that is meant.
    #[schema(example = "amount_cents")]
    pub field: String,
    /// missing, unknown or invalid.
    #[schema(example = "invalid")]
    pub code: &'static str,
    /// What is allowed.
    #[schema(example = "write a whole number from 0 to 100000000")]
    pub detail: String,
}

/// Who refused, and whether that stays so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The gateway found something wrong, before anybody was asked.
    Gateway,
    /// A service decided: that is an outcome, and is repeated to the same request.
    Service,
    /// A service gave way to something else under way: the same request may fare better.
    Passing,
}

impl Problem {
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("/v1/problems/{}", kind.code),
            title: kind.title,
            status: kind.status.as_u16(),
            detail: detail.into(),
            code: kind.code.to_owned(),
            field: None,
            errors: Vec::new(),
            request_id: kit::context::current().request_id,
            figures: serde_json::Map::new(),
            origin: Origin::Gateway,
            retry_after_seconds: None,
        }
    }

    /// A field of the body, a parameter of the path or the query, or a header, that is not valid.
    pub fn field(field: &str, detail: impl Into<String>) -> Self {
        Self::new(catalogue::INVALID_REQUEST, detail).about(field)
    }

    /// Several things that are not valid, or one.
    pub fn faults(faults: Vec<Fault>) -> Self {
        let first = faults.first().cloned();
        let said = faults
            .iter()
            .map(|fault| format!("{}: {}", fault.field, fault.detail));
        let mut problem = Self::new(
            catalogue::INVALID_REQUEST,
            said.collect::<Vec<_>>().join("; "),
        );
        problem.field = first.map(|fault| fault.field);
        if faults.len() > 1 {
            problem.errors = faults;
        }
        problem
    }

    /// Names what is meant.
    #[must_use]
    pub fn about(mut self, field: &str) -> Self {
        self.field = Some(field.to_owned());
        self
    }

    /// Tells the caller when to come again.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }

    pub fn internal() -> Self {
        Self::new(
            catalogue::INTERNAL_ERROR,
            "something failed on our side; the request id finds it in the logs",
        )
    }

    pub fn unavailable() -> Self {
        let detail = "a part of the system does not answer; the same request may be sent again";
        Self::new(catalogue::UNAVAILABLE, detail).retry_after(1)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let (origin, again) = (self.origin, self.retry_after_seconds);
        let mut response = (status, Json(self)).into_response();
        response.extensions_mut().insert(origin);
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some(seconds) = again {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// Gathers what is wrong, so that a caller learns all of it at once.
#[derive(Default)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// The value, or its fault on the list.
    pub fn take<T: Default>(&mut self, read: Result<T, Fault>) -> T {
        read.unwrap_or_else(|fault| {
            self.0.push(fault);
            T::default()
        })
    }

    /// # Errors
    /// 400 with all that was wrong.
    pub fn none(self) -> Result<(), Problem> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Problem::faults(self.0))
        }
    }
}

impl Fault {
    /// A value that is not allowed.
    pub fn invalid(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            code: "invalid",
            detail: detail.into(),
        }
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        Self::faults(vec![fault])
    }
}
