//! What a connected account may do, and who is told when that changes.

use serde_json::{Value, json};

use crate::support::{Receiver, Sandbox, id, listen};

fn transfer(to: &str) -> [(&str, &str); 3] {
    [("amount", "1"), ("currency", "usd"), ("destination", to)]
}

#[tokio::test]
async fn a_restriction_stops_transfers_and_payouts_until_it_is_lifted() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let receiver = Receiver::start(200).await;
    sandbox.top_up("1000").await;
    let creator = sandbox.creator("000123456789").await;
    sandbox.transfer(&creator, "100").await;
    listen(&sandbox, &receiver, true).await;
    let restrict = format!("/_sandbox/accounts/{creator}/restrict");
    let form = [
        ("currently_due[0]", "individual.id_number"),
        ("disabled_reason", "requirements.past_due"),
    ];
    let account = sandbox.post(&restrict, &form).await;
    let wanted = &account["requirements"];
    assert_eq!(wanted["currently_due"], json!(["individual.id_number"]));
    assert_eq!(wanted["past_due"], json!(["individual.id_number"]));
    assert_eq!(wanted["disabled_reason"], "requirements.past_due");
    assert_eq!(account["capabilities"]["transfers"], "inactive");
    let code = "insufficient_capabilities_for_transfer".to_owned();
    assert_eq!(
        sandbox.refused("/v1/transfers", &transfer(&creator)).await,
        (400, code)
    );
    let who = [("stripe-account", creator.as_str())];
    let form = [("amount", "1"), ("currency", "usd")];
    let refusal = sandbox.send("POST", "/v1/payouts", &form, &who).await;
    assert_eq!(refusal.body["error"]["code"], "payouts_not_allowed");
    let settings = sandbox
        .send("GET", "/v1/balance_settings", &[], &who)
        .await
        .body;
    assert_eq!(settings["payments"]["payouts"]["status"], "disabled");

    sandbox
        .post(&format!("/_sandbox/accounts/{creator}/restore"), &[])
        .await;
    sandbox.transfer(&creator, "1").await;
    sandbox.post_as("/v1/payouts", &form, &who).await;
    sandbox.idle().await;
    let told: Vec<Value> = receiver
        .arrivals()
        .iter()
        .map(|each| each.event())
        .collect();
    let mut told: Vec<&Value> = told
        .iter()
        .filter(|event| event["type"] == "account.updated")
        .collect();
    told.sort_by_key(|event| event["data"]["object"]["payouts_enabled"] == true);
    assert_eq!(told.len(), 2);
    assert!(told.iter().all(|event| event["account"] == creator));
    assert_eq!(
        told[0]["data"]["previous_attributes"]["payouts_enabled"],
        true
    );
}

#[tokio::test]
async fn what_is_due_alone_stops_nothing_and_parts_can_be_stopped_alone() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    sandbox.top_up("1000").await;
    let creator = sandbox.creator("000123456789").await;
    let client = reqwest::Client::new();
    let restrict = sandbox.url(&format!("/_sandbox/accounts/{creator}/restrict"));
    let put = async |body: Value| -> Value {
        let sent = client.post(&restrict).body(body.to_string()).send().await;
        sent.unwrap().json().await.unwrap()
    };
    let due = put(json!({ "currently_due": ["individual.phone"] })).await;
    assert_eq!(
        due["requirements"]["currently_due"],
        json!(["individual.phone"])
    );
    assert_eq!(due["requirements"]["past_due"], json!([]));
    assert_eq!(
        (&due["payouts_enabled"], &due["capabilities"]["transfers"]),
        (&json!(true), &json!("active"))
    );
    let pending = put(json!({ "transfers": "pending" })).await;
    assert_eq!(
        (
            &pending["payouts_enabled"],
            &pending["capabilities"]["transfers"]
        ),
        (&json!(true), &json!("pending"))
    );
    assert_eq!(
        sandbox
            .refused("/v1/transfers", &transfer(&creator))
            .await
            .0,
        400
    );
    let stopped = put(json!({ "payouts_enabled": false })).await;
    assert_eq!(
        (
            &stopped["payouts_enabled"],
            &stopped["capabilities"]["transfers"]
        ),
        (&json!(false), &json!("active"))
    );
    sandbox.transfer(&creator, "1").await;
    assert_eq!(
        put(json!({ "payout_enabled": false })).await["error"]["code"],
        "parameter_unknown"
    );
}

#[tokio::test]
async fn an_owner_who_answers_lifts_a_restriction_but_not_a_rejection() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    sandbox.top_up("1000").await;
    let creator = sandbox.creator("000123456789").await;
    let path = |end: &str| format!("/_sandbox/accounts/{creator}/{end}");
    sandbox
        .post(&path("restrict"), &[("disabled_reason", "listed")])
        .await;
    let done = sandbox.post(&path("complete"), &[]).await;
    assert_eq!(
        (
            &done["payouts_enabled"],
            &done["requirements"]["disabled_reason"]
        ),
        (&json!(true), &json!(null))
    );

    let reject = format!("/v1/accounts/{creator}/reject");
    assert_eq!(
        sandbox.refused(&reject, &[]).await,
        (400, "parameter_missing".to_owned())
    );
    let rejected = sandbox.post(&reject, &[("reason", "fraud")]).await;
    assert_eq!(
        rejected["requirements"]["disabled_reason"],
        "rejected.fraud"
    );
    assert_eq!(
        (&rejected["payouts_enabled"], &rejected["charges_enabled"]),
        (&json!(false), &json!(false))
    );
    let still = sandbox.post(&path("complete"), &[]).await;
    assert_eq!(still["requirements"]["disabled_reason"], "rejected.fraud");
    let asked = sandbox.post(&path("restrict"), &[]).await;
    assert_eq!(asked["requirements"]["disabled_reason"], "rejected.fraud");
    assert_eq!(
        sandbox
            .refused("/v1/transfers", &transfer(&creator))
            .await
            .0,
        400
    );
}

#[tokio::test]
async fn an_account_that_leaves_is_told_of_once_and_reached_no_more() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let receiver = Receiver::start(200).await;
    listen(&sandbox, &receiver, true).await;
    sandbox.top_up("1000").await;
    let (leaver, empty) = (
        sandbox.creator("000123456789").await,
        sandbox.creator("000123456789").await,
    );
    sandbox.transfer(&leaver, "100").await;
    let path = format!("/v1/accounts/{leaver}");
    assert_eq!(
        sandbox.send("DELETE", &path, &[], &[]).await.status,
        400,
        "it holds money"
    );
    let who = [("stripe-account", leaver.as_str())];
    let form = [("amount", "100"), ("currency", "usd")];
    sandbox.post_as("/v1/payouts", &form, &who).await;
    sandbox
        .post(&format!("/_sandbox/accounts/{leaver}/deauthorize"), &[])
        .await;
    assert_eq!(
        sandbox.send("GET", "/v1/balance", &[], &who).await.status,
        403
    );
    assert_eq!(
        sandbox.refused("/v1/transfers", &transfer(&leaver)).await.0,
        400
    );
    let gone = sandbox
        .send("DELETE", &format!("/v1/accounts/{empty}"), &[], &[])
        .await
        .body;
    assert_eq!(
        (gone["deleted"].clone(), id(&gone)),
        (json!(true), empty.clone())
    );
    assert_eq!(sandbox.get("/v1/accounts").await["data"], json!([]));
    sandbox.advance("2027-02-01T00:00:00Z").await;
    sandbox.idle().await;
    let told = receiver.arrivals();
    let last = told
        .iter()
        .map(|each| each.event())
        .filter(|event| event["account"] == leaver);
    let kinds: Vec<String> = last
        .map(|event| event["type"].as_str().unwrap().to_owned())
        .collect();
    assert!(kinds.contains(&"account.application.deauthorized".to_owned()));
    assert!(
        !kinds.contains(&"payout.paid".to_owned()),
        "nobody hears of an account that left"
    );
}

#[tokio::test]
async fn a_refused_account_leaves_no_trace() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let form = [
        ("type", "express"),
        ("settings[payouts][schedule][interval]", "hourly"),
    ];
    assert_eq!(sandbox.refused("/v1/accounts", &form).await.0, 400);
    assert_eq!(sandbox.get("/v1/accounts").await["data"], json!([]));
}

#[tokio::test]
async fn what_is_the_platforms_is_refused_in_an_accounts_name() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    sandbox.top_up("1000").await;
    let (one, two) = (
        sandbox.creator("000123456789").await,
        sandbox.creator("000123456789").await,
    );
    let who = [("stripe-account", one.as_str())];
    let refused = sandbox
        .send("POST", "/v1/transfers", &transfer(&two), &who)
        .await;
    assert_eq!(refused.body["error"]["code"], "transfers_not_allowed");
    let form = [("amount", "1"), ("currency", "usd")];
    assert_eq!(
        sandbox.send("POST", "/v1/topups", &form, &who).await.status,
        400
    );
    assert_eq!(sandbox.available(&[]).await, 1000);
}
