//! Tax on top of prices and within them.

use serde_json::{Value, json};

use crate::subscriber::{CARD, cents, text};
use crate::support::{Sandbox, id};

async fn rate(sandbox: &Sandbox, percentage: &str, inclusive: &str) -> String {
    let form = [
        ("display_name", "Tax"),
        ("percentage", percentage),
        ("inclusive", inclusive),
        ("country", "US"),
    ];
    id(&sandbox.post("/v1/tax_rates", &form).await)
}

/// `(subtotal, total, total_excluding_tax, tax, amount_paid)`
fn totals(invoice: &Value) -> (i64, i64, i64, i64, i64) {
    let taxes = invoice["total_taxes"].as_array().unwrap().iter();
    (
        cents(invoice, "subtotal"),
        cents(invoice, "total"),
        cents(invoice, "total_excluding_tax"),
        taxes.map(|tax| cents(tax, "amount")).sum(),
        cents(invoice, "amount_paid"),
    )
}

#[tokio::test]
async fn a_tax_on_top_is_charged_with_every_invoice_and_one_within_is_named() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let price = sandbox.price("1000").await;
    for (inclusive, expected) in [
        ("false", (1000, 1089, 1000, 89, 1089)),
        ("true", (1000, 1000, 918, 82, 1000)),
    ] {
        let rate = rate(&sandbox, "8.875", inclusive).await;
        let more = [("subscription_data[default_tax_rates][0]", rate.as_str())];
        let session = sandbox.session(&price, &more).await;
        assert_eq!(cents(&session, "amount_total"), expected.1);
        assert_eq!(cents(&session["total_details"], "amount_tax"), expected.3);
        let session = sandbox.complete(&session, CARD).await;
        let subscription = sandbox.subscription(text(&session["subscription"])).await;
        assert_eq!(
            subscription["default_tax_rates"][0]["percentage"],
            json!(8.875)
        );
        let end = cents(&subscription["items"]["data"][0], "current_period_end");
        sandbox.advance(&stripe_sandbox::clock::show(end)).await;
        let invoices = sandbox.invoices_of(&subscription).await;
        assert_eq!(
            (totals(&invoices[0]), totals(&invoices[1])),
            (expected, expected)
        );
        let tax = json!([{
            "amount": expected.3, "tax_behavior": if inclusive == "true" { "inclusive" } else { "exclusive" },
            "tax_rate_details": { "tax_rate": rate }, "taxability_reason": "not_available",
            "taxable_amount": expected.2, "type": "tax_rate_details",
        }]);
        assert_eq!(invoices[0]["total_taxes"], tax);
        assert_eq!(invoices[0]["lines"]["data"][0]["taxes"], tax);
    }
}

#[tokio::test]
async fn a_lines_own_rates_come_before_the_subscriptions_and_discounts_before_both() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let price = sandbox.price("1000").await;
    let (ten, twenty) = (
        rate(&sandbox, "10", "false").await,
        rate(&sandbox, "20", "false").await,
    );
    let half = id(&sandbox
        .post(
            "/v1/coupons",
            &[("percent_off", "50"), ("duration", "forever")],
        )
        .await);
    let more = [
        ("subscription_data[default_tax_rates][0]", ten.as_str()),
        ("line_items[0][tax_rates][0]", twenty.as_str()),
        ("discounts[0][coupon]", half.as_str()),
    ];
    let subscription = sandbox.subscribe(&price, &more, CARD).await;
    let invoice = sandbox.invoices_of(&subscription).await.remove(0);
    assert_eq!(totals(&invoice), (1000, 600, 500, 100, 600));
    assert_eq!(
        invoice["total_taxes"][0]["tax_rate_details"]["tax_rate"],
        twenty.as_str()
    );
}

#[tokio::test]
async fn an_upgrade_gives_tax_back_and_takes_it_anew() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let (ten, twenty) = (sandbox.price("1000").await, sandbox.price("2000").await);
    let rate = rate(&sandbox, "10", "false").await;
    let more = [("subscription_data[default_tax_rates][0]", rate.as_str())];
    let subscription = sandbox.subscribe(&ten, &more, CARD).await;
    sandbox.advance("2027-01-16T12:00:00Z").await;
    sandbox
        .reprice(
            &subscription,
            &twenty,
            &[("proration_behavior", "always_invoice")],
        )
        .await;
    let invoice = sandbox.invoices_of(&subscription).await.remove(0);
    assert_eq!(totals(&invoice), (500, 550, 500, 50, 550));
    // Another rate counts from the next invoice on.
    let cleared = sandbox
        .change(&subscription, &[("default_tax_rates", "")])
        .await;
    assert_eq!(cleared["default_tax_rates"], json!([]));
    sandbox.advance("2027-02-01T00:00:00Z").await;
    assert_eq!(
        totals(&sandbox.invoices_of(&subscription).await[0]),
        (2000, 2000, 2000, 0, 2000)
    );
}

#[tokio::test]
async fn a_tax_rate_that_is_archived_is_for_nothing_new() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let price = sandbox.price("1000").await;
    let rate = rate(&sandbox, "10", "false").await;
    sandbox
        .post(&format!("/v1/tax_rates/{rate}"), &[("active", "false")])
        .await;
    assert_eq!(
        sandbox.get("/v1/tax_rates?active=true").await["data"],
        json!([])
    );
    let form = [
        ("mode", "subscription"),
        ("success_url", "http://site"),
        ("line_items[0][price]", price.as_str()),
        ("subscription_data[default_tax_rates][0]", &rate),
    ];
    assert_eq!(sandbox.refused("/v1/checkout/sessions", &form).await.0, 400);
}
