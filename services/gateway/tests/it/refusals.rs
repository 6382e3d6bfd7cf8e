//! Bad input is refused before anyone else is asked, by the name of what is wrong.

use anyhow::Result;
use reqwest::Method;
use serde_json::json;

use crate::bench::{Bench, Reply, read, token};

/// A 400 that names what is wrong.
fn assert_refused(reply: &Reply, field: &str, place: &str) {
    let said = (reply.problem(), reply.body["field"].as_str());
    let expected = ((400, "invalid_request"), Some(field));
    assert_eq!(said, expected, "{place}: {}", reply.body);
}

#[tokio::test]
async fn bad_input_is_refused_by_the_name_of_the_field() -> Result<()> {
    let bench = Bench::start().await?;
    let put = "/v1/allocations/alice";
    let cases = [
        (
            put,
            r#"{"amount_cents": -1}"#,
            400,
            "invalid_request",
            "amount_cents",
        ),
        (
            put,
            r#"{"amount_cents": 100000001}"#,
            400,
            "invalid_request",
            "amount_cents",
        ),
        (
            put,
            r#"{"amount_cents": 99999999999999999999}"#,
            400,
            "invalid_request",
            "amount_cents",
        ),
        (
            put,
            r#"{"amount_cents": 1.5}"#,
            400,
            "invalid_request",
            "amount_cents",
        ),
        (
            put,
            r#"{"amount_cents": "3"}"#,
            400,
            "invalid_request",
            "amount_cents",
        ),
        (put, r"{}", 400, "invalid_request", "amount_cents"),
        (
            put,
            r#"{"amount_cents": 1, "tip": 2}"#,
            400,
            "invalid_request",
            "tip",
        ),
        (
            put,
            r#"{"amount_cents": 1, "month": "2027-13"}"#,
            400,
            "invalid_request",
            "month",
        ),
        (put, r#"{"amount_cents": "#, 400, "invalid_json", ""),
        (put, "", 400, "invalid_json", ""),
        (
            put,
            r#"{"amount_cents": 1} {"amount_cents": 2}"#,
            400,
            "invalid_json",
            "",
        ),
        (
            "/v1/allocations/%FF",
            r#"{"amount_cents": 1}"#,
            400,
            "invalid_request",
            "creator_id",
        ),
    ];
    let token = token("u1", "subscriber");
    for (path, body, status, code, param) in cases {
        let (got, problem) = bench
            .send(Method::PUT, path, Some(&token), Some(body))
            .await?;
        assert_eq!(
            (got, problem["code"].as_str()),
            (status, Some(code)),
            "{body}: {problem}"
        );
        assert_eq!(
            problem["field"].as_str().unwrap_or_default(),
            param,
            "{body}: {problem}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_redirect_to_a_foreign_origin_is_refused() -> Result<()> {
    let bench = Bench::start().await?;
    let body = r#"{"success_url": "https://evil.example.com/"}"#;
    let token = token("u1", "subscriber");
    let (status, problem) = bench
        .send(
            Method::POST,
            "/v1/subscriptions/checkout",
            Some(&token),
            Some(body),
        )
        .await?;
    assert_eq!(
        (status, problem["field"].as_str()),
        (400, Some("success_url"))
    );
    Ok(())
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused_unread() -> Result<()> {
    let bench = Bench::start().await?;
    let body = format!(
        r#"{{"amount_cents": 1, "month": "{}"}}"#,
        "x".repeat(70_000)
    );
    let token = token("u1", "subscriber");
    let (status, problem) = bench
        .send(
            Method::PUT,
            "/v1/allocations/alice",
            Some(&token),
            Some(&body),
        )
        .await?;
    assert_eq!(
        (status, problem["code"].as_str()),
        (413, Some("body_too_large"))
    );
    Ok(())
}

#[tokio::test]
async fn an_unknown_path_or_method_is_a_problem_document_too() -> Result<()> {
    let bench = Bench::start().await?;
    let (status, problem) = bench.send(Method::GET, "/v1/nothing", None, None).await?;
    assert_eq!(
        (status, problem["code"].as_str()),
        (404, Some("route_unknown"))
    );
    let (status, problem) = bench.send(Method::DELETE, "/v1/plans", None, None).await?;
    assert_eq!(
        (status, problem["code"].as_str()),
        (405, Some("method_not_allowed"))
    );
    Ok(())
}

#[tokio::test]
async fn a_query_is_refused_by_the_names_of_what_is_wrong_in_it() -> Result<()> {
    let bench = Bench::start().await?;
    let cases = [
        ("creator", "/v1/payouts?limit=0", "limit"),
        ("creator", "/v1/payouts?limit=101", "limit"),
        ("creator", "/v1/payouts?limit=x", "limit"),
        ("creator", "/v1/payouts?limit=1&limit=2", "limit"),
        ("creator", "/v1/payouts?offset=3", "offset"),
        ("creator", "/v1/payouts?month=2027-13", "month"),
        (
            "creator",
            "/v1/payouts?starting_after=%20",
            "starting_after",
        ),
        ("creator", "/v1/payouts/po%20x", "payout_id"),
        ("creator", "/v1/creators/me/earnings/January", "month"),
        ("creator", "/v1/creators/me/earnings?month=2027-01", "month"),
        ("subscriber", "/v1/plans?sort=name", "sort"),
        ("subscriber", "/v1/subscriptions/me?program=a/b", "program"),
        (
            "subscriber",
            "/v1/allocations/history?creator_id=",
            "creator_id",
        ),
        ("finance", "/v1/admin/months/2027-1", "month"),
        (
            "finance",
            "/v1/admin/months/2027-01/lines?starting_after=x",
            "starting_after",
        ),
        ("finance", "/v1/admin/accounts?as_of=yesterday", "as_of"),
        (
            "finance",
            "/v1/admin/accounts?without_zero=1",
            "without_zero",
        ),
        ("finance", "/v1/admin/postings?account=a&txn=b", "txn"),
        (
            "finance",
            "/v1/admin/postings?starting_after=-1",
            "starting_after",
        ),
        ("finance", "/v1/admin/alerts?status=closed", "status"),
        ("finance", "/v1/admin/revenue?from=2027", "from"),
        ("admin", "/v1/creators/a%2Fb", "creator_id"),
    ];
    for (role, path, field) in cases {
        let reply = bench.get(role, path).await?;
        assert_refused(&reply, field, path);
    }
    Ok(())
}

#[tokio::test]
async fn all_that_is_wrong_is_said_at_once() -> Result<()> {
    let bench = Bench::start().await?;
    let path = "/v1/admin/accounts?limit=0&as_of=x&prefix=%20";
    let reply = bench.get("finance", path).await?;
    let fields = |reply: &Reply| -> Vec<String> {
        let errors = reply.body["errors"].as_array().cloned().unwrap_or_default();
        let fields = errors.iter().filter_map(|one| one["field"].as_str());
        fields.map(ToOwned::to_owned).collect()
    };
    assert_eq!(
        fields(&reply),
        ["limit", "as_of", "prefix"],
        "{}",
        reply.body
    );
    let body = json!({ "month": "x", "allocations": [
        { "creator_id": "alice", "amount_cents": -1 },
        { "creator_id": "a b", "amount_cents": 1 },
        { "creator_id": "alice", "amount_cents": 100_000_001 },
    ] });
    let reply = bench
        .write("subscriber", Method::PUT, "/v1/allocations", &body)
        .await?;
    let wrong = [
        "month",
        "allocations[0].amount_cents",
        "allocations[1].creator_id",
        "allocations[2].creator_id",
        "allocations[2].amount_cents",
    ];
    assert_eq!(
        (reply.status, fields(&reply)),
        (400, wrong.map(ToOwned::to_owned).to_vec())
    );
    let one = bench.get("creator", "/v1/payouts?limit=0").await?;
    assert!(one.body.get("errors").is_none(), "{}", one.body);
    Ok(())
}

#[tokio::test]
async fn writes_of_every_kind_are_refused_by_name_before_anyone_is_asked() -> Result<()> {
    let bench = Bench::start().await?;
    let cases = [
        (
            "subscriber",
            Method::PATCH,
            "/v1/subscriptions/me",
            json!({}),
            "body",
        ),
        (
            "subscriber",
            Method::PATCH,
            "/v1/subscriptions/me",
            json!({ "cancel_at_period_end": true }),
            "cancel_at_period_end",
        ),
        (
            "subscriber",
            Method::PATCH,
            "/v1/subscriptions/me",
            json!({ "amount_cents": -5 }),
            "amount_cents",
        ),
        (
            "subscriber",
            Method::POST,
            "/v1/subscriptions/checkout",
            json!({ "promotion_code": "\n" }),
            "promotion_code",
        ),
        (
            "subscriber",
            Method::POST,
            "/v1/allocations/copy",
            json!({ "from_month": "last" }),
            "from_month",
        ),
        (
            "subscriber",
            Method::PUT,
            "/v1/allocations",
            json!({ "allocations": [{ "creator_id": "a" }] }),
            "allocations[0].amount_cents",
        ),
        (
            "creator",
            Method::POST,
            "/v1/creators/me/connect",
            json!({ "return_url": "https://evil.example.com" }),
            "return_url",
        ),
        (
            "admin",
            Method::PUT,
            "/v1/admin/creators/alice",
            json!({ "display_name": " " }),
            "display_name",
        ),
        (
            "finance",
            Method::POST,
            "/v1/admin/months/soon/close",
            json!({}),
            "month",
        ),
    ];
    for (role, method, path, body, field) in cases {
        let reply = bench.write(role, method, path, &body).await?;
        assert_refused(&reply, field, path);
    }
    Ok(())
}

#[tokio::test]
async fn a_body_that_is_not_said_to_be_json_is_not_read() -> Result<()> {
    let bench = Bench::start().await?;
    let send = async |kind: Option<&str>| {
        let path = "/v1/allocations/alice";
        let mut request = bench
            .request(Method::PUT, path)?
            .body(r#"{"amount_cents": -1}"#);
        request = request.bearer_auth(token("u1", "subscriber"));
        if let Some(kind) = kind {
            request = request.header("content-type", kind);
        }
        read(request).await
    };
    for kind in [
        None,
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
    ] {
        let reply = send(kind).await?;
        assert_eq!(reply.problem(), (415, "media_type_unsupported"), "{kind:?}");
    }
    for kind in ["application/json", "application/JSON; charset=utf-8"] {
        assert_eq!(send(Some(kind)).await?.status, 400, "{kind}");
    }
    Ok(())
}

#[tokio::test]
async fn a_body_that_does_not_arrive_is_not_waited_for() -> Result<()> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let bench = Bench::start_with(
        "http://127.0.0.1:9",
        &[("GATEWAY__REQUESTS__BODY_PATIENCE_MS", "200")],
    )
    .await?;
    let address = bench.service.public_address().expect("a public listener");
    let mut stream = tokio::net::TcpStream::connect(address).await?;
    let token = token("u1", "subscriber");
    let head = format!(
        "PUT /v1/allocations/alice HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ncontent-length: 20\r\n\r\n{{"
    );
    stream.write_all(head.as_bytes()).await?;
    let mut answer = [0_u8; 12];
    let read = stream.read_exact(&mut answer);
    tokio::time::timeout(std::time::Duration::from_secs(10), read).await??;
    assert_eq!(&answer, b"HTTP/1.1 408");
    Ok(())
}
