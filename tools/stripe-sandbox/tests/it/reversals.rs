//! Transfer reversals.

use serde_json::{Value, json};

use crate::support::{Receiver, Sandbox, id, listen};

async fn reverse(sandbox: &Sandbox, transfer: &Value, amount: &str) -> Value {
    let path = format!("/v1/transfers/{}/reversals", id(transfer));
    sandbox.post(&path, &[("amount", amount)]).await
}

#[tokio::test]
async fn a_transfer_is_reversed_in_parts_until_nothing_is_left() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let receiver = Receiver::start(200).await;
    listen(&sandbox, &receiver, false).await;
    sandbox.top_up("1000").await;
    let creator = sandbox.creator("000123456789").await;
    let transfer = sandbox.transfer(&creator, "700").await;
    let who = [("stripe-account", creator.as_str())];
    let first = reverse(&sandbox, &transfer, "200").await;
    assert_eq!(
        (&first["amount"], &first["transfer"]),
        (&json!(200), &transfer["id"])
    );
    assert_eq!(
        (sandbox.available(&[]).await, sandbox.available(&who).await),
        (500, 500)
    );
    let path = format!("/v1/transfers/{}", id(&transfer));
    let part = sandbox.get(&path).await;
    assert_eq!(
        (&part["amount_reversed"], &part["reversed"]),
        (&json!(200), &json!(false))
    );
    assert_eq!(part["reversals"]["data"][0]["id"], first["id"]);

    let all = format!("{path}/reversals");
    let too_much = sandbox.send("POST", &all, &[("amount", "501")], &[]).await;
    assert_eq!(
        (too_much.status, &too_much.body["error"]["code"]),
        (400, &Value::Null)
    );
    let rest = sandbox.post(&all, &[]).await;
    assert_eq!(rest["amount"], 500);
    let whole = sandbox.get(&path).await;
    assert_eq!(
        (&whole["amount_reversed"], &whole["reversed"]),
        (&json!(700), &json!(true))
    );
    assert_eq!(
        (sandbox.available(&[]).await, sandbox.available(&who).await),
        (1000, 0)
    );
    let again = sandbox.send("POST", &all, &[], &[]).await;
    let message = again.body["error"]["message"].as_str().unwrap();
    assert!(
        again.status == 400 && message.contains("already fully reversed"),
        "{message}"
    );

    sandbox.idle().await;
    let told: Vec<Value> = receiver
        .arrivals()
        .iter()
        .map(|each| each.event())
        .collect();
    let told = told
        .iter()
        .filter(|event| event["type"] == "transfer.reversed");
    let mut told: Vec<i64> = told
        .filter_map(|event| event["data"]["object"]["amount_reversed"].as_i64())
        .collect();
    told.sort_unstable();
    assert_eq!(told, [200, 700]);
}

#[tokio::test]
async fn a_reversal_needs_the_money_to_be_there() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    sandbox.top_up("1000").await;
    let creator = sandbox.creator("000123456789").await;
    let transfer = sandbox.transfer(&creator, "700").await;
    let who = [("stripe-account", creator.as_str())];
    let payout = [("amount", "600"), ("currency", "usd")];
    sandbox.post_as("/v1/payouts", &payout, &who).await;
    let path = format!("/v1/transfers/{}/reversals", id(&transfer));
    let refusal = sandbox.refused(&path, &[("amount", "101")]).await;
    assert_eq!(refusal, (400, "balance_insufficient".to_owned()));
    assert_eq!(reverse(&sandbox, &transfer, "100").await["amount"], 100);
    let fee = [("amount", "1"), ("refund_application_fee", "true")];
    assert_eq!(sandbox.refused(&path, &fee).await.0, 400);
    let unknown = sandbox.refused(&path, &[("reason", "x")]).await;
    assert_eq!(unknown, (400, "parameter_unknown".to_owned()));
}

#[tokio::test]
async fn both_sides_of_a_reversal_are_booked_and_linked() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    sandbox.top_up("1000").await;
    let creator = sandbox.creator("000123456789").await;
    let who = [("stripe-account", creator.as_str())];
    let transfer = sandbox.transfer(&creator, "700").await;
    let made = reverse(&sandbox, &transfer, "300").await;
    let own = sandbox
        .get("/v1/balance_transactions?type=transfer_refund")
        .await;
    assert_eq!(own["data"].as_array().unwrap().len(), 1);
    assert_eq!(own["data"][0]["id"], made["balance_transaction"]);
    assert_eq!(
        (&own["data"][0]["net"], &own["data"][0]["source"]),
        (&json!(300), &made["id"])
    );
    let theirs = sandbox
        .send(
            "GET",
            "/v1/balance_transactions?type=payment_refund",
            &[],
            &who,
        )
        .await
        .body;
    assert_eq!(theirs["data"][0]["net"], -300);
    assert_eq!(
        theirs["data"][0]["source"],
        made["destination_payment_refund"]
    );
    let payment = transfer["destination_payment"].as_str().unwrap();
    let payment = sandbox
        .send("GET", &format!("/v1/charges/{payment}"), &[], &who)
        .await
        .body;
    assert_eq!(payment["amount_refunded"], 300);
}

#[tokio::test]
async fn reversals_are_paged_labelled_and_made_once_per_key() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    sandbox.top_up("1000").await;
    let creator = sandbox.creator("000123456789").await;
    let transfer = sandbox.transfer(&creator, "700").await;
    let other = sandbox.transfer(&creator, "10").await;
    for _ in 0..12 {
        reverse(&sandbox, &transfer, "1").await;
    }
    let path = format!("/v1/transfers/{}/reversals", id(&transfer));
    let first = sandbox.get(&format!("{path}?limit=5")).await;
    assert_eq!(first["has_more"], true);
    let cursor = id(&first["data"][4]);
    let next = sandbox
        .get(&format!("{path}?limit=100&starting_after={cursor}"))
        .await;
    assert_eq!(
        (next["data"].as_array().unwrap().len(), &next["has_more"]),
        (7, &json!(false))
    );
    let shown = sandbox
        .get(&format!("/v1/transfers/{}", id(&transfer)))
        .await;
    assert_eq!(shown["reversals"]["data"].as_array().unwrap().len(), 10);
    assert_eq!(shown["reversals"]["total_count"], 12);
    assert_eq!(shown["reversals"]["has_more"], true);

    let one = format!("{path}/{cursor}");
    let labelled = sandbox.post(&one, &[("metadata[why]", "bank")]).await;
    assert_eq!(labelled["metadata"]["why"], "bank");
    assert_eq!(sandbox.get(&one).await, labelled);
    let elsewhere = format!("/v1/transfers/{}/reversals/{cursor}", id(&other));
    assert_eq!(sandbox.send("GET", &elsewhere, &[], &[]).await.status, 404);

    let key = [("idempotency-key", "reversal:1")];
    let made = sandbox.post_as(&path, &[("amount", "7")], &key).await;
    let again = sandbox.send("POST", &path, &[("amount", "7")], &key).await;
    assert!(again.replayed);
    assert_eq!(again.body, made);
    let shown = sandbox
        .get(&format!("/v1/transfers/{}", id(&transfer)))
        .await;
    assert_eq!(shown["amount_reversed"], 19);
}
