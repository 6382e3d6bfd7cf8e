//! Rate limits, by wall time.

use serde_json::{Value, json};

use crate::support::Sandbox;

#[tokio::test]
async fn limits_are_off_until_somebody_sets_them() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    assert_eq!(sandbox.get("/_sandbox/rate_limits").await["mode"], "off");
    let all = (0..60).map(|_| sandbox.send("GET", "/v1/balance", &[], &[]));
    let all = futures::future::join_all(all).await;
    assert!(all.iter().all(|answer| answer.status == 200));
}

#[tokio::test]
async fn a_limited_request_is_429_consumes_no_key_and_says_which_limit() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    sandbox.top_up("1000").await;
    let creator = sandbox.creator("000123456789").await;
    let set = [("total", "1000"), ("per_endpoint", "2")];
    let shown = sandbox.post("/_sandbox/rate_limits", &set).await;
    assert_eq!(
        (&shown["total"], &shown["per_endpoint"]),
        (&json!(1000), &json!(2))
    );
    let client = reqwest::Client::new();
    let form = [
        ("amount", "1"),
        ("currency", "usd"),
        ("destination", creator.as_str()),
    ];
    let send = async |key: String| {
        let request = client
            .post(sandbox.url("/v1/transfers"))
            .bearer_auth("sk_test_x");
        request
            .header("idempotency-key", key)
            .form(&form)
            .send()
            .await
            .unwrap()
    };
    let all = futures::future::join_all((0..6).map(|number| send(format!("k{number}")))).await;
    let limited: Vec<_> = all
        .into_iter()
        .filter(|answer| answer.status() == 429)
        .collect();
    assert!(!limited.is_empty());
    for answer in limited {
        assert_eq!(
            answer.headers()["stripe-rate-limited-reason"],
            "endpoint-rate"
        );
        assert!(!answer.headers().contains_key("idempotent-replayed"));
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body["error"]["code"], "rate_limit");
    }
    assert_eq!(
        sandbox.send("GET", "/v1/balance", &[], &[]).await.status,
        200,
        "another endpoint"
    );
    sandbox
        .post("/_sandbox/rate_limits", &[("mode", "off")])
        .await;
    for number in 0..6 {
        assert_eq!(send(format!("k{number}")).await.status(), 200);
    }
    assert_eq!(sandbox.available(&[]).await, 994, "each key paid once");
}

#[tokio::test]
async fn limits_that_were_set_survive_a_kill_and_bad_ones_are_refused() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    sandbox
        .post("/_sandbox/rate_limits", &[("mode", "stripe-test")])
        .await;
    sandbox.kill().await;
    let sandbox = Sandbox::start(data.path()).await;
    let shown = sandbox.get("/_sandbox/rate_limits").await;
    assert_eq!(
        (&shown["total"], &shown["per_endpoint"]),
        (&json!(25), &json!(25))
    );
    let all = (0..60).map(|_| sandbox.send("GET", "/v1/balance", &[], &[]));
    let all = futures::future::join_all(all).await;
    assert!(all.iter().any(|answer| answer.status == 429));
    for bad in [("total", "0"), ("mode", "stripe-prod"), ("burst", "9")] {
        assert_eq!(
            sandbox.refused("/_sandbox/rate_limits", &[bad]).await.0,
            400,
            "{bad:?}"
        );
    }
}
