//! From Stripe's status, headers and error object to a [`Failure`].

use std::time::Duration;

use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde::Deserialize;

use crate::failure::{Doubt, Failure};

/// What an answer says about itself, besides its body.
#[derive(Debug, Clone, Default)]
pub(crate) struct Heading {
    pub status: u16,
    pub request_id: Option<String>,
    /// The answer is a stored one: an earlier request with the same key got it first.
    pub replayed: bool,
    pub retry_after: Option<Duration>,
}

impl Heading {
    pub(crate) fn read(status: u16, headers: &HeaderMap) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        Self {
            status,
            request_id: text("request-id").map(str::to_owned),
            replayed: text("idempotent-replayed").is_some_and(|it| it.trim() == "true"),
            retry_after: text(RETRY_AFTER.as_str())
                .and_then(|it| it.trim().parse().ok())
                .map(Duration::from_secs),
        }
    }

    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

#[derive(Deserialize)]
struct ErrorBody {
    error: ErrorObject,
}

#[derive(Deserialize)]
struct ErrorObject {
    #[serde(default, rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    decline_code: Option<String>,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    param: Option<String>,
}

/// The failure that an answer without success stands for.
pub(crate) fn classify(heading: &Heading, body: &[u8]) -> Failure {
    let error = serde_json::from_slice::<ErrorBody>(body)
        .ok()
        .map(|body| body.error);
    let unknown = |why| Failure::Unknown {
        why,
        request_id: heading.request_id.clone(),
    };
    let code = error.as_ref().and_then(|error| error.code.clone());
    let status = heading.status;
    match status {
        429 => Failure::RateLimited {
            retry_after: heading.retry_after,
        },
        409 => unknown(Doubt::Conflict { code }),
        500.. if heading.replayed => unknown(Doubt::ReplayedStatus { status }),
        408 | 424 => unknown(Doubt::Status { status }),
        400..500 => match error {
            Some(error) => refuse(heading, error),
            // A gateway between us and Stripe said this. It knows nothing about an earlier
            // send with the same key, so it must not look like Stripe's refusal.
            None => unknown(Doubt::Status { status }),
        },
        _ => unknown(Doubt::Status { status }),
    }
}

/// A 4xx in Stripe's own words.
fn refuse(heading: &Heading, error: ErrorObject) -> Failure {
    let request_id = heading.request_id.clone();
    let status = heading.status;
    let message = without_keys(&error.message.unwrap_or_default());
    let code = error.code;
    if code.as_deref() == Some("idempotency_key_in_use") {
        return Failure::Unknown {
            why: Doubt::Conflict { code },
            request_id,
        };
    }
    if error.kind.as_deref() == Some("idempotency_error") {
        return Failure::KeyMisused { request_id };
    }
    match status {
        401 | 403 => Failure::Unauthorized {
            status,
            code,
            message,
            request_id,
        },
        _ => Failure::Refused {
            status,
            code,
            decline_code: error.decline_code,
            message,
            param: error.param,
            request_id,
        },
    }
}

/// Stripe quotes a bad key back, mostly masked; a log needs no part of it.
fn without_keys(message: &str) -> String {
    let secret = |word: &&str| {
        ["sk_", "rk_", "whsec_"]
            .iter()
            .any(|mark| word.contains(mark))
    };
    let words = message
        .split(' ')
        .map(|word| if secret(&word) { "[key]" } else { word });
    words.collect::<Vec<_>>().join(" ")
}
