//! Faults that webhooks meet on their way.

use serde_json::{Value, json};

use crate::support::{Receiver, Sandbox, eventually, listen};

async fn rule(sandbox: &Sandbox, rule: Value) {
    let client = reqwest::Client::new();
    let url = sandbox.url("/_sandbox/faults");
    let sent = client.post(url).body(rule.to_string()).send().await;
    assert_eq!(sent.unwrap().status(), 200);
}

async fn states(sandbox: &Sandbox) -> Vec<String> {
    let all = sandbox.get("/_sandbox/deliveries").await;
    let all = all["data"].as_array().unwrap().iter();
    all.map(|each| each["state"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_duplicated_webhook_comes_twice_with_the_same_event() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let receiver = Receiver::start(200).await;
    listen(&sandbox, &receiver, false).await;
    rule(
        &sandbox,
        json!({ "kind": "webhook_duplicate", "match": { "event_type": "topup.s*" } }),
    )
    .await;
    sandbox.top_up("1").await;
    sandbox.idle().await;
    let mut kinds = receiver.kinds();
    kinds.sort();
    assert_eq!(
        kinds,
        ["topup.created", "topup.succeeded", "topup.succeeded"]
    );
    let twice = receiver.arrivals();
    let mut twice = twice
        .iter()
        .filter(|each| each.event()["type"] == "topup.succeeded");
    assert_eq!(
        twice.next().map(|each| &each.body),
        twice.next().map(|each| &each.body)
    );
}

#[tokio::test]
async fn a_lost_webhook_never_comes_and_counts_as_delivered() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let receiver = Receiver::start(200).await;
    listen(&sandbox, &receiver, false).await;
    let lost = json!({ "kind": "webhook_lose", "match": { "event_type": "customer.*", "body": { "email": "lost@*" } } });
    rule(&sandbox, lost).await;
    sandbox
        .post("/v1/customers", &[("email", "lost@example.com")])
        .await;
    sandbox
        .post("/v1/customers", &[("email", "found@example.com")])
        .await;
    sandbox.idle().await;
    assert_eq!(receiver.arrivals().len(), 1);
    assert_eq!(states(&sandbox).await, ["lost", "delivered"]);
    let events = sandbox
        .get("/v1/events?type=customer.created&delivery_success=true")
        .await;
    assert_eq!(
        events["data"].as_array().unwrap().len(),
        2,
        "Stripe believes that both came"
    );
    assert_eq!(events["data"][1]["pending_webhooks"], 0);
    sandbox.advance("2027-02-01T00:00:00Z").await;
    sandbox.idle().await;
    assert_eq!(receiver.arrivals().len(), 1);
}

#[tokio::test]
async fn a_delayed_webhook_is_a_timer_and_comes_at_its_time() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let receiver = Receiver::start(200).await;
    listen(&sandbox, &receiver, false).await;
    rule(
        &sandbox,
        json!({ "kind": "webhook_delay", "seconds": 7200 }),
    )
    .await;
    sandbox.post("/v1/customers", &[]).await;
    let clock = sandbox.get("/_sandbox/clock").await;
    assert_eq!(
        (&clock["idle"], &clock["next_due"]),
        (&json!(true), &json!("2027-01-01T02:00:00Z"))
    );
    sandbox.kill().await;
    let sandbox = Sandbox::start(data.path()).await;
    sandbox.advance("2027-01-01T01:59:59Z").await;
    sandbox.idle().await;
    assert!(receiver.arrivals().is_empty());
    sandbox.advance("2027-01-01T02:00:00Z").await;
    sandbox.idle().await;
    assert_eq!(receiver.kinds(), ["customer.created"]);
    assert_eq!(states(&sandbox).await, ["delivered"]);
}

#[tokio::test]
async fn a_reordered_webhook_comes_after_the_next_one_or_after_a_minute() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let receiver = Receiver::start(200).await;
    listen(&sandbox, &receiver, false).await;
    rule(
        &sandbox,
        json!({ "kind": "webhook_reorder", "match": { "event_type": "customer.created" } }),
    )
    .await;
    sandbox.post("/v1/customers", &[]).await;
    sandbox.idle().await;
    assert!(receiver.arrivals().is_empty(), "it waits to be overtaken");
    sandbox.post("/v1/products", &[("name", "p")]).await;
    eventually(async || receiver.arrivals().len() == 2).await;
    assert_eq!(receiver.kinds(), ["product.created", "customer.created"]);
    sandbox.idle().await;
    sandbox.post("/v1/customers", &[]).await;
    sandbox.advance("2027-01-01T00:01:00Z").await;
    sandbox.idle().await;
    assert_eq!(
        receiver.arrivals().len(),
        3,
        "nothing followed, so time lets it go"
    );
    assert_eq!(
        sandbox.get("/_sandbox/clock").await["next_due"],
        json!(null)
    );
}

#[tokio::test]
async fn webhook_faults_of_a_keyed_request_do_not_depend_on_its_events_ids() {
    let mut runs = Vec::new();
    for shift in [0, 3] {
        let data = tempfile::tempdir().unwrap();
        let sandbox = Sandbox::start(data.path()).await;
        let receiver = Receiver::start(200).await;
        listen(&sandbox, &receiver, false).await;
        for _ in 0..shift {
            sandbox.send("GET", "/v1/customers", &[], &[]).await;
            sandbox
                .post("/v1/products", &[("name", "shifts the ids")])
                .await;
        }
        sandbox.idle().await;
        let before = states(&sandbox).await.len();
        rule(
            &sandbox,
            json!({ "kind": "webhook_lose", "seed": 3, "permille": 500 }),
        )
        .await;
        for number in 0..20 {
            let key = format!("k{number}");
            sandbox
                .post_as("/v1/customers", &[], &[("idempotency-key", &key)])
                .await;
        }
        sandbox.idle().await;
        runs.push(states(&sandbox).await.split_off(before));
    }
    assert_eq!(runs[0], runs[1]);
    assert!(runs[0].contains(&"lost".to_owned()) && runs[0].contains(&"delivered".to_owned()));
}
