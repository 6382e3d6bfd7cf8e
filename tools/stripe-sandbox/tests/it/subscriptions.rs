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

#[tokio::test]
async fn who_pays_a_session_after_its_anchor_pays_the_month_that_began_at_it() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let price = sandbox.price("1000").await;
    sandbox.advance("2027-01-31T23:00:00Z").await;
    let anchor = at("2027-02-01T00:00:00Z").to_string();
    let more = [
        ("subscription_data[billing_cycle_anchor]", anchor.as_str()),
        ("subscription_data[proration_behavior]", "none"),
    ];
    let session = sandbox.session(&price, &more).await;
    sandbox.advance("2027-02-01T00:30:00Z").await;
    let session = sandbox.complete(&session, CARD).await;
    let invoice = invoices(&sandbox, &session).await.remove(0);
    let line = &invoice["lines"]["data"][0];
    let month = json!({ "start": at("2027-02-01T00:00:00Z"), "end": at("2027-03-01T00:00:00Z") });
    assert_eq!((&line["period"], &line["amount"]), (&month, &json!(1000)));
    sandbox.advance("2027-03-01T00:00:00Z").await;
    assert_eq!(invoices(&sandbox, &session).await.len(), 2);
}

#[tokio::test]
async fn what_stripe_would_not_charge_is_refused_when_the_session_is_made() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let price = sandbox.price("999999").await;
    let once = [
        ("currency", "usd"),
        ("unit_amount", "49"),
        ("product_data[name]", "Cheap"),
    ];
    let cheap = id(&sandbox.post("/v1/prices", &once).await);
    let inactive = sandbox.price("1000").await;
    sandbox
        .post(&format!("/v1/prices/{inactive}"), &[("active", "false")])
        .await;
    for (mode, price, quantity, code) in [
        ("subscription", &price, "999999", "amount_too_large"),
        ("payment", &cheap, "1", "amount_too_small"),
        ("subscription", &inactive, "1", "parameter_invalid"),
    ] {
        let form = [
            ("mode", mode),
            ("success_url", "http://site"),
            ("line_items[0][price]", price.as_str()),
            ("line_items[0][quantity]", quantity),
        ];
        let refusal = sandbox.refused("/v1/checkout/sessions", &form).await;
        assert_eq!(refusal, (400, code.to_owned()));
    }
}

#[tokio::test]
async fn what_is_paid_once_is_on_the_first_invoice_alone_even_when_the_start_is_free() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let price = sandbox.price("1000").await;
    sandbox.advance("2027-01-16T12:00:00Z").await;
    let anchor = at("2027-02-01T00:00:00Z").to_string();
    let once = [
        ("line_items[1][price_data][currency]", "usd"),
        ("line_items[1][price_data][unit_amount]", "700"),
        (
            "line_items[1][price_data][product_data][name]",
            "First month",
        ),
    ];
    let anchored = ("subscription_data[billing_cycle_anchor]", anchor.as_str());
    let free = ("subscription_data[proration_behavior]", "none");
    let trial = ("subscription_data[trial_end]", anchor.as_str());
    for (start, first) in [
        (vec![anchored, free], vec![700]),
        (vec![anchored], vec![700, 500]),
        (vec![trial], vec![700, 0]),
    ] {
        let more: Vec<_> = once.into_iter().chain(start).collect();
        let session = sandbox.session(&price, &more).await;
        assert_eq!(session["amount_total"], first.iter().sum::<i64>());
        let session = sandbox.complete(&session, CARD).await;
        assert_eq!(session["payment_status"], "paid");
        let invoice = invoices(&sandbox, &session).await.remove(0);
        let lines = invoice["lines"]["data"].as_array().unwrap();
        let amounts: Vec<_> = lines
            .iter()
            .map(|line| line["amount"].as_i64().unwrap())
            .collect();
        assert_eq!(amounts, first);
        assert_eq!(lines[0]["parent"]["type"], "invoice_item_details");
        let subscription = session["subscription"].as_str().unwrap();
        let subscription = sandbox
            .get(&format!("/v1/subscriptions/{subscription}"))
            .await;
        assert_eq!(subscription["items"]["data"].as_array().unwrap().len(), 1);
    }
    sandbox.advance("2027-02-01T00:00:00Z").await;
    for session in sandbox.get("/v1/checkout/sessions").await["data"]
        .as_array()
        .unwrap()
    {
        assert_eq!(invoices(&sandbox, session).await[0]["amount_paid"], 1000);
    }
}

#[tokio::test]
async fn a_session_is_open_for_half_an_hour_to_a_day_and_then_cannot_be_paid() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let price = sandbox.price("1000").await;
    let form = |until: &str| {
        [
            ("mode", "subscription".to_owned()),
            ("success_url", "http://site/ok".to_owned()),
            ("line_items[0][price]", price.clone()),
            ("expires_at", at(until).to_string()),
        ]
    };
    for until in ["2027-01-01T00:29:59Z", "2027-01-02T00:00:01Z"] {
        let form = form(until);
        let form = form.each_ref().map(|(name, value)| (*name, value.as_str()));
        let refusal = sandbox.refused("/v1/checkout/sessions", &form).await;
        assert_eq!(refusal, (400, "parameter_invalid".to_owned()), "{until}");
    }
    let until = at("2027-01-01T00:30:00Z").to_string();
    let session = sandbox.session(&price, &[("expires_at", &until)]).await;
    sandbox.advance("2027-01-01T00:30:00Z").await;
    let path = format!("/v1/checkout/sessions/{}", id(&session));
    assert_eq!(sandbox.get(&path).await["status"], "expired");
    let path = format!("/_sandbox/checkout/{}/complete", id(&session));
    sandbox.refused(&path, &[("card", CARD)]).await;
}
