//! Objects in the place of their ids.

use serde_json::{Value, json};

use crate::support::{Sandbox, id};

#[tokio::test]
async fn ids_are_expanded_along_paths_on_single_objects_and_lists() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    sandbox.top_up("1000").await;
    let creator = sandbox.creator("000123456789").await;
    let who = [("stripe-account", creator.as_str())];
    let transfer = sandbox.transfer(&creator, "700").await;
    let path = format!("/v1/transfers/{}", id(&transfer));
    sandbox
        .post(&format!("{path}/reversals"), &[("amount", "100")])
        .await;
    let both = "expand[]=destination_payment.balance_transaction&expand[]=destination";
    let one = sandbox.get(&format!("{path}?{both}")).await;
    assert_eq!(one["destination"]["object"], "account");
    assert_eq!(
        one["destination_payment"]["balance_transaction"]["net"],
        700
    );
    let list = sandbox
        .get("/v1/transfers?expand[]=data.reversals.data.balance_transaction")
        .await;
    assert_eq!(
        list["data"][0]["reversals"]["data"][0]["balance_transaction"]["net"],
        100
    );
    let rows =
        "/v1/balance_transactions?type=transfer_refund&expand[]=data.source.transfer.destination";
    let rows = sandbox.get(rows).await;
    assert_eq!(
        rows["data"][0]["source"]["transfer"]["destination"]["id"],
        json!(creator)
    );

    let form = [
        ("amount", "100"),
        ("currency", "usd"),
        ("expand[0]", "destination.account"),
    ];
    let payout = sandbox.post_as("/v1/payouts", &form, &who).await;
    assert_eq!(payout["destination"]["last4"], "6789");
    assert_eq!(payout["destination"]["account"]["id"], json!(creator));
    assert_eq!(payout["failure_balance_transaction"], Value::Null);
}

#[tokio::test]
async fn what_cannot_be_expanded_is_refused_before_anything_is_done() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    for path in [
        "/v1/transfers?expand[]=data.amount",
        "/v1/transfers?expand[]=destination",
        "/v1/transfers?expand[]=data",
        "/v1/transfers?expand[]=data.destination.email",
        "/v1/transfers?expand[]=data.a.b.c.d",
        "/v1/balance?expand[]=available",
        "/v1/charges?expand[]=data.payment_intent.latest_charge.customer.default_source",
    ] {
        let refusal = sandbox.send("GET", path, &[], &[]).await;
        assert_eq!(refusal.status, 400, "{path}");
        assert_eq!(
            refusal.body["error"]["type"], "invalid_request_error",
            "{path}"
        );
    }
    let form = [("amount", "5"), ("currency", "usd"), ("expand[]", "amount")];
    assert_eq!(sandbox.refused("/v1/topups", &form).await.0, 400);
    assert_eq!(sandbox.available(&[]).await, 0);
}
