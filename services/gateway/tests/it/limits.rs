//! How much, how fast and how long.

use std::time::Duration;

use anyhow::Result;
use reqwest::Method;
use serde_json::json;

use crate::bench::{Bench, read, token};
use crate::fake::Fake;

const TIGHT: [(&str, &str); 4] = [
    ("GATEWAY__LIMITS__READS_PER_SECOND", "1"),
    ("GATEWAY__LIMITS__READS_BURST", "2"),
    ("GATEWAY__LIMITS__WRITES_PER_SECOND", "1"),
    ("GATEWAY__LIMITS__WRITES_BURST", "1"),
];

#[tokio::test]
async fn who_asks_too_fast_is_told_when_to_come_again_and_nobody_else_is() -> Result<()> {
    let fake = Fake::default();
    let bench = Bench::start_with(&fake.serve().await?, &TIGHT).await?;
    let get = async |sub: &str| {
        let request = bench.request(Method::GET, "/v1/plans")?;
        read(request.bearer_auth(token(sub, "subscriber"))).await
    };
    let first = get("u1").await?;
    assert_eq!((first.status, first.header("ratelimit-limit")), (200, "2"));
    assert_eq!(
        (
            first.header("ratelimit-remaining"),
            first.header("ratelimit-reset")
        ),
        ("1", "1")
    );
    // Three in a row within a second: a machine that takes longer than that proves nothing.
    let mut refused = None;
    for _ in 0..50 {
        let reply = get("u1").await?;
        if reply.status == 429 {
            refused = Some(reply);
            break;
        }
    }
    let refused = refused.expect("fifty in a row pass");
    assert_eq!(refused.problem(), (429, "rate_limited"));
    assert_eq!(refused.header("ratelimit-remaining"), "0");
    let wait: u64 = refused.header("retry-after").parse()?;
    assert!((1..=2).contains(&wait), "{wait}");
    assert_eq!(get("u2").await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn reads_and_writes_are_counted_apart_and_strangers_together() -> Result<()> {
    let bench = Bench::start_with(&Fake::default().serve().await?, &TIGHT).await?;
    let body = json!({});
    let path = "/v1/payouts";
    let mut statuses = Vec::new();
    for _ in 0..20 {
        statuses.push(
            bench
                .write("creator", Method::POST, path, &body)
                .await?
                .status,
        );
    }
    assert!(statuses.contains(&429), "{statuses:?}");
    assert_eq!(bench.get("creator", path).await?.status, 200);
    let mut strangers = Vec::new();
    for _ in 0..50 {
        strangers.push(
            read(bench.request(Method::GET, "/v1/problems")?)
                .await?
                .status,
        );
    }
    assert!(strangers.contains(&429), "{strangers:?}");
    Ok(())
}

#[tokio::test]
async fn every_reply_says_where_its_caller_stands() -> Result<()> {
    let bench = Bench::start().await?;
    for path in [
        "/v1/plans",
        "/v1/nothing",
        "/docs",
        "/openapi.json",
        "/v1/problems",
    ] {
        let reply = read(bench.request(Method::GET, path)?).await?;
        for name in [
            "ratelimit-limit",
            "ratelimit-remaining",
            "ratelimit-reset",
            "request-id",
        ] {
            assert!(!reply.header(name).is_empty(), "{path} has no {name}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn who_waits_too_long_is_let_go_and_the_work_goes_on() -> Result<()> {
    let fake = Fake::default();
    let method = "PayoutService/RequestPayout";
    let permits = fake.hold(method);
    let patience = [("GATEWAY__REQUESTS__HANDLER_PATIENCE_MS", "300")];
    let bench = Bench::start_with(&fake.serve().await?, &patience).await?;
    let ask = async || {
        let request = bench.request(Method::POST, "/v1/payouts")?;
        let request = request.bearer_auth(token("u1", "creator"));
        read(request.header("idempotency-key", "k1").json(&json!({}))).await
    };
    let late = ask().await?;
    assert_eq!(late.problem(), (504, "handler_late"));
    assert_eq!(ask().await?.problem(), (409, "request_in_flight"));
    permits.add_permits(1);
    let done = testkit::eventually("the work to be done", || async {
        ask().await.ok().filter(|reply| reply.status == 201)
    })
    .await;
    assert_eq!(done.header("idempotent-replayed"), "true");
    assert_eq!(fake.calls().len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_caller_that_hangs_up_does_not_stop_its_write() -> Result<()> {
    let fake = Fake::default();
    let permits = fake.hold("PayoutService/RequestPayout");
    let bench = Bench::over(&fake).await?;
    let request = bench.request(Method::POST, "/v1/payouts")?;
    let request = request.bearer_auth(token("u1", "creator"));
    let request = request.header("idempotency-key", "k1").json(&json!({}));
    let short = request.try_clone().expect("no stream");
    let hung_up = short.timeout(Duration::from_millis(500)).send().await;
    assert!(hung_up.is_err());
    permits.add_permits(1);
    let done = testkit::eventually("the work to be done", || async {
        let request = request.try_clone().expect("no stream");
        read(request).await.ok().filter(|reply| reply.status == 201)
    })
    .await;
    assert_eq!(done.header("idempotent-replayed"), "true");
    Ok(())
}

#[tokio::test]
async fn a_request_keeps_its_callers_name_through_the_services_and_in_problems() -> Result<()> {
    let fake = Fake::default();
    fake.refuse("PayoutService/GetAccount", "CREATOR_UNKNOWN");
    let bench = Bench::over(&fake).await?;
    let request = bench.request(Method::GET, "/v1/creators/me/account")?;
    let request = request.bearer_auth(token("u1", "creator"));
    let reply = read(request.header("request-id", "my-own-request_1")).await?;
    assert_eq!(reply.header("request-id"), "my-own-request_1");
    assert_eq!(reply.body["request_id"], "my-own-request_1");
    assert_eq!(fake.calls()[0].request_id, "my-own-request_1");
    Ok(())
}

#[tokio::test]
async fn a_head_is_a_get_without_its_body_and_a_wrong_method_learns_the_right_ones() -> Result<()> {
    let bench = Bench::over(&Fake::default()).await?;
    let head = read(bench.request(Method::HEAD, "/v1/payouts")?).await?;
    assert_eq!(head.status, 401);
    let request = bench.request(Method::HEAD, "/v1/payouts")?;
    assert_eq!(
        read(request.bearer_auth(token("u1", "creator")))
            .await?
            .status,
        200
    );
    let wrong = read(bench.request(Method::DELETE, "/v1/payouts")?).await?;
    assert_eq!((wrong.status, wrong.header("allow")), (405, "GET, POST"));
    Ok(())
}
