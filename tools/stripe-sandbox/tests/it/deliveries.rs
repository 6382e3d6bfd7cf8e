//! Webhooks, and what outlives a kill.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::support::{Receiver, Sandbox, eventually, listen};

#[tokio::test]
async fn the_events_of_a_checkout_are_signed_and_all_arrive() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let receiver = Receiver::start(200).await;
    let price = sandbox.price("1000").await;
    let (_, secret) = listen(&sandbox, &receiver, false).await;
    let session = sandbox.session(&price, &[]).await;
    sandbox.complete(&session, "4242424242424242").await;
    sandbox.idle().await;
    for arrival in receiver.arrivals() {
        let t = arrival
            .signature
            .strip_prefix("t=")
            .unwrap()
            .split(',')
            .next()
            .unwrap();
        let t: u64 = t.parse().unwrap();
        let wall = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_secs();
        assert!(wall.abs_diff(t) < 60, "the signature is of wall time");
        assert_eq!(
            arrival.signature,
            stripe_sandbox::sign(&secret, t, &arrival.body)
        );
        assert_eq!(arrival.event()["api_version"], "2026-10-28.endive");
    }
    let mut kinds = receiver.kinds();
    kinds.sort();
    assert_eq!(
        kinds,
        [
            "charge.succeeded",
            "checkout.session.completed",
            "customer.created",
            "customer.subscription.created",
            "invoice.created",
            "invoice.finalized",
            "invoice.paid",
            "invoice.payment_succeeded",
            "invoice_payment.paid",
            "payment_intent.succeeded",
            "payment_method.attached",
        ]
    );
}

#[tokio::test]
async fn events_of_connected_accounts_go_to_connect_endpoints_alone() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let (own, connect) = (Receiver::start(200).await, Receiver::start(200).await);
    listen(&sandbox, &own, false).await;
    listen(&sandbox, &connect, true).await;
    sandbox.top_up("1000").await;
    let creator = sandbox.creator("000123456789").await;
    sandbox.transfer(&creator, "10").await;
    sandbox.idle().await;
    assert!(own.kinds().contains(&"transfer.created".to_owned()));
    assert!(
        own.arrivals()
            .iter()
            .all(|arrival| arrival.event()["account"].is_null())
    );
    assert!(connect.kinds().contains(&"account.updated".to_owned()));
    assert!(
        connect
            .arrivals()
            .iter()
            .all(|arrival| arrival.event()["account"] == json!(creator))
    );
}

async fn delivery(sandbox: &Sandbox) -> Value {
    sandbox.get("/_sandbox/deliveries?after=0").await["data"][0].clone()
}

#[tokio::test]
async fn a_refused_delivery_is_tried_again_in_business_time() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let receiver = Receiver::start(400).await;
    listen(&sandbox, &receiver, false).await;
    sandbox.post("/v1/customers", &[]).await;
    sandbox.idle().await;
    assert_eq!(receiver.arrivals().len(), 1);
    assert_eq!(delivery(&sandbox).await["state"], "scheduled");
    let clock = sandbox.get("/_sandbox/clock").await;
    assert_eq!(clock["next_due"], "2027-01-01T00:01:00Z");
    sandbox.advance("2027-01-01T00:01:00Z").await;
    sandbox.idle().await;
    assert_eq!(receiver.arrivals().len(), 2);
    receiver.answer_with(200);
    let due = sandbox.get("/_sandbox/clock").await["next_due"].clone();
    assert_eq!(due, "2027-01-01T00:06:00Z");
    sandbox.advance(due.as_str().unwrap()).await;
    sandbox.idle().await;
    let delivery = delivery(&sandbox).await;
    assert_eq!(
        (&delivery["state"], &delivery["attempts"]),
        (&json!("delivered"), &json!(3))
    );
    let arrivals = receiver.arrivals();
    assert_eq!(arrivals[0].body, arrivals[2].body);
}

#[tokio::test]
async fn a_delivery_is_given_up_after_three_days() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let receiver = Receiver::start(400).await;
    listen(&sandbox, &receiver, false).await;
    sandbox.post("/v1/customers", &[]).await;
    sandbox.idle().await;
    while let Some(due) = sandbox.get("/_sandbox/clock").await["next_due"].as_str() {
        sandbox.advance(due).await;
        sandbox.idle().await;
    }
    let delivery = delivery(&sandbox).await;
    assert_eq!(delivery["state"], "given_up");
    assert_eq!(receiver.arrivals().len(), 11);
    let now = sandbox.get("/_sandbox/clock").await["now"].clone();
    assert!(now.as_str().unwrap() <= "2027-01-04T00:00:00Z");
}

#[tokio::test]
async fn a_receiver_that_is_down_is_tried_again_at_once() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let receiver = Receiver::start(200).await;
    listen(&sandbox, &receiver, false).await;
    let address = receiver.address;
    drop(receiver);
    sandbox.post("/v1/customers", &[]).await;
    assert_eq!(sandbox.get("/_sandbox/clock").await["idle"], false);
    let receiver = Receiver::start_at(address, 200).await;
    sandbox.idle().await;
    assert_eq!(receiver.kinds(), ["customer.created"]);
    assert_eq!(delivery(&sandbox).await["state"], "delivered");
}

#[tokio::test]
async fn what_was_not_delivered_is_delivered_after_a_kill() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let receiver = Receiver::start(503).await;
    listen(&sandbox, &receiver, false).await;
    sandbox.post("/v1/customers", &[]).await;
    eventually(async || !receiver.arrivals().is_empty()).await;
    sandbox.kill().await;
    receiver.answer_with(200);
    let before = receiver.arrivals().len();
    let sandbox = Sandbox::start(data.path()).await;
    eventually(async || receiver.arrivals().len() > before).await;
    sandbox.idle().await;
    assert_eq!(delivery(&sandbox).await["state"], "delivered");
}

/// Everything that a client can see.
async fn sight(sandbox: &Sandbox, creator: &str) -> Vec<Value> {
    let mut seen = Vec::new();
    for path in [
        "/v1/customers",
        "/v1/products",
        "/v1/prices",
        "/v1/checkout/sessions",
        "/v1/subscriptions?status=all",
        "/v1/invoices?expand[]=data.payments",
        "/v1/charges",
        "/v1/payment_intents",
        "/v1/payment_methods",
        "/v1/balance_transactions",
        "/v1/accounts",
        "/v1/transfers",
        "/v1/topups",
        "/v1/events",
        "/v1/webhook_endpoints",
        "/v1/balance",
        "/_sandbox/deliveries",
    ] {
        let limit = if path.contains('?') {
            "&limit=100"
        } else {
            "?limit=100"
        };
        let limit = if path.ends_with("balance") { "" } else { limit };
        seen.push(sandbox.get(&format!("{path}{limit}")).await);
    }
    for path in [
        "/v1/balance",
        "/v1/payouts",
        "/v1/balance_transactions",
        "/v1/balance_settings",
    ] {
        let who = [("stripe-account", creator)];
        seen.push(sandbox.send("GET", path, &[], &who).await.body);
    }
    let mut clock = sandbox.get("/_sandbox/clock").await;
    clock["activity"] = json!(null);
    seen.push(clock);
    seen
}

#[tokio::test]
async fn the_world_after_a_replay_is_the_world_before() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let receiver = Receiver::start(200).await;
    let gone = listen(&sandbox, &receiver, false).await.0;
    listen(&sandbox, &receiver, false).await;
    let price = sandbox.price("1000").await;
    let session = sandbox.session(&price, &[]).await;
    sandbox.complete(&session, "4000000000000077").await;
    sandbox.advance("2027-02-10T12:00:00Z").await;
    let creator = sandbox.creator("000111111116").await;
    let who = [("stripe-account", creator.as_str())];
    let daily = [("payments[payouts][schedule][interval]", "daily")];
    sandbox.post_as("/v1/balance_settings", &daily, &who).await;
    let key = [("idempotency-key", "k")];
    let form = [
        ("amount", "50"),
        ("currency", "usd"),
        ("destination", creator.as_str()),
    ];
    sandbox.send("POST", "/v1/transfers", &form, &key).await;
    sandbox.advance("2027-02-11T00:00:00Z").await;
    let path = format!("/v1/webhook_endpoints/{gone}");
    sandbox.send("DELETE", &path, &[], &[]).await;
    sandbox.idle().await;
    let before = sight(&sandbox, &creator).await;
    sandbox.kill().await;

    // A torn line, as a machine that lost power leaves it, is dropped.
    let path = data.path().join("journal.jsonl");
    let mut journal = std::fs::read(&path).unwrap();
    journal.extend_from_slice(b"{\"seq\":9999,\"puts\":[{\"id\":\"cus_torn\"");
    std::fs::write(&path, journal).unwrap();

    let sandbox = Sandbox::start(data.path()).await;
    let after = sight(&sandbox, &creator).await;
    assert_eq!(before, after);
    assert!(
        sandbox
            .send("POST", "/v1/transfers", &form, &key)
            .await
            .replayed
    );
    sandbox.advance("2027-03-01T00:00:00Z").await;
    assert_eq!(
        sandbox.get("/v1/invoices").await["data"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
}
