//! The way of a payout: pending, in transit, paid, and sometimes back.

use serde_json::{Value, json};

use crate::support::{Receiver, Sandbox, id, listen};

async fn creator_with(sandbox: &Sandbox, bank: &str, amount: &str) -> String {
    sandbox.top_up("100000").await;
    let creator = sandbox.creator(bank).await;
    sandbox.transfer(&creator, amount).await;
    creator
}

async fn pay(sandbox: &Sandbox, creator: &str, amount: &str) -> String {
    let form = [("amount", amount), ("currency", "usd")];
    let who = [("stripe-account", creator)];
    id(&sandbox.post_as("/v1/payouts", &form, &who).await)
}

async fn get_as(sandbox: &Sandbox, path: &str, creator: &str) -> Value {
    let who = [("stripe-account", creator)];
    let answer = sandbox.send("GET", path, &[], &who).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    answer.body
}

async fn status(sandbox: &Sandbox, creator: &str, payout: &str) -> Value {
    let path = format!("/v1/payouts/{payout}");
    get_as(sandbox, &path, creator).await["status"].clone()
}

#[tokio::test]
async fn a_payout_is_in_transit_from_midnight_and_cannot_be_cancelled_then() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let receiver = Receiver::start(200).await;
    let creator = creator_with(&sandbox, "000123456789", "700").await;
    listen(&sandbox, &receiver, true).await;
    sandbox.advance("2027-01-04T09:00:00Z").await;
    let payout = pay(&sandbox, &creator, "700").await;
    assert_eq!(status(&sandbox, &creator, &payout).await, "pending");
    sandbox.advance("2027-01-05T00:00:00Z").await;
    assert_eq!(status(&sandbox, &creator, &payout).await, "in_transit");
    let cancel = format!("/v1/payouts/{payout}/cancel");
    let who = [("stripe-account", creator.as_str())];
    assert_eq!(sandbox.send("POST", &cancel, &[], &who).await.status, 400);
    sandbox.advance("2027-01-06T00:00:00Z").await;
    assert_eq!(status(&sandbox, &creator, &payout).await, "paid");
    sandbox.idle().await;
    let mut kinds = receiver.kinds();
    kinds.sort();
    assert_eq!(kinds, ["payout.created", "payout.paid", "payout.updated"]);
}

#[tokio::test]
async fn a_bank_that_returns_money_does_so_two_business_days_after_it_was_paid() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let creator = creator_with(&sandbox, "000555555559", "700").await;
    sandbox.advance("2027-01-06T09:00:00Z").await;
    let payout = pay(&sandbox, &creator, "700").await;
    sandbox.advance("2027-01-08T00:00:00Z").await;
    assert_eq!(status(&sandbox, &creator, &payout).await, "paid");
    sandbox.advance("2027-01-11T23:59:59Z").await;
    assert_eq!(status(&sandbox, &creator, &payout).await, "paid");
    sandbox.advance("2027-01-12T00:00:00Z").await;
    let path = format!("/v1/payouts/{payout}?expand[]=failure_balance_transaction");
    let failed = get_as(&sandbox, &path, &creator).await;
    assert_eq!(
        (&failed["status"], &failed["failure_code"]),
        (&json!("failed"), &json!("account_closed"))
    );
    let back = &failed["failure_balance_transaction"];
    assert_eq!(
        (&back["type"], &back["net"]),
        (&json!("payout_failure"), &json!(700))
    );
    assert_eq!(back["reporting_category"], "payout_reversal");
    assert_eq!(
        (&failed["reversed_by"], &failed["original_payout"]),
        (&json!(null), &json!(null))
    );
}

#[tokio::test]
async fn a_test_lets_a_bank_send_back_what_is_under_way_or_was_paid_lately() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let creator = creator_with(&sandbox, "000123456789", "700").await;
    let who = [("stripe-account", creator.as_str())];
    let payout = pay(&sandbox, &creator, "300").await;
    let fail = format!("/_sandbox/payouts/{payout}/fail");
    let early = sandbox
        .send("POST", &fail, &[("code", "no_account")], &[])
        .await;
    assert_eq!(early.status, 400, "it is still pending");
    sandbox.advance("2027-01-02T00:00:00Z").await;
    assert_eq!(
        sandbox.refused(&fail, &[("code", "not_a_code")]).await.0,
        400
    );
    let failed = sandbox.post(&fail, &[("code", "could_not_process")]).await;
    assert_eq!(
        (&failed["status"], &failed["failure_code"]),
        (&json!("failed"), &json!("could_not_process"))
    );
    assert_eq!(sandbox.available(&who).await, 700);
    sandbox.advance("2027-01-20T00:00:00Z").await;
    assert_eq!(
        status(&sandbox, &creator, &payout).await,
        "failed",
        "it does not arrive after all"
    );

    let path = format!("/_sandbox/accounts/{creator}/complete");
    sandbox
        .post(&path, &[("account_number", "000123456789")])
        .await;
    let late = pay(&sandbox, &creator, "100").await;
    let soon = pay(&sandbox, &creator, "200").await;
    sandbox.advance("2027-01-29T00:00:00Z").await;
    let failed = sandbox
        .post(&format!("/_sandbox/payouts/{soon}/fail"), &[])
        .await;
    assert_eq!(failed["failure_code"], "account_closed");
    assert_eq!(sandbox.available(&who).await, 600);
    sandbox.advance("2027-01-29T00:00:01Z").await;
    let fail = format!("/_sandbox/payouts/{late}/fail");
    assert_eq!(
        sandbox.send("POST", &fail, &[], &[]).await.status,
        400,
        "five business days are over"
    );
}

#[tokio::test]
async fn a_cancelled_payout_gives_the_money_back_and_is_told() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let creator = creator_with(&sandbox, "000123456789", "700").await;
    let who = [("stripe-account", creator.as_str())];
    let payout = pay(&sandbox, &creator, "300").await;
    sandbox
        .post_as(&format!("/v1/payouts/{payout}/cancel"), &[], &who)
        .await;
    let path = "/v1/balance_transactions?type=payout_cancel";
    let back = &get_as(&sandbox, path, &creator).await["data"][0];
    assert_eq!(
        (&back["net"], &back["reporting_category"]),
        (&json!(300), &json!("payout_reversal"))
    );
    let events = get_as(&sandbox, "/v1/events?type=payout.canceled", &creator).await;
    assert_eq!(
        events["data"][0]["data"]["object"]["failure_balance_transaction"],
        back["id"]
    );
    sandbox.advance("2027-02-01T00:00:00Z").await;
    assert_eq!(status(&sandbox, &creator, &payout).await, "canceled");
}

#[tokio::test]
async fn another_bank_takes_the_place_of_one_that_failed() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let creator = creator_with(&sandbox, "000111111116", "700").await;
    let who = [("stripe-account", creator.as_str())];
    let daily = [("payments[payouts][schedule][interval]", "daily")];
    sandbox.post_as("/v1/balance_settings", &daily, &who).await;
    sandbox.advance("2027-01-10T00:00:00Z").await;
    let account = sandbox.get(&format!("/v1/accounts/{creator}")).await;
    assert_eq!(account["payouts_enabled"], false);
    assert_eq!(
        account["requirements"]["currently_due"],
        json!(["external_account"])
    );
    assert_eq!(account["external_accounts"]["data"][0]["status"], "errored");
    let form = [("amount", "1"), ("currency", "usd")];
    let refusal = sandbox.send("POST", "/v1/payouts", &form, &who).await;
    assert_eq!(refusal.body["error"]["code"], "payouts_not_allowed");

    let banks = format!("/v1/accounts/{creator}/external_accounts");
    let bank = [
        ("external_account[object]", "bank_account"),
        ("external_account[country]", "US"),
        ("external_account[currency]", "usd"),
        ("external_account[account_number]", "000123456789"),
    ];
    let added = sandbox.post(&banks, &bank).await;
    assert_eq!(added["default_for_currency"], true);
    let account = sandbox.get(&format!("/v1/accounts/{creator}")).await;
    assert_eq!(account["payouts_enabled"], true);
    assert_eq!(account["requirements"]["disabled_reason"], json!(null));
    sandbox.advance("2027-01-11T00:00:00Z").await;
    let swept = get_as(&sandbox, "/v1/payouts?limit=1", &creator).await;
    assert_eq!(
        swept["data"][0]["destination"], added["id"],
        "the daily schedule goes on"
    );
    assert_eq!(sandbox.available(&who).await, 0);
}

#[tokio::test]
async fn banks_are_added_chosen_and_deleted() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let receiver = Receiver::start(200).await;
    let creator = creator_with(&sandbox, "000123456789", "700").await;
    listen(&sandbox, &receiver, true).await;
    let banks = format!("/v1/accounts/{creator}/external_accounts");
    let number = [("external_account[account_number]", "000111111113")];
    let second = sandbox.post(&banks, &number).await;
    assert_eq!(second["default_for_currency"], false);
    let listed = sandbox.get(&format!("{banks}?limit=1")).await;
    assert_eq!(
        (&listed["data"][0]["id"], &listed["has_more"]),
        (&second["id"], &json!(true))
    );
    let first = id(&sandbox.get(&banks).await["data"][1]);

    let only = sandbox
        .send("DELETE", &format!("{banks}/{first}"), &[], &[])
        .await;
    assert_eq!(only.status, 400, "the default stays");
    let path = format!("{banks}/{}", id(&second));
    let chosen = sandbox
        .post(&path, &[("default_for_currency", "true")])
        .await;
    assert_eq!(chosen["default_for_currency"], true);
    let gone = sandbox
        .send("DELETE", &format!("{banks}/{first}"), &[], &[])
        .await
        .body;
    assert_eq!(
        (&gone["deleted"], &gone["object"]),
        (&json!(true), &json!("bank_account"))
    );
    assert_eq!(
        sandbox
            .send("GET", &format!("{banks}/{first}"), &[], &[])
            .await
            .status,
        404
    );
    let account = sandbox.get(&format!("/v1/accounts/{creator}")).await;
    assert_eq!(account["external_accounts"]["total_count"], 1);

    sandbox.idle().await;
    let mut kinds = receiver.kinds();
    kinds.retain(|kind| kind.starts_with("account.external_account"));
    kinds.sort();
    let expected =
        ["created", "deleted", "updated"].map(|end| format!("account.external_account.{end}"));
    assert_eq!(kinds, expected);
}
