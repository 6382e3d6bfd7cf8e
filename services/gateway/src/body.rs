//! Reading bodies, queries and path parts so that a refusal names the field.

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, FailedToBufferBody};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::{HeaderMap, header, request::Parts};
use serde::de::DeserializeOwned;

use crate::Gate;
use crate::problem::{Fault, Problem, catalogue};

/// A JSON body. Unknown fields are refused where the type says so.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Gate> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, gate: &Gate) -> Result<Self, Problem> {
        parse(&read(request, gate).await?).map(Self)
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

/// The query string. Its names were checked by the route's rule; its fields are texts, which
/// handlers read by name.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<Gate> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Gate) -> Result<Self, Problem> {
        let read = axum::extract::Query::<T>::try_from_uri(&parts.uri);
        read.map(|query| Self(query.0))
            .map_err(|error| Problem::new(catalogue::INVALID_REQUEST, error.body_text()))
    }
}

/// A part of the path.
pub struct Part(pub String);

impl FromRequestParts<Gate> for Part {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, gate: &Gate) -> Result<Self, Problem> {
        let read = axum::extract::Path::<String>::from_request_parts(parts, gate).await;
        read.map(|path| Self(path.0)).map_err(|error| {
            let detail = error.body_text();
            let field = detail.split('`').nth(1).unwrap_or("path").to_owned();
            Problem::field(&field, detail)
        })
    }
}

/// The whole body, if it is small enough, in time, and said to be JSON.
///
/// # Errors
/// 408, 413, 415.
pub async fn read(request: Request, gate: &Gate) -> Result<Bytes, Problem> {
    let is_json = is_json(request.headers());
    let patience = gate.requests.body_patience_ms;
    let patience = std::time::Duration::from_millis(patience);
    let read = tokio::time::timeout(patience, Bytes::from_request(request, gate)).await;
    let late = |_| Problem::new(catalogue::BODY_LATE, "the body did not arrive in time");
    let bytes = read.map_err(late)?.map_err(|error| unread(&error, gate))?;
    if bytes.is_empty() || is_json {
        return Ok(bytes);
    }
    let detail = "send the body as JSON, with Content-Type: application/json";
    Err(Problem::new(catalogue::MEDIA_TYPE_UNSUPPORTED, detail).about("Content-Type"))
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    let kind = kind
        .and_then(|kind| kind.split(';').next())
        .unwrap_or_default();
    kind.trim().eq_ignore_ascii_case("application/json")
}

fn unread(error: &BytesRejection, gate: &Gate) -> Problem {
    if let BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_)) = error {
        let detail = format!(
            "the body may have at most {} bytes",
            gate.requests.body_bytes_max
        );
        return Problem::new(catalogue::BODY_TOO_LARGE, detail);
    }
    Problem::new(catalogue::INVALID_JSON, "the body broke off")
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    // The reader would take a list as well, field by field.
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        serde_json::from_slice::<serde::de::IgnoredAny>(bytes).map_err(|error| not_json(&error))?;
        return Err(Problem::field("body", "send one JSON object"));
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let read = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let inner = error.into_inner();
        if inner.is_data() {
            Problem::from(fault(path, &inner.to_string()))
        } else {
            not_json(&inner)
        }
    })?;
    // One value and nothing after it.
    reader.end().map_err(|error| not_json(&error))?;
    Ok(read)
}

fn not_json(error: &serde_json::Error) -> Problem {
    let detail = format!("the body is not JSON: {error}");
    Problem::new(catalogue::INVALID_JSON, detail)
}

/// "missing field `x`", "unknown field `x`" and "duplicate field `x`" name the field in their
/// text, not in their path, and the path of an unknown one ends with it.
fn fault(path: String, message: &str) -> Fault {
    let kinds = [
        ("missing", "missing"),
        ("unknown", "unknown"),
        ("duplicate", "invalid"),
    ];
    let about = kinds
        .iter()
        .find(|(word, _)| message.starts_with(&format!("{word} field `")));
    let detail = plain(message);
    let Some((_, code)) = about else {
        let field = if path == "." { "body".to_owned() } else { path };
        return Fault::invalid(field, detail);
    };
    let name = message.split('`').nth(1).unwrap_or_default();
    let inside = path != "." && path != name && !path.ends_with(&format!(".{name}"));
    let field = match (inside, path.as_str()) {
        (true, path) => format!("{path}.{name}"),
        (false, ".") => name.to_owned(),
        (false, path) => path.to_owned(),
    };
    Fault {
        field,
        code,
        detail,
    }
}

/// The reader's words without its own names for types.
fn plain(message: &str) -> String {
    let message = message.replace("`, expected i64", "`, expected a whole number");
    let message = message.replace("expected i64", "expected a whole number");
    let message = message.replace("floating point", "number");
    match message.split_once("expected struct ") {
        Some((before, _)) => format!("{before}expected an object"),
        None => message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Default, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read")]
    struct Outer {
        lines: Vec<Inner>,
        count: i64,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read")]
    struct Inner {
        amount_cents: i64,
    }

    #[test]
    fn what_is_wrong_is_named_by_its_place_in_the_body() {
        for (body, field) in [
            (r#"{"lines": []}"#, "count"),
            (r#"{"lines": [], "count": 1, "tip": 2}"#, "tip"),
            (r#"{"lines": [], "count": 1.5}"#, "count"),
            (r#"{"lines": [{}], "count": 1}"#, "lines[0].amount_cents"),
            (
                r#"{"lines": [{"amount_cents": 1, "tip": 1}], "count": 1}"#,
                "lines[0].tip",
            ),
            (
                r#"{"lines": [{"amount_cents": "1"}], "count": 1}"#,
                "lines[0].amount_cents",
            ),
            (r#"{"count": 1, "count": 1}"#, "count"),
            (r#"{"lines": [3], "count": 1}"#, "lines[0]"),
            ("[[], 1]", "body"),
            ("3", "body"),
        ] {
            let problem = parse::<Outer>(body.as_bytes()).unwrap_err();
            assert_eq!(problem.field.as_deref(), Some(field), "{body}: {problem:?}");
            assert_eq!(problem.code, "invalid_request", "{body}");
            assert!(!problem.detail.contains("struct"), "{}", problem.detail);
        }
    }
}
