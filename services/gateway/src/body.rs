//! Reading bodies, queries and path parts so that a refusal names the field.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::{StatusCode, request::Parts};
use serde::de::DeserializeOwned;

use crate::Gate;
use crate::problem::Problem;

/// A JSON body. Unknown fields are refused where the type says so.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Gate> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, gate: &Gate) -> Result<Self, Problem> {
        let bytes = read(request, gate).await?;
        parse(&bytes).map(Self)
    }
}

/// A JSON body that may be absent.
pub struct MaybeBody<T>(pub T);

impl<T: DeserializeOwned + Default> FromRequest<Gate> for MaybeBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, gate: &Gate) -> Result<Self, Problem> {
        let bytes = read(request, gate).await?;
        if bytes.is_empty() {
            Ok(Self(T::default()))
        } else {
            parse(&bytes).map(Self)
        }
    }
}

/// The query string.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<Gate> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Gate) -> Result<Self, Problem> {
        let read = axum::extract::Query::<T>::try_from_uri(&parts.uri);
        read.map(|query| Self(query.0)).map_err(|error| {
            Problem::new(StatusCode::BAD_REQUEST, "invalid_query", error.body_text())
        })
    }
}

/// A part of the path.
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<Gate> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, gate: &Gate) -> Result<Self, Problem> {
        let read = axum::extract::Path::<T>::from_request_parts(parts, gate).await;
        read.map(|path| Self(path.0)).map_err(|error| {
            Problem::new(StatusCode::BAD_REQUEST, "invalid_path", error.body_text())
        })
    }
}

async fn read(request: Request, gate: &Gate) -> Result<Bytes, Problem> {
    let read = tokio::time::timeout(gate.body_patience, Bytes::from_request(request, gate)).await;
    let late = |_| {
        let detail = "the body did not arrive in time";
        Problem::new(StatusCode::REQUEST_TIMEOUT, "body_late", detail)
    };
    read.map_err(late)?.map_err(|_| too_large(gate))
}

fn too_large(gate: &Gate) -> Problem {
    let detail = format!("the body may have at most {} bytes", gate.body_bytes_max);
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail)
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let read = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let inner = error.into_inner();
        if !inner.is_data() {
            return not_json(&inner);
        }
        let named = named_in(&inner.to_string()).unwrap_or(path);
        Problem::field(&named, inner.to_string())
    })?;
    // One value and nothing after it.
    reader.end().map_err(|error| not_json(&error))?;
    Ok(read)
}

fn not_json(error: &serde_json::Error) -> Problem {
    let detail = format!("the body is not JSON: {error}");
    Problem::new(StatusCode::BAD_REQUEST, "invalid_json", detail)
}

/// "missing field `x`" and "unknown field `x`" name the field in their text, not their path.
fn named_in(message: &str) -> Option<String> {
    let about = message.starts_with("missing field") || message.starts_with("unknown field");
    about
        .then(|| message.split('`').nth(1).map(ToOwned::to_owned))
        .flatten()
}
