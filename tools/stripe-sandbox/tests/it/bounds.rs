//! Who is let in, what is refused, and the clock's and journal's promises.

use serde_json::{Value, json};

use crate::support::{Sandbox, at};

#[tokio::test]
async fn only_test_keys_are_let_in() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let client = reqwest::Client::new();
    let url = sandbox.url("/v1/balance");
    let none = client.get(&url).send().await.unwrap();
    assert_eq!(none.status(), 401);
    assert!(none.headers().contains_key("request-id"));
    let error: Value = none.json().await.unwrap();
    assert_eq!(error["error"]["type"], "invalid_request_error");
    let live = client
        .get(&url)
        .bearer_auth("sk_live_1")
        .send()
        .await
        .unwrap();
    assert_eq!(live.status(), 401);
    let basic = client
        .get(&url)
        .basic_auth("sk_test_1", None::<&str>)
        .send()
        .await
        .unwrap();
    assert_eq!(basic.status(), 200);
}

#[tokio::test]
async fn refusals_name_their_parameter_and_unknown_ids_are_404() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let answer = sandbox
        .send("POST", "/v1/topups", &[("amont", "1")], &[])
        .await;
    assert_eq!(answer.body["error"]["code"], "parameter_unknown");
    assert_eq!(answer.body["error"]["param"], "amont");
    let good = [("amount", "1"), ("currency", "usd")];
    let answer = sandbox.send("POST", "/v1/topups?amont=1", &good, &[]).await;
    assert_eq!(
        answer.body["error"]["param"], "amont",
        "a query is read too"
    );
    let answer = sandbox.send("GET", "/v1/transfers/tr_none", &[], &[]).await;
    assert_eq!(
        (answer.status, &answer.body["error"]["code"]),
        (404, &json!("resource_missing"))
    );
    assert_eq!(
        sandbox.send("GET", "/v1/nothings", &[], &[]).await.status,
        404
    );
    let bad = sandbox
        .send("GET", "/v1/customers?expand[]=data.name.x", &[], &[])
        .await;
    assert_eq!(
        bad.status, 400,
        "what cannot be expanded is refused even where there is nothing"
    );
    let stranger = [("stripe-account", "acct_none")];
    assert_eq!(
        sandbox
            .send("GET", "/v1/balance", &[], &stranger)
            .await
            .status,
        403
    );
}

#[tokio::test]
async fn the_clock_stands_still_and_never_goes_back() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    assert_eq!(
        sandbox.get("/_sandbox/clock").await["now"],
        "2027-01-01T00:00:00Z"
    );
    let clock = sandbox.advance("2027-01-01T12:00:00Z").await;
    assert_eq!(
        (&clock["now"], &clock["next_due"]),
        (&json!("2027-01-01T12:00:00Z"), &json!(null))
    );
    let back = [("advance_to", "2027-01-01T11:59:59Z")];
    assert_eq!(sandbox.refused("/_sandbox/clock", &back).await.0, 400);
    let customer = sandbox.post("/v1/customers", &[]).await;
    assert_eq!(customer["created"], at("2027-01-01T12:00:00Z"));
}

#[tokio::test]
async fn the_journal_tells_each_call_with_what_it_made() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    sandbox.top_up("500").await;
    let text = sandbox
        .raw_get(&sandbox.url("/_sandbox/journal"))
        .await
        .text()
        .await
        .unwrap();
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let line = lines
        .iter()
        .find(|line| line["op"] == "POST /v1/topups")
        .unwrap();
    assert_eq!(
        (&line["status"], &line["request"]["amount"]),
        (&json!(200), &json!("500"))
    );
    assert_eq!(line["at"], "2027-01-01T00:00:00Z");
    let kinds: Vec<_> = line["puts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|object| &object["object"])
        .collect();
    assert_eq!(kinds, ["balance_transaction", "topup", "event", "event"]);
    for (place, line) in lines.iter().enumerate() {
        assert_eq!(line["seq"], place + 1);
    }
}
