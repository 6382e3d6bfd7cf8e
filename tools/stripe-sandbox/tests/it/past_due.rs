//! A renewal that cannot be charged: retries, payment by hand, the end.

use serde_json::{Value, json};

use crate::subscriber::{BAD_CARD, CARD, cents, text};
use crate::support::{Sandbox, at, id};

/// A subscription whose renewal on February 1st has just failed, and that invoice.
async fn past_due(sandbox: &Sandbox) -> (Value, Value) {
    let price = sandbox.price("1000").await;
    let subscription = sandbox.subscribe(&price, &[], CARD).await;
    sandbox.charge_to(&subscription, BAD_CARD).await;
    sandbox.advance("2027-02-01T00:00:00Z").await;
    let subscription = sandbox.subscription(&id(&subscription)).await;
    assert_eq!(subscription["status"], "past_due");
    let invoice = sandbox.invoices_of(&subscription).await.remove(0);
    (subscription, invoice)
}

async fn invoice_now(sandbox: &Sandbox, invoice: &Value) -> Value {
    sandbox
        .get(&format!("/v1/invoices/{}?expand[]=payments", id(invoice)))
        .await
}

#[tokio::test]
async fn a_failed_renewal_is_tried_again_after_3_5_and_7_days_and_then_the_subscription_ends() {
    let data = tempfile::tempdir().unwrap();
    let mut sandbox = Sandbox::start(data.path()).await;
    let (subscription, invoice) = past_due(&sandbox).await;
    let mut known = sandbox.events().await.len();
    for (attempts, day, next) in [
        (1, "2027-02-01T00:00:00Z", Some("2027-02-04T00:00:00Z")),
        (2, "2027-02-04T00:00:00Z", Some("2027-02-06T00:00:00Z")),
        (3, "2027-02-06T00:00:00Z", Some("2027-02-08T00:00:00Z")),
        (4, "2027-02-08T00:00:00Z", None),
    ] {
        sandbox.advance(day).await;
        let invoice = invoice_now(&sandbox, &invoice).await;
        assert_eq!(cents(&invoice, "attempt_count"), attempts);
        assert_eq!(invoice["next_payment_attempt"], json!(next.map(at)));
        assert_eq!(invoice["status"], "open");
        // One intent goes through all attempts.
        assert_eq!(invoice["payments"]["data"].as_array().unwrap().len(), 1);
        if attempts == 2 {
            let events = sandbox.events_after(known).await;
            assert_eq!(
                events,
                [
                    "charge.failed",
                    "payment_intent.payment_failed",
                    "invoice.payment_failed"
                ]
            );
        }
        known = sandbox.events().await.len();
        sandbox.kill().await;
        sandbox = Sandbox::start(data.path()).await;
    }
    let ended = sandbox.subscription(&id(&subscription)).await;
    assert_eq!(
        (&ended["status"], &ended["cancellation_details"]["reason"]),
        (&json!("canceled"), &json!("payment_failed"))
    );
    assert_eq!(
        sandbox.events().await.last().unwrap(),
        "customer.subscription.deleted"
    );
    // No more attempts, no more invoices.
    sandbox.advance("2027-04-01T00:00:00Z").await;
    assert_eq!(sandbox.invoices_of(&subscription).await.len(), 2);
    assert_eq!(
        cents(&invoice_now(&sandbox, &invoice).await, "attempt_count"),
        4
    );
}

#[tokio::test]
async fn a_retry_charges_the_card_that_the_subscription_has_by_then() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let (subscription, invoice) = past_due(&sandbox).await;
    let customer = format!("/v1/customers/{}", text(&subscription["customer"]));
    assert_eq!(sandbox.get(&customer).await["delinquent"], true);
    sandbox.charge_to(&subscription, CARD).await;
    assert_eq!(
        sandbox.subscription(&id(&subscription)).await["status"],
        "past_due"
    );
    sandbox.advance("2027-02-04T00:00:00Z").await;
    let invoice = invoice_now(&sandbox, &invoice).await;
    assert_eq!(
        (&invoice["status"], cents(&invoice, "amount_paid")),
        (&json!("paid"), 1000)
    );
    assert_eq!(invoice["payments"]["data"][0]["status"], "paid");
    assert_eq!(
        sandbox.subscription(&id(&subscription)).await["status"],
        "active"
    );
    assert_eq!(sandbox.get(&customer).await["delinquent"], false);
    assert_eq!(
        sandbox.get("/_sandbox/clock").await["next_due"],
        "2027-03-01T00:00:00Z"
    );
}

#[tokio::test]
async fn an_open_invoice_is_paid_by_call_and_the_subscription_is_active_again() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let (subscription, invoice) = past_due(&sandbox).await;
    let pay = format!("/v1/invoices/{}/pay", id(&invoice));
    assert_eq!(
        sandbox.refused(&pay, &[]).await,
        (402, "card_declined".to_owned())
    );
    assert_eq!(
        cents(&invoice_now(&sandbox, &invoice).await, "attempt_count"),
        2
    );
    let good = sandbox.card_of(text(&subscription["customer"]), CARD).await;
    let paid = sandbox.post(&pay, &[("payment_method", &good)]).await;
    assert_eq!(paid["status"], "paid");
    assert_eq!(
        sandbox.subscription(&id(&subscription)).await["status"],
        "active"
    );
    assert_eq!(sandbox.refused(&pay, &[]).await.0, 400);
}

#[tokio::test]
async fn an_open_invoice_has_a_page_that_takes_a_card() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let (subscription, invoice) = past_due(&sandbox).await;
    let page = text(&invoice["hosted_invoice_url"]);
    assert_eq!(page, sandbox.url(&format!("/i/{}", id(&invoice))));
    let shown = sandbox.raw_get(page).await.text().await.unwrap();
    assert!(
        shown.contains("$10.00") && shown.contains("card_number"),
        "{shown}"
    );
    let refused = sandbox
        .raw_form(page, &[("card_number", "4000000000000002")])
        .await;
    assert_eq!(refused.status(), 402);
    let paid = sandbox.raw_form(page, &[("card_number", CARD)]).await;
    assert_eq!(paid.status(), 200);
    assert!(!paid.text().await.unwrap().contains("card_number"));
    assert_eq!(
        sandbox.subscription(&id(&subscription)).await["status"],
        "active"
    );

    let (_, invoice) = past_due_again(&sandbox, &subscription).await;
    let path = format!("/_sandbox/invoices/{}/complete", id(&invoice));
    assert_eq!(sandbox.post(&path, &[]).await["status"], "paid");
}

async fn past_due_again(sandbox: &Sandbox, subscription: &Value) -> (Value, Value) {
    sandbox.advance("2027-03-01T00:00:00Z").await;
    let subscription = sandbox.subscription(&id(subscription)).await;
    assert_eq!(
        subscription["status"], "past_due",
        "the page's card was used once"
    );
    let invoice = sandbox.invoices_of(&subscription).await.remove(0);
    (subscription, invoice)
}

#[tokio::test]
async fn an_invoice_that_is_given_up_or_voided_holds_up_nobody() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    for (action, status) in [("mark_uncollectible", "uncollectible"), ("void", "void")] {
        let price = sandbox.price("1000").await;
        let subscription = sandbox.subscribe(&price, &[], CARD).await;
        let customer = format!("/v1/customers/{}", text(&subscription["customer"]));
        sandbox.post(&customer, &[("balance", "-300")]).await;
        sandbox.charge_to(&subscription, BAD_CARD).await;
        let end = cents(&subscription["items"]["data"][0], "current_period_end");
        sandbox.advance(&stripe_sandbox::clock::show(end)).await;
        let invoice = sandbox.invoices_of(&subscription).await.remove(0);
        assert_eq!(cents(&invoice, "amount_due"), 700);
        let path = format!("/v1/invoices/{}/{action}", id(&invoice));
        let done = sandbox.post(&path, &[]).await;
        assert_eq!(
            (&done["status"], &done["next_payment_attempt"]),
            (&json!(status), &json!(null))
        );
        assert_eq!(
            sandbox.subscription(&id(&subscription)).await["status"],
            "active"
        );
        let balance = if action == "void" { -300 } else { 0 };
        assert_eq!(sandbox.get(&customer).await["balance"], balance);
        sandbox
            .post(
                &format!("/v1/subscriptions/{}", id(&subscription)),
                &[("cancel_at_period_end", "true")],
            )
            .await;
    }
}

#[tokio::test]
async fn a_detached_card_is_charged_no_more() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let price = sandbox.price("1000").await;
    let subscription = sandbox.subscribe(&price, &[], CARD).await;
    let customer = text(&subscription["customer"]).to_owned();
    let method = text(&subscription["default_payment_method"]).to_owned();
    let detached = sandbox
        .post(&format!("/v1/payment_methods/{method}/detach"), &[])
        .await;
    assert_eq!(detached["customer"], json!(null));
    let path = format!("/v1/payment_methods?customer={customer}");
    assert_eq!(sandbox.get(&path).await["data"], json!([]));
    // The customer's own default takes over.
    let form = [("customer", customer.as_str())];
    let other = sandbox
        .post("/v1/payment_methods/pm_card_visa/attach", &form)
        .await;
    let usual = [(
        "invoice_settings[default_payment_method]",
        text(&other["id"]),
    )];
    sandbox
        .post(&format!("/v1/customers/{customer}"), &usual)
        .await;
    sandbox.advance("2027-02-01T00:00:00Z").await;
    let charge = sandbox.list("/v1/charges?limit=1").await.remove(0);
    assert_eq!(charge["payment_method"], other["id"]);
    // With no card at all there is no charge, and the renewal fails.
    sandbox
        .post(&format!("/v1/payment_methods/{}/detach", id(&other)), &[])
        .await;
    sandbox.advance("2027-03-01T00:00:00Z").await;
    assert_eq!(
        sandbox.subscription(&id(&subscription)).await["status"],
        "past_due"
    );
    assert_eq!(sandbox.list("/v1/charges").await.len(), 2);
    let declined = sandbox
        .refused("/v1/payment_methods/pm_card_chargeDeclined/attach", &form)
        .await;
    assert_eq!(declined, (402, "card_declined".to_owned()));
}

#[tokio::test]
async fn what_is_given_as_empty_is_taken_away() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let price = sandbox.price("1000").await;
    let subscription = sandbox.subscribe(&price, &[], CARD).await;
    let form = [("default_payment_method", ""), ("description", "")];
    let changed = sandbox.change(&subscription, &form).await;
    assert_eq!(changed["default_payment_method"], json!(null));
    let path = format!("/v1/customers/{}", text(&subscription["customer"]));
    let named = [
        ("name", "Fan"),
        ("address[city]", "Bonn"),
        ("tax_exempt", "exempt"),
    ];
    let customer = sandbox.post(&path, &named).await;
    assert_eq!(
        (&customer["name"], &customer["address"]["city"]),
        (&json!("Fan"), &json!("Bonn"))
    );
    let bare = sandbox.post(&path, &[("name", ""), ("address", "")]).await;
    assert_eq!(
        (&bare["name"], &bare["address"]),
        (&json!(null), &json!(null))
    );
    let strange = sandbox
        .send("POST", &path, &[("address[planet]", "Mars")], &[])
        .await;
    assert_eq!(strange.body["error"]["param"], "address[planet]");
}

#[tokio::test]
async fn connected_accounts_sell_nothing() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let creator = sandbox.unfinished_creator().await;
    let who = [("stripe-account", creator.as_str())];
    let answer = sandbox.send("POST", "/v1/customers", &[], &who).await;
    assert_eq!(answer.status, 400);
    assert_eq!(sandbox.get("/v1/customers").await["data"], json!([]));
    assert_eq!(
        sandbox.send("GET", "/v1/charges", &[], &who).await.status,
        200
    );
}
