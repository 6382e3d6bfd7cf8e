//! The objects of coupons, taxes, refunds, disputes and unpaid invoices are read with types
//! generated from Stripe's own description, as they are and expanded.

use serde::de::DeserializeOwned;
use serde_json::Value;
use stripe_shared as shared;

use crate::subscriber::{BAD_CARD, CARD};
use crate::support::{Sandbox, id};

fn reads_as<T: DeserializeOwned>(value: &Value) {
    if let Err(error) = serde_json::from_value::<T>(value.clone()) {
        panic!("{error} in {value:#}");
    }
}

async fn all_read_as<T: DeserializeOwned>(sandbox: &Sandbox, path: &str) {
    let all = sandbox.list(path).await;
    assert!(!all.is_empty(), "{path}");
    all.iter().for_each(reads_as::<T>);
}

/// A world with one of everything on the side where money comes in.
async fn world(sandbox: &Sandbox) {
    let coupon = id(&sandbox
        .post(
            "/v1/coupons",
            &[("percent_off", "12.5"), ("duration", "forever")],
        )
        .await);
    let code = [
        ("promotion[type]", "coupon"),
        ("promotion[coupon]", coupon.as_str()),
        ("code", "SPRING"),
    ];
    sandbox.post("/v1/promotion_codes", &code).await;
    let rate = [
        ("display_name", "VAT"),
        ("percentage", "19"),
        ("inclusive", "true"),
        ("tax_type", "vat"),
    ];
    let rate = id(&sandbox.post("/v1/tax_rates", &rate).await);
    let (ten, twenty) = (sandbox.price("1000").await, sandbox.price("2000").await);
    let more = [
        ("allow_promotion_codes", "true"),
        ("subscription_data[default_tax_rates][0]", rate.as_str()),
        ("line_items[0][tax_rates][0]", rate.as_str()),
        ("subscription_data[trial_period_days]", "3"),
    ];
    let session = sandbox.session(&ten, &more).await;
    let path = format!("/_sandbox/checkout/{}/complete", id(&session));
    sandbox.post(&path, &[("promotion_code", "SPRING")]).await;
    let upgraded = sandbox.subscribe(&ten, &[], CARD).await;
    sandbox.advance("2027-01-10T00:00:00Z").await;
    sandbox
        .reprice(
            &upgraded,
            &twenty,
            &[("proration_behavior", "always_invoice")],
        )
        .await;
    sandbox.charge_to(&upgraded, BAD_CARD).await;
    let charge = id(&sandbox.charged("1000", "4000000000005126").await);
    sandbox
        .post("/v1/refunds", &[("charge", &charge), ("amount", "10")])
        .await;
    sandbox.charged("1000", "4000000000000259").await;
    sandbox.charged("1000", "4000000000001976").await;
    sandbox.advance("2027-02-01T00:00:00Z").await;
}

#[tokio::test]
async fn every_new_object_reads_as_stripes_types() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    world(&sandbox).await;
    all_read_as::<shared::Coupon>(&sandbox, "/v1/coupons").await;
    all_read_as::<shared::PromotionCode>(
        &sandbox,
        "/v1/promotion_codes?expand[]=data.promotion.coupon",
    )
    .await;
    all_read_as::<shared::TaxRate>(&sandbox, "/v1/tax_rates").await;
    let path = "/v1/refunds?expand[]=data.charge&expand[]=data.balance_transaction\
                &expand[]=data.payment_intent&expand[]=data.failure_balance_transaction";
    all_read_as::<shared::Refund>(&sandbox, path).await;
    let path = "/v1/disputes?expand[]=data.charge&expand[]=data.payment_intent";
    all_read_as::<shared::Dispute>(&sandbox, path).await;
    all_read_as::<shared::Charge>(&sandbox, "/v1/charges?limit=100&expand[]=data.refunds").await;
    let path = "/v1/invoices?limit=100&expand[]=data.payments&expand[]=data.discounts\
                &expand[]=data.total_discount_amounts.discount&expand[]=data.customer\
                &expand[]=data.parent.subscription_details.subscription";
    all_read_as::<shared::Invoice>(&sandbox, path).await;
    let path = "/v1/subscriptions?expand[]=data.discounts&expand[]=data.latest_invoice\
                &expand[]=data.default_payment_method";
    all_read_as::<shared::Subscription>(&sandbox, path).await;
    all_read_as::<shared::CheckoutSession>(
        &sandbox,
        "/v1/checkout/sessions?expand[]=data.line_items",
    )
    .await;
    all_read_as::<shared::PaymentMethod>(&sandbox, "/v1/payment_methods?expand[]=data.customer")
        .await;
    all_read_as::<shared::InvoicePayment>(&sandbox, "/v1/invoice_payments").await;
    all_read_as::<shared::BalanceTransaction>(
        &sandbox,
        "/v1/balance_transactions?limit=100&expand[]=data.source",
    )
    .await;
    all_read_as::<shared::PaymentIntent>(&sandbox, "/v1/payment_intents?limit=100").await;
    let mut cursor = String::new();
    loop {
        let page = sandbox.get(&format!("/v1/events?limit=100{cursor}")).await;
        let events = page["data"].as_array().unwrap();
        events.iter().for_each(reads_as::<shared::Event>);
        if page["has_more"] == false {
            break;
        }
        cursor = format!("&starting_after={}", id(events.last().unwrap()));
    }
}

#[tokio::test]
async fn every_new_list_is_walked_page_by_page() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let charge = id(&sandbox.charged("1000", CARD).await);
    for number in 0..3 {
        sandbox
            .post("/v1/refunds", &[("charge", &charge), ("amount", "1")])
            .await;
        sandbox.charged("1000", "4000000000000259").await;
        let coupon = id(&sandbox.post("/v1/coupons", &[("percent_off", "5")]).await);
        let code = format!("CODE{number}");
        let form = [
            ("promotion[type]", "coupon"),
            ("promotion[coupon]", coupon.as_str()),
            ("code", &code),
        ];
        sandbox.post("/v1/promotion_codes", &form).await;
        let rate = [
            ("display_name", "T"),
            ("percentage", "5"),
            ("inclusive", "false"),
        ];
        sandbox.post("/v1/tax_rates", &rate).await;
    }
    let refunds = format!("charges/{charge}/refunds");
    for noun in [
        "refunds",
        "disputes",
        "coupons",
        "promotion_codes",
        "tax_rates",
        &refunds,
    ] {
        let (mut walked, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = sandbox.get(&format!("/v1/{noun}?limit=2{cursor}")).await;
            walked.extend(page["data"].as_array().unwrap().iter().map(id));
            if page["has_more"] == false {
                break;
            }
            cursor = format!("&starting_after={}", walked.last().unwrap());
        }
        assert_eq!(walked.len(), 3, "{noun}");
        let bad = sandbox
            .send("GET", &format!("/v1/{noun}?colour=red"), &[], &[])
            .await;
        assert_eq!(bad.status, 400, "{noun}");
    }
}
