//! Bad input is refused before anyone else is asked, by the name of what is wrong.

use anyhow::Result;
use reqwest::Method;

use crate::bench::{Bench, token};

#[tokio::test]
async fn bad_input_is_refused_by_the_name_of_the_field() -> Result<()> {
    let bench = Bench::start().await?;
    let put = "/v1/allocations/alice";
    let cases = [
        (
            put,
            r#"{"amount_cents": -1}"#,
            422,
            "invalid_field",
            "amount_cents",
        ),
        (
            put,
            r#"{"amount_cents": 100000001}"#,
            422,
            "invalid_field",
            "amount_cents",
        ),
        (
            put,
            r#"{"amount_cents": 99999999999999999999}"#,
            422,
            "invalid_field",
            "amount_cents",
        ),
        (
            put,
            r#"{"amount_cents": 1.5}"#,
            422,
            "invalid_field",
            "amount_cents",
        ),
        (
            put,
            r#"{"amount_cents": "3"}"#,
            422,
            "invalid_field",
            "amount_cents",
        ),
        (put, r"{}", 422, "invalid_field", "amount_cents"),
        (
            put,
            r#"{"amount_cents": 1, "tip": 2}"#,
            422,
            "invalid_field",
            "tip",
        ),
        (
            put,
            r#"{"amount_cents": 1, "month": "2027-13"}"#,
            422,
            "invalid_field",
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
            "invalid_path",
            "",
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
            problem["param"].as_str().unwrap_or_default(),
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
        (status, problem["param"].as_str()),
        (422, Some("success_url"))
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
async fn a_page_has_at_most_a_hundred_entries_and_the_query_knows_its_words() -> Result<()> {
    let bench = Bench::start().await?;
    let token = token("u1", "creator");
    for (query, status) in [
        ("limit=0", 422),
        ("limit=101", 422),
        ("limit=x", 400),
        ("offset=3", 400),
    ] {
        let path = format!("/v1/payouts?{query}");
        let (got, problem) = bench.send(Method::GET, &path, Some(&token), None).await?;
        assert_eq!(got, status, "{query}: {problem}");
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
