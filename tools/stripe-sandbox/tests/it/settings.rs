//! Balance settings, automatic payouts, and what can be asked of balance transactions.

use serde_json::{Value, json};

use crate::support::{Sandbox, at, id};

const INTERVAL: &str = "payments[payouts][schedule][interval]";
const MINIMUM: &str = "payments[payouts][minimum_balance_by_currency][usd]";

async fn nets(sandbox: &Sandbox, query: &str) -> Vec<(String, i64)> {
    let page = sandbox
        .get(&format!("/v1/balance_transactions?limit=100&{query}"))
        .await;
    let rows = page["data"].as_array().unwrap().iter();
    rows.map(|row| {
        (
            row["type"].as_str().unwrap().to_owned(),
            row["net"].as_i64().unwrap(),
        )
    })
    .collect()
}

fn pairs(pairs: &[(&str, i64)]) -> Vec<(String, i64)> {
    pairs
        .iter()
        .map(|(kind, net)| ((*kind).to_owned(), *net))
        .collect()
}

#[tokio::test]
async fn the_platform_on_a_daily_schedule_is_swept_down_to_its_minimum() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let set = [(INTERVAL, "daily"), (MINIMUM, "1000")];
    let settings = sandbox.post("/v1/balance_settings", &set).await;
    assert_eq!(
        settings["payments"]["payouts"]["minimum_balance_by_currency"]["usd"],
        1000
    );
    sandbox.top_up("1000").await;
    sandbox.advance("2027-01-02T00:00:00Z").await;
    assert_eq!(
        sandbox.get("/v1/payouts").await["data"],
        json!([]),
        "there is no more than the minimum"
    );
    sandbox.top_up("5000").await;
    sandbox.advance("2027-01-03T00:00:00Z").await;
    let payouts = sandbox.get("/v1/payouts").await;
    assert_eq!(
        (
            &payouts["data"][0]["amount"],
            &payouts["data"][0]["automatic"]
        ),
        (&json!(5000), &json!(true))
    );
    assert_eq!(sandbox.available(&[]).await, 1000);
    let payout = id(&payouts["data"][0]);
    let taken = nets(&sandbox, &format!("payout={payout}")).await;
    let expected = [
        ("payout_minimum_balance_hold", -1000),
        ("payout", -5000),
        ("topup", 5000),
        ("topup", 1000),
    ];
    assert_eq!(
        taken,
        pairs(&expected),
        "a payout's transactions add up to nothing"
    );
    let released = nets(&sandbox, "type=payout_minimum_balance_release").await;
    assert_eq!(released, pairs(&[("payout_minimum_balance_release", 1000)]));

    sandbox.top_up("70").await;
    sandbox.advance("2027-01-04T00:00:00Z").await;
    let payout = id(&sandbox.get("/v1/payouts").await["data"][0]);
    let expected = [
        ("payout_minimum_balance_hold", -1000),
        ("payout", -70),
        ("topup", 70),
        ("payout_minimum_balance_release", 1000),
    ];
    assert_eq!(
        nets(&sandbox, &format!("payout={payout}")).await,
        pairs(&expected)
    );
    let manual = [(INTERVAL, "manual")];
    sandbox.post("/v1/balance_settings", &manual).await;
    sandbox.top_up("70").await;
    sandbox.advance("2027-02-04T00:00:00Z").await;
    assert_eq!(
        sandbox.available(&[]).await,
        1070,
        "a manual schedule leaves all where it is"
    );
}

#[tokio::test]
async fn a_lower_minimum_sets_free_what_it_held() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    sandbox
        .post(
            "/v1/balance_settings",
            &[(INTERVAL, "daily"), (MINIMUM, "1000")],
        )
        .await;
    sandbox.top_up("900").await;
    sandbox.advance("2027-01-05T00:00:00Z").await;
    assert_eq!(sandbox.available(&[]).await, 900);
    let cleared = sandbox.post("/v1/balance_settings", &[(MINIMUM, "")]).await;
    let left =
        |settings: &Value| settings["payments"]["payouts"]["minimum_balance_by_currency"].clone();
    assert_eq!(left(&cleared), json!({}));
    sandbox
        .post("/v1/balance_settings", &[(MINIMUM, "1000")])
        .await;
    let whole = MINIMUM.trim_end_matches("[usd]");
    let cleared = sandbox.post("/v1/balance_settings", &[(whole, "")]).await;
    assert_eq!(left(&cleared), json!({}));
    sandbox.advance("2027-01-06T00:00:00Z").await;
    assert_eq!(sandbox.available(&[]).await, 0);
}

#[tokio::test]
async fn weekly_and_monthly_schedules_pay_out_on_their_days() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let missing = sandbox
        .refused("/v1/balance_settings", &[(INTERVAL, "weekly")])
        .await;
    assert_eq!(missing.1, "parameter_missing");
    let days = "payments[payouts][schedule][weekly_payout_days][]";
    let wrong = [(INTERVAL, "weekly"), (days, "someday")];
    assert_eq!(sandbox.refused("/v1/balance_settings", &wrong).await.0, 400);
    let set = [(INTERVAL, "weekly"), (days, "tuesday"), (days, "thursday")];
    let settings = sandbox.post("/v1/balance_settings", &set).await;
    let schedule = &settings["payments"]["payouts"]["schedule"];
    assert_eq!(
        schedule["weekly_payout_days"],
        json!(["tuesday", "thursday"])
    );
    sandbox.top_up("10").await;
    let clock = sandbox.get("/_sandbox/clock").await;
    assert_eq!(
        clock["next_due"], "2027-01-05T00:00:00Z",
        "the first Tuesday of 2027"
    );

    let days = "payments[payouts][schedule][monthly_payout_days][0]";
    sandbox
        .post(
            "/v1/balance_settings",
            &[(INTERVAL, "monthly"), (days, "31")],
        )
        .await;
    sandbox.advance("2027-01-31T00:00:00Z").await;
    sandbox.top_up("20").await;
    sandbox.advance("2027-02-28T00:00:00Z").await;
    let payouts = sandbox.get("/v1/payouts").await;
    let made: Vec<&Value> = payouts["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|each| &each["created"])
        .collect();
    assert_eq!(
        made,
        [at("2027-02-28T00:00:00Z"), at("2027-01-31T00:00:00Z")]
    );
}

#[tokio::test]
async fn stripes_own_fees_and_adjustments_are_balance_transactions() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    sandbox.top_up("1000").await;
    let creator = sandbox.creator("000123456789").await;
    let fee = [("amount", "200"), ("description", "Connect accounts")];
    let fee = sandbox.post("/_sandbox/fee", &fee).await;
    assert_eq!(
        (&fee["type"], &fee["net"], &fee["reporting_category"]),
        (&json!("stripe_fee"), &json!(-200), &json!("fee"))
    );
    assert_eq!(
        (&fee["source"], &fee["description"]),
        (&json!(null), &json!("Connect accounts"))
    );
    let path = format!("/v1/balance_transactions/{}", id(&fee));
    assert_eq!(sandbox.get(&path).await, fee);
    sandbox
        .post("/_sandbox/adjustment", &[("amount", "-50")])
        .await;
    let theirs = [("amount", "7"), ("account", creator.as_str())];
    sandbox.post("/_sandbox/adjustment", &theirs).await;
    assert_eq!(sandbox.available(&[]).await, 750);
    assert_eq!(sandbox.available(&[("stripe-account", &creator)]).await, 7);
    for bad in [("amount", "0"), ("amount", "x"), ("sum", "1")] {
        assert_eq!(
            sandbox.refused("/_sandbox/fee", &[bad]).await.0,
            400,
            "{bad:?}"
        );
    }
}

#[tokio::test]
async fn balance_transactions_are_filtered_by_each_of_their_fields_and_by_all_at_once() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let price = sandbox.price("1000").await;
    let session = sandbox.session(&price, &[]).await;
    sandbox.complete(&session, "4242424242424242").await;
    let topup = sandbox.top_up("500").await;
    let topup = id(&topup);
    let matures = at("2027-01-03T00:00:00Z");
    let charge = pairs(&[("charge", 941)]);
    assert_eq!(
        nets(&sandbox, &format!("available_on={matures}")).await,
        charge
    );
    assert_eq!(
        nets(
            &sandbox,
            &format!("available_on[gt]={}", at("2027-01-01T00:00:00Z"))
        )
        .await,
        charge
    );
    assert_eq!(
        nets(&sandbox, &format!("available_on[lt]={matures}")).await,
        pairs(&[("topup", 500)])
    );
    assert_eq!(
        nets(&sandbox, &format!("source={topup}")).await,
        pairs(&[("topup", 500)])
    );
    assert_eq!(
        nets(&sandbox, &format!("source={topup}&type=charge")).await,
        []
    );
    assert_eq!(
        nets(&sandbox, &format!("payout=po_none&source={topup}")).await,
        []
    );
    let charge = sandbox.get("/v1/balance_transactions?type=charge").await["data"][0].clone();
    assert_eq!(charge["status"], "pending");
    assert_eq!(charge["fee_details"][0]["amount"], 59);
    sandbox.advance("2027-01-03T00:00:00Z").await;
    let path = format!("/v1/balance_transactions/{}", id(&charge));
    assert_eq!(sandbox.get(&path).await["status"], "available");
}
