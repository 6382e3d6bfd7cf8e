//! Money: fees, maturing, transfers, payouts.

use serde_json::{Value, json};

use crate::support::{Sandbox, at, id};

async fn balance(sandbox: &Sandbox) -> (i64, i64) {
    let balance = sandbox.get("/v1/balance").await;
    let amount = |part: &str| balance[part][0]["amount"].as_i64().unwrap();
    (amount("available"), amount("pending"))
}

#[tokio::test]
async fn a_charge_is_pending_for_two_days_and_then_available_less_its_fee() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let price = sandbox.price("1000").await;
    sandbox.advance("2027-01-01T10:00:00Z").await;
    let session = sandbox.session(&price, &[]).await;
    sandbox.complete(&session, "4242424242424242").await;
    assert_eq!(balance(&sandbox).await, (0, 941));
    let charges = sandbox
        .get("/v1/charges?expand[]=data.balance_transaction")
        .await;
    let transaction = &charges["data"][0]["balance_transaction"];
    assert_eq!(
        (&transaction["fee"], &transaction["net"]),
        (&json!(59), &json!(941))
    );
    assert_eq!(transaction["available_on"], at("2027-01-04T00:00:00Z"));
    sandbox.advance("2027-01-03T23:59:59Z").await;
    assert_eq!(balance(&sandbox).await, (0, 941));
    sandbox.advance("2027-01-04T00:00:00Z").await;
    assert_eq!(balance(&sandbox).await, (941, 0));
    let path = format!("/v1/balance_transactions/{}", id(transaction));
    assert_eq!(sandbox.get(&path).await["status"], "available");
}

#[tokio::test]
async fn the_card_0077_is_available_at_once() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let price = sandbox.price("1000").await;
    let session = sandbox.session(&price, &[]).await;
    sandbox.complete(&session, "4000000000000077").await;
    assert_eq!(balance(&sandbox).await, (941, 0));
}

#[tokio::test]
async fn a_transfer_beyond_what_is_available_is_refused_and_moves_nothing() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    sandbox.top_up("1000").await;
    let creator = sandbox.creator("000123456789").await;
    let form = [
        ("amount", "1001"),
        ("currency", "usd"),
        ("destination", creator.as_str()),
    ];
    let refusal = sandbox.refused("/v1/transfers", &form).await;
    assert_eq!(refusal, (400, "balance_insufficient".to_owned()));
    assert_eq!(sandbox.get("/v1/transfers").await["data"], json!([]));
    sandbox.transfer(&creator, "1000").await;
    assert_eq!(balance(&sandbox).await, (0, 0));
    assert_eq!(
        sandbox.available(&[("stripe-account", &creator)]).await,
        1000
    );
}

#[tokio::test]
async fn an_account_that_is_not_complete_receives_no_transfer() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    sandbox.top_up("1000").await;
    let creator = sandbox.unfinished_creator().await;
    let form = [
        ("amount", "1"),
        ("currency", "usd"),
        ("destination", creator.as_str()),
    ];
    let refusal = sandbox.refused("/v1/transfers", &form).await;
    assert_eq!(
        refusal,
        (400, "insufficient_capabilities_for_transfer".to_owned())
    );
    let link = [
        ("account", creator.as_str()),
        ("type", "account_onboarding"),
        ("return_url", "http://site/back"),
        ("refresh_url", "http://site/again"),
    ];
    let link = sandbox.post("/v1/account_links", &link).await;
    let page = link["url"].as_str().unwrap();
    assert!(
        sandbox
            .raw_get(page)
            .await
            .text()
            .await
            .unwrap()
            .contains("account_number")
    );
    let done = sandbox
        .raw_form(page, &[("account_number", "000123456789")])
        .await;
    assert_eq!(done.headers()["location"], "http://site/back");
    sandbox.transfer(&creator, "1").await;
}

async fn payout(sandbox: &Sandbox, creator: &str, amount: &str) -> Value {
    let form = [("amount", amount), ("currency", "usd")];
    sandbox
        .post_as("/v1/payouts", &form, &[("stripe-account", creator)])
        .await
}

async fn payout_now(sandbox: &Sandbox, creator: &str, payout: &Value) -> Value {
    let path = format!("/v1/payouts/{}", id(payout));
    sandbox
        .send("GET", &path, &[], &[("stripe-account", creator)])
        .await
        .body
}

#[tokio::test]
async fn each_bank_number_answers_a_payout_in_its_own_way() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    sandbox.top_up("100000").await;
    for (number, code) in [
        ("000123456789", None),
        ("DE89370400440532013000", None),
        ("000111111116", Some("no_account")),
        ("000111111113", Some("account_closed")),
        ("000222222227", Some("insufficient_funds")),
        ("000333333335", Some("debit_not_authorized")),
        ("000444444440", Some("invalid_currency")),
        ("DE62370400440532013001", Some("no_account")),
    ] {
        let creator = sandbox.creator(number).await;
        sandbox.transfer(&creator, "700").await;
        let sent = payout(&sandbox, &creator, "700").await;
        assert_eq!(sandbox.available(&[("stripe-account", &creator)]).await, 0);
        let arrival = sent["arrival_date"].as_i64().unwrap();
        sandbox.advance(&stripe_sandbox::clock::show(arrival)).await;
        let arrived = payout_now(&sandbox, &creator, &sent).await;
        assert_eq!(arrived["failure_code"], json!(code), "{number}");
        assert_eq!(
            arrived["status"],
            if code.is_some() { "failed" } else { "paid" }
        );
        let left = sandbox.available(&[("stripe-account", &creator)]).await;
        assert_eq!(left, if code.is_some() { 700 } else { 0 }, "{number}");
    }
}

#[tokio::test]
async fn a_payout_is_cancelled_only_while_it_is_pending() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    sandbox.top_up("1000").await;
    let creator = sandbox.creator("000123456789").await;
    sandbox.transfer(&creator, "700").await;
    let who = [("stripe-account", creator.as_str())];
    let sent = payout(&sandbox, &creator, "300").await;
    let cancel = format!("/v1/payouts/{}/cancel", id(&sent));
    assert_eq!(
        sandbox.post_as(&cancel, &[], &who).await["status"],
        "canceled"
    );
    assert_eq!(sandbox.available(&who).await, 700);
    let sent = payout(&sandbox, &creator, "700").await;
    sandbox.advance("2027-02-01T00:00:00Z").await;
    let cancel = format!("/v1/payouts/{}/cancel", id(&sent));
    assert_eq!(sandbox.send("POST", &cancel, &[], &who).await.status, 400);
}

#[tokio::test]
async fn an_account_on_the_daily_schedule_is_paid_out_down_to_its_minimum() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    sandbox.top_up("1000").await;
    let creator = sandbox.creator("000123456789").await;
    let who = [("stripe-account", creator.as_str())];
    let daily = [
        ("payments[payouts][schedule][interval]", "daily"),
        ("payments[payouts][minimum_balance_by_currency][usd]", "100"),
    ];
    sandbox.post_as("/v1/balance_settings", &daily, &who).await;
    sandbox.transfer(&creator, "700").await;
    sandbox.advance("2027-01-02T00:00:00Z").await;
    let payouts = sandbox.send("GET", "/v1/payouts", &[], &who).await.body;
    assert_eq!(
        (
            &payouts["data"][0]["amount"],
            &payouts["data"][0]["automatic"]
        ),
        (&json!(600), &json!(true))
    );
    let path = format!(
        "/v1/balance_transactions?payout={}",
        id(&payouts["data"][0])
    );
    let taken = sandbox.send("GET", &path, &[], &who).await.body;
    let kinds: Vec<_> = taken["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|txn| &txn["type"])
        .collect();
    assert_eq!(kinds, ["payout_minimum_balance_hold", "payout", "payment"]);
}

#[tokio::test]
async fn the_balance_is_the_sum_of_the_balance_transactions() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let price = sandbox.price("2000").await;
    for _ in 0..3 {
        let session = sandbox.session(&price, &[]).await;
        sandbox.complete(&session, "4242424242424242").await;
    }
    sandbox.advance("2027-02-01T00:00:00Z").await;
    let creator = sandbox.creator("000123456789").await;
    sandbox.transfer(&creator, "1234").await;
    let all = sandbox.get("/v1/balance_transactions?limit=100").await;
    let sum: i64 = all["data"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|txn| txn["net"].as_i64())
        .sum();
    let (available, pending) = balance(&sandbox).await;
    assert_eq!((available, pending), (3 * 1912 - 1234, 3 * 1912));
    assert_eq!(sum, available + pending);
}
