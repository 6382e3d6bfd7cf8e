//! Money that goes back to cards.

use serde_json::{Value, json};

use crate::subscriber::{CARD, QUICK_CARD, cents, text};
use crate::support::{Sandbox, at, id};

async fn refund(sandbox: &Sandbox, charge: &Value, more: &[(&str, &str)]) -> Value {
    let charge = id(charge);
    let mut form = vec![("charge", charge.as_str())];
    form.extend_from_slice(more);
    sandbox.post("/v1/refunds", &form).await
}

async fn charge_now(sandbox: &Sandbox, charge: &Value) -> Value {
    sandbox
        .get(&format!("/v1/charges/{}?expand[]=refunds", id(charge)))
        .await
}

#[tokio::test]
async fn a_charge_is_refunded_in_parts_until_nothing_is_left_and_the_fee_stays_paid() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let charge = sandbox.charged("1000", QUICK_CARD).await;
    let known = sandbox.events().await.len();
    let part = [
        ("amount", "400"),
        ("reason", "requested_by_customer"),
        ("metadata[case]", "7"),
    ];
    let first = refund(&sandbox, &charge, &part).await;
    assert_eq!(
        (&first["status"], &first["metadata"]["case"]),
        (&json!("succeeded"), &json!("7"))
    );
    assert_eq!(
        sandbox.events_after(known).await,
        ["charge.refunded", "refund.created"]
    );
    assert_eq!(sandbox.books().await, (541, 541));
    let seen = charge_now(&sandbox, &charge).await;
    assert_eq!(
        (cents(&seen, "amount_refunded"), &seen["refunded"]),
        (400, &json!(false))
    );
    let charge_id = id(&charge);
    let more = [("charge", charge_id.as_str()), ("amount", "601")];
    assert_eq!(sandbox.refused("/v1/refunds", &more).await.0, 400);
    refund(&sandbox, &charge, &[]).await;
    let seen = charge_now(&sandbox, &charge).await;
    assert_eq!(
        (cents(&seen, "amount_refunded"), &seen["refunded"]),
        (1000, &json!(true))
    );
    assert_eq!(seen["refunds"]["data"].as_array().unwrap().len(), 2);
    let again = sandbox.refused("/v1/refunds", &more[..1]).await;
    assert_eq!(again, (400, "charge_already_refunded".to_owned()));
    assert_eq!(sandbox.books().await, (-59, -59));
    let path = format!("/v1/balance_transactions?source={}", id(&first));
    let transaction = sandbox.list(&path).await.remove(0);
    let shown = (
        &transaction["type"],
        cents(&transaction, "amount"),
        cents(&transaction, "fee"),
    );
    assert_eq!(shown, (&json!("refund"), -400, 0));
}

#[tokio::test]
async fn a_refund_is_made_by_intent_retrieved_updated_and_never_canceled() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let charge = sandbox.charged("1000", CARD).await;
    let intent = text(&charge["payment_intent"]);
    let made = sandbox
        .post(
            "/v1/refunds",
            &[("payment_intent", intent), ("amount", "1")],
        )
        .await;
    let path = format!("/v1/refunds/{}", id(&made));
    let updated = sandbox.post(&path, &[("metadata[note]", "x")]).await;
    assert_eq!(sandbox.get(&path).await, updated);
    assert_eq!(sandbox.refused(&format!("{path}/cancel"), &[]).await.0, 400);
    for filter in [
        format!("charge={}", id(&charge)),
        format!("payment_intent={intent}"),
    ] {
        assert_eq!(
            sandbox.list(&format!("/v1/refunds?{filter}")).await,
            std::slice::from_ref(&updated)
        );
    }
    let path =
        format!("{path}?expand[]=charge&expand[]=balance_transaction&expand[]=payment_intent");
    let whole = sandbox.get(&path).await;
    // The money goes when the charge's own has come.
    assert_eq!(
        whole["balance_transaction"]["available_on"],
        at("2027-01-03T00:00:00Z")
    );
    assert_eq!(
        (&whole["charge"]["id"], &whole["payment_intent"]["id"]),
        (&charge["id"], &json!(intent))
    );
}

#[tokio::test]
async fn a_refund_to_card_5126_succeeds_and_comes_back_a_day_later() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let charge = sandbox.charged("1000", "4000000000005126").await;
    let made = refund(&sandbox, &charge, &[]).await;
    assert_eq!(
        (&made["status"], sandbox.books().await),
        (&json!("succeeded"), (-59, -59))
    );
    sandbox.kill().await;
    let sandbox = Sandbox::start(data.path()).await;
    sandbox.advance("2027-01-02T00:00:00Z").await;
    let path = format!(
        "/v1/refunds/{}?expand[]=failure_balance_transaction",
        id(&made)
    );
    let failed = sandbox.get(&path).await;
    assert_eq!(failed["status"], "failed");
    let back = &failed["failure_balance_transaction"];
    assert_eq!(
        (&back["type"], cents(back, "amount")),
        (&json!("refund_failure"), 1000)
    );
    assert_eq!(sandbox.books().await, (941, 941));
    let seen = charge_now(&sandbox, &charge).await;
    assert_eq!(
        (cents(&seen, "amount_refunded"), &seen["refunded"]),
        (0, &json!(false))
    );
    assert!(sandbox.events().await.contains(&"refund.failed".to_owned()));
    refund(&sandbox, &charge, &[("amount", "10")]).await;
}

#[tokio::test]
async fn a_refund_to_card_7726_is_pending_for_a_day() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let charge = sandbox.charged("1000", "4000000000007726").await;
    let made = refund(&sandbox, &charge, &[]).await;
    assert_eq!(
        (&made["status"], &made["pending_reason"]),
        (&json!("pending"), &json!("processing"))
    );
    let known = sandbox.events().await.len();
    sandbox.advance("2027-01-02T00:00:00Z").await;
    let path = format!("/v1/refunds/{}", id(&made));
    assert_eq!(sandbox.get(&path).await["status"], "succeeded");
    assert_eq!(
        sandbox.events_after(known).await,
        ["refund.updated", "charge.refund.updated"]
    );
    assert_eq!(sandbox.books().await, (-59, -59));
}

#[tokio::test]
async fn one_key_refunds_once() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let charge = id(&sandbox.charged("1000", CARD).await);
    let form = [("charge", charge.as_str()), ("amount", "300")];
    let key = [("idempotency-key", "once")];
    let first = sandbox.send("POST", "/v1/refunds", &form, &key).await;
    let again = sandbox.send("POST", "/v1/refunds", &form, &key).await;
    assert_eq!((first.body, true), (again.body, again.replayed));
    assert_eq!(sandbox.list("/v1/refunds").await.len(), 1);
}
