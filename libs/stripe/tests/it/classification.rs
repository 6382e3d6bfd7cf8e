//! From status, code and body to what a caller may do next.

use std::time::Duration;

use stripe::{Doubt, Failure};

use crate::fixtures::{error, transfer_at};
use crate::server::{Reply, Server};

async fn failure_of(reply: Reply) -> Failure {
    let server = Server::always(reply).await;
    let failure = transfer_at(&server.url).await.unwrap_err();
    assert_eq!(
        server.heard().len(),
        1,
        "an order is never sent twice by itself"
    );
    failure
}

/// The word for a failure in the table below.
fn kind(failure: &Failure) -> &'static str {
    match failure {
        Failure::Refused { .. } => "refused",
        Failure::Unauthorized { .. } if failure.is_account_out_of_reach() => "out of reach",
        Failure::Unauthorized { .. } => "unauthorized",
        Failure::RateLimited { .. } => "rate limited",
        Failure::KeyMisused { .. } => "key misused",
        Failure::NotSent { .. } => "not sent",
        Failure::Mismatch { .. } => "mismatch",
        Failure::Unknown { why, .. } => match why {
            Doubt::TimedOut => "timed out",
            Doubt::ConnectionLost => "lost",
            Doubt::Status { .. } => "status",
            Doubt::ReplayedStatus { .. } => "replayed",
            Doubt::Conflict { .. } => "conflict",
            Doubt::Unreadable => "unreadable",
            Doubt::NotYetBooked => "not yet booked",
        },
    }
}

#[tokio::test]
async fn a_failure_follows_from_status_and_code() {
    let invalid = "invalid_request_error";
    let html = "<html><h1>Bad Gateway</h1></html>".to_owned();
    let table = [
        (400, error(invalid, "balance_insufficient"), "refused"),
        (400, error(invalid, "a_code_of_tomorrow"), "refused"),
        (
            400,
            r#"{"error":{"type":"invalid_request_error"}}"#.to_owned(),
            "refused",
        ),
        (402, error("card_error", "card_declined"), "refused"),
        (404, error(invalid, "resource_missing"), "refused"),
        (401, error(invalid, "api_key_expired"), "unauthorized"),
        (403, error(invalid, "account_invalid"), "out of reach"),
        // About the key, and about an order that names no account: not the account's doing.
        (401, error(invalid, "account_invalid"), "unauthorized"),
        (
            403,
            error(invalid, "platform_api_key_expired"),
            "unauthorized",
        ),
        (
            403,
            error("permission_error", "more_permissions_required"),
            "unauthorized",
        ),
        (400, error(invalid, "account_invalid"), "refused"),
        (400, error("idempotency_error", "key_reuse"), "key misused"),
        (
            400,
            error("idempotency_error", "idempotency_key_in_use"),
            "conflict",
        ),
        (
            409,
            error("idempotency_error", "idempotency_key_in_use"),
            "conflict",
        ),
        (409, html.clone(), "conflict"),
        (429, error(invalid, "rate_limit"), "rate limited"),
        (429, error(invalid, "lock_timeout"), "rate limited"),
        (429, html.clone(), "rate limited"),
        (408, error("api_error", "timeout"), "status"),
        (
            424,
            error("api_error", "external_dependency_failed"),
            "status",
        ),
        (500, error("api_error", "api_error"), "status"),
        (502, html.clone(), "status"),
        (503, String::new(), "status"),
        (301, String::new(), "status"),
        // Not in Stripe's words, so not Stripe's refusal.
        (400, html.clone(), "status"),
        (403, html.clone(), "status"),
        (404, "{}".to_owned(), "status"),
        (200, html, "unreadable"),
        (200, "{}".to_owned(), "unreadable"),
        (200, r#"{"id":"tr_1","amount":42"#.to_owned(), "unreadable"),
    ];
    for (status, body, expected) in table {
        let failure = failure_of(Reply::json(status, &body)).await;
        assert_eq!(kind(&failure), expected, "{status} {body}");
    }
}

#[tokio::test]
async fn only_a_refusal_lets_a_caller_compensate() {
    let table = [
        (400, false, true),
        (401, true, false),
        (403, true, false),
        (409, true, false),
        (429, true, false),
        (500, true, false),
    ];
    for (status, same_key, compensate) in table {
        let failure = failure_of(Reply::json(status, error("some_error", "some_code"))).await;
        assert_eq!(failure.is_retryable_same_key(), same_key, "{status}");
        assert_eq!(failure.is_definite_refusal(), compensate, "{status}");
    }
}

#[tokio::test]
async fn a_bad_gateway_in_html_keeps_its_status_and_request_id() {
    let reply = Reply::json(502, "<html>").with("Request-Id", "req_9");
    let expected = Failure::Unknown {
        why: Doubt::Status { status: 502 },
        request_id: Some("req_9".to_owned()),
    };
    assert_eq!(failure_of(reply).await, expected);
}

#[tokio::test]
async fn a_replayed_server_error_calls_for_a_look_not_for_another_try() {
    let reply = Reply::json(500, error("api_error", "x")).with("Idempotent-Replayed", "true");
    let failure = failure_of(reply).await;
    assert_eq!(kind(&failure), "replayed");
    assert!(!failure.is_retryable_same_key() && !failure.is_definite_refusal());
}

#[tokio::test]
async fn a_refusal_tells_code_parameter_and_request_id() {
    let body = error("invalid_request_error", "balance_insufficient");
    let expected = Failure::Refused {
        status: 400,
        code: Some("balance_insufficient".to_owned()),
        decline_code: None,
        message: "no".to_owned(),
        param: Some("p".to_owned()),
        request_id: Some("req_1".to_owned()),
    };
    assert_eq!(
        failure_of(Reply::json(400, body).with("Request-Id", "req_1")).await,
        expected
    );
}

#[tokio::test]
async fn a_limiter_says_how_long_to_wait() {
    let expected = Failure::RateLimited {
        retry_after: Some(Duration::from_secs(2)),
    };
    assert_eq!(
        failure_of(Reply::json(429, "{}").with("Retry-After", "2")).await,
        expected
    );
    let silent = Failure::RateLimited { retry_after: None };
    assert_eq!(
        failure_of(Reply::json(429, "{}").with("Retry-After", "soon")).await,
        silent
    );
}
