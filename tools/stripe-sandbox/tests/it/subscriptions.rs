//! Checkout, prorated months, renewals.

use serde_json::{Value, json};

use crate::support::{Sandbox, at, id};

const CARD: &str = "4242424242424242";

async fn invoices(sandbox: &Sandbox, session: &Value) -> Vec<Value> {
    let subscription = session["subscription"].as_str().unwrap();
    let path = format!("/v1/invoices?subscription={subscription}&expand[]=data.payments");
    sandbox.get(&path).await["data"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_subscription_through_checkout_is_charged_and_renews_on_the_clock() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let price = sandbox.price("1000").await;
    let session = sandbox.session(&price, &[]).await;
    let page = session["url"].as_str().unwrap();
    assert!(
        sandbox
            .raw_get(page)
            .await
            .text()
            .await
            .unwrap()
            .contains("$10.00")
    );
    let paid = sandbox
        .raw_form(page, &[("card_number", "4242 4242 4242 4242")])
        .await;
    assert_eq!(paid.status(), 303);
    let back = paid.headers()["location"].to_str().unwrap();
    assert_eq!(back, format!("http://site/ok?session={}", id(&session)));

    let session = sandbox
        .get(&format!("/v1/checkout/sessions/{}", id(&session)))
        .await;
    assert_eq!(
        (&session["status"], &session["payment_status"]),
        (&json!("complete"), &json!("paid"))
    );
    sandbox.advance("2027-03-01T00:00:00Z").await;
    let invoices = invoices(&sandbox, &session).await;
    let seen: Vec<_> = invoices
        .iter()
        .map(|invoice| {
            (
                invoice["amount_paid"].as_i64(),
                invoice["lines"]["data"][0]["period"].clone(),
            )
        })
        .collect();
    let month = |start, end| json!({ "start": at(start), "end": at(end) });
    assert_eq!(
        seen,
        [
            (
                Some(1000),
                month("2027-03-01T00:00:00Z", "2027-04-01T00:00:00Z")
            ),
            (
                Some(1000),
                month("2027-02-01T00:00:00Z", "2027-03-01T00:00:00Z")
            ),
            (
                Some(1000),
                month("2027-01-01T00:00:00Z", "2027-02-01T00:00:00Z")
            ),
        ]
    );
    let details = &invoices[0]["parent"]["subscription_details"];
    assert_eq!(details["metadata"], json!({ "subscriber": "s1" }));
    let subscription = sandbox
        .get(&format!(
            "/v1/subscriptions/{}",
            session["subscription"].as_str().unwrap()
        ))
        .await;
    assert_eq!(
        subscription["items"]["data"][0]["current_period_end"],
        at("2027-04-01T00:00:00Z")
    );
}

#[tokio::test]
async fn the_first_month_is_prorated_by_seconds_and_none_charges_nothing() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let price = sandbox.price("1001").await;
    sandbox.advance("2027-01-16T12:00:00Z").await;
    let anchor = at("2027-02-01T00:00:00Z").to_string();
    let more = [("subscription_data[billing_cycle_anchor]", anchor.as_str())];
    let session = sandbox.session(&price, &more).await;
    assert_eq!(session["amount_total"], 501);
    let session = sandbox.complete(&session, CARD).await;
    let first = &invoices(&sandbox, &session).await[0];
    assert_eq!(first["amount_paid"], 501);
    let line = &first["lines"]["data"][0];
    assert_eq!(
        line["parent"]["subscription_item_details"]["proration"],
        true
    );
    assert_eq!(line["period"]["end"], at("2027-02-01T00:00:00Z"));

    let free = [more[0], ("subscription_data[proration_behavior]", "none")];
    let session = sandbox.session(&price, &free).await;
    let session = sandbox.complete(&session, CARD).await;
    assert_eq!(session["payment_status"], "no_payment_required");
    assert!(invoices(&sandbox, &session).await.is_empty());
    sandbox.advance("2027-02-01T00:00:00Z").await;
    assert_eq!(invoices(&sandbox, &session).await[0]["amount_paid"], 1001);
}

#[tokio::test]
async fn an_amount_too_small_for_a_card_goes_onto_the_next_invoice() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let price = sandbox.price("1000").await;
    sandbox.advance("2027-01-31T00:00:00Z").await;
    let anchor = at("2027-02-01T00:00:00Z").to_string();
    let more = [("subscription_data[billing_cycle_anchor]", anchor.as_str())];
    let session = sandbox.session(&price, &more).await;
    let session = sandbox.complete(&session, CARD).await;
    let first = &invoices(&sandbox, &session).await[0];
    let shown = (&first["total"], &first["amount_due"], &first["status"]);
    assert_eq!(shown, (&json!(32), &json!(0), &json!("paid")));
    assert_eq!(first["payments"]["data"], json!([]));
    sandbox.advance("2027-02-01T00:00:00Z").await;
    let second = &invoices(&sandbox, &session).await[0];
    assert_eq!(
        (&second["total"], &second["amount_paid"]),
        (&json!(1000), &json!(1032))
    );
}

#[tokio::test]
async fn a_declined_card_leaves_the_session_open_and_nothing_behind() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let price = sandbox.price("1000").await;
    let session = sandbox.session(&price, &[]).await;
    let page = session["url"].as_str().unwrap();
    let refused = sandbox
        .raw_form(page, &[("card_number", "4000000000000002")])
        .await;
    assert_eq!(refused.status(), 402);
    assert!(refused.text().await.unwrap().contains("declined"));
    assert_eq!(sandbox.get("/v1/charges").await["data"], json!([]));
    let session = sandbox.complete(&session, CARD).await;
    assert_eq!(session["status"], "complete");
}

#[tokio::test]
async fn a_card_that_fails_at_renewal_leaves_the_subscription_past_due() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let price = sandbox.price("1000").await;
    let anchor = at("2027-02-01T00:00:00Z").to_string();
    let more = [
        ("subscription_data[billing_cycle_anchor]", anchor.as_str()),
        ("subscription_data[proration_behavior]", "none"),
    ];
    let session = sandbox.session(&price, &more).await;
    let session = sandbox.complete(&session, "4000000000000341").await;
    sandbox.advance("2027-02-01T00:00:00Z").await;
    let invoice = &invoices(&sandbox, &session).await[0];
    assert_eq!(
        (&invoice["status"], &invoice["amount_remaining"]),
        (&json!("open"), &json!(1000))
    );
    let path = format!(
        "/v1/subscriptions/{}",
        session["subscription"].as_str().unwrap()
    );
    assert_eq!(sandbox.get(&path).await["status"], "past_due");
    assert_eq!(sandbox.available(&[]).await, 0);
}

#[tokio::test]
async fn a_subscription_that_ends_with_its_period_is_not_renewed() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let price = sandbox.price("1000").await;
    let session = sandbox.session(&price, &[]).await;
    let session = sandbox.complete(&session, CARD).await;
    let path = format!(
        "/v1/subscriptions/{}",
        session["subscription"].as_str().unwrap()
    );
    sandbox
        .post(&path, &[("cancel_at_period_end", "true")])
        .await;
    sandbox.advance("2027-02-01T00:00:00Z").await;
    assert_eq!(sandbox.get(&path).await["status"], "canceled");
    assert_eq!(invoices(&sandbox, &session).await.len(), 1);
}
