//! How much, how fast and how long.

use std::time::Duration;

use anyhow::Result;
use reqwest::Method;
use serde_json::{Value, json};

use crate::bench::{Bench, Reply, read, token};
use crate::fake::Fake;
use crate::idempotency::{ask, count, paying};

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

/// A bucket that takes hours to be full again: what is taken from it stays taken in a test.
const SLOW: [(&str, &str); 5] = [
    ("GATEWAY__LIMITS__WRITES_PER_SECOND", "1"),
    ("GATEWAY__LIMITS__WRITES_BURST", "10000"),
    ("GATEWAY__LIMITS__STRIPE_COST", "1000"),
    ("GATEWAY__LIMITS__COPY_COST", "2000"),
    ("GATEWAY__LIMITS__LINES_PER_TOKEN", "1"),
];

/// What the caller's write bucket holds, to the hundred: a slow test gets some tokens back.
fn hundreds_left(reply: &Reply) -> u64 {
    let left: u64 = reply
        .header("ratelimit-remaining")
        .parse()
        .expect("a count");
    (left + 90) / 100
}

fn lines(count: usize) -> Value {
    let line = |n| json!({ "creator_id": format!("creator-{n}"), "amount_cents": 1 });
    json!({ "allocations": (0..count).map(line).collect::<Vec<_>>() })
}

#[tokio::test]
async fn a_write_that_asks_stripe_costs_more_and_its_reply_says_so() -> Result<()> {
    let bench = Bench::start_with(&Fake::default().serve().await?, &SLOW).await?;
    let none = json!({});
    let checkout = "/v1/subscriptions/checkout";
    for (sub, role, method, path, body) in [
        ("u1", "subscriber", Method::POST, checkout, &none),
        (
            "u2",
            "subscriber",
            Method::PATCH,
            "/v1/subscriptions/me",
            &json!({ "plan": "plan_5" }),
        ),
        (
            "u3",
            "subscriber",
            Method::DELETE,
            "/v1/subscriptions/me",
            &none,
        ),
        (
            "u4",
            "creator",
            Method::POST,
            "/v1/creators/me/connect",
            &none,
        ),
        ("u5", "creator", Method::POST, "/v1/payouts", &none),
    ] {
        let request = bench.request(method, path)?.bearer_auth(token(sub, role));
        let reply = read(request.header("idempotency-key", "k1").json(body)).await?;
        assert_eq!(reply.status / 100, 2, "{path}: {}", reply.body);
        assert_eq!(reply.header("ratelimit-limit"), "10000");
        assert_eq!(hundreds_left(&reply), 90, "{path}");
    }
    let request = bench.request(Method::PUT, "/v1/allocations/alice")?;
    let request = request.bearer_auth(token("u6", "subscriber"));
    let plain = read(request.json(&json!({ "amount_cents": 1 }))).await?;
    assert_eq!(hundreds_left(&plain), 100, "a plain write costs one");
    Ok(())
}

#[tokio::test]
async fn a_whole_set_costs_by_the_creators_that_it_names_and_a_copy_a_fixed_price() -> Result<()> {
    let bench = Bench::start_with(&Fake::default().serve().await?, &SLOW).await?;
    let send = async |sub: &str, method: Method, path: &str, body: &Value| {
        let request = bench.request(method, path)?;
        read(request.bearer_auth(token(sub, "subscriber")).json(body)).await
    };
    let all = "/v1/allocations";
    let set = send("u1", Method::PUT, all, &lines(1_000)).await?;
    assert_eq!(hundreds_left(&set), 90);
    let two = send("u1", Method::PUT, all, &lines(500)).await?;
    assert_eq!(hundreds_left(&two), 85);
    let none = send("u2", Method::PUT, all, &lines(0)).await?;
    assert_eq!(hundreds_left(&none), 100);
    let copy = send("u3", Method::POST, "/v1/allocations/copy", &json!({})).await?;
    assert_eq!(hundreds_left(&copy), 80);
    Ok(())
}

#[tokio::test]
async fn who_cannot_pay_for_a_write_is_told_to_wait_and_nobody_is_asked() -> Result<()> {
    let fake = Fake::default();
    let bench = Bench::start_with(&fake.serve().await?, &SLOW).await?;
    let set = |count: usize| -> Result<_> {
        let request = bench.request(Method::PUT, "/v1/allocations")?;
        let request = request.bearer_auth(token("u1", "subscriber"));
        Ok(request.json(&lines(count)))
    };
    for count in [1_000; 9].into_iter().chain([500]) {
        assert_ne!(read(set(count)?).await?.status, 429);
    }
    // Five hundred are left, and what the test took in seconds.
    let refused = read(set(1_000)?.header("idempotency-key", "k1")).await?;
    assert_eq!(refused.problem(), (429, "rate_limited"));
    let wait: u64 = refused.header("retry-after").parse()?;
    assert!((400..=503).contains(&wait), "{wait}");
    assert_eq!(
        hundreds_left(&refused),
        5,
        "it took a token, and nothing else"
    );
    assert_eq!(fake.calls().len(), 10);
    // What is cheap passes, and the key was not used up.
    let request = bench.request(Method::PUT, "/v1/allocations/alice")?;
    let request = request.bearer_auth(token("u1", "subscriber"));
    let cheap = read(request.json(&json!({ "amount_cents": 1 }))).await?;
    assert_ne!(cheap.status, 429, "{}", cheap.body);
    let kept = "select count(*) from gateway.idempotent_request";
    assert_eq!(count(&bench, kept).await?, 0);
    Ok(())
}

#[tokio::test]
async fn a_reply_that_is_repeated_costs_no_more_than_a_plain_write() -> Result<()> {
    let bench = Bench::start_with(&paying().serve().await?, &SLOW).await?;
    let mut left = Vec::new();
    for _ in 0..3 {
        let reply = ask(&bench, "u1", Some("k1"), &json!({})).await?;
        assert_eq!(reply.status, 201);
        left.push(hundreds_left(&reply));
    }
    assert_eq!(left, [90, 90, 90]);
    Ok(())
}

#[tokio::test]
async fn a_write_that_costs_more_than_the_whole_bucket_takes_the_whole_bucket() -> Result<()> {
    let settings = [
        ("GATEWAY__LIMITS__WRITES_PER_SECOND", "1"),
        ("GATEWAY__LIMITS__WRITES_BURST", "500"),
        ("GATEWAY__LIMITS__STRIPE_COST", "1000"),
    ];
    let bench = Bench::start_with(&paying().serve().await?, &settings).await?;
    let first = ask(&bench, "u1", Some("k1"), &json!({})).await?;
    assert_eq!((first.status, hundreds_left(&first)), (201, 0));
    let second = ask(&bench, "u1", Some("k2"), &json!({})).await?;
    assert_eq!(second.problem(), (429, "rate_limited"));
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
