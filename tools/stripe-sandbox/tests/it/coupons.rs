//! Coupons and promotion codes: what they take off, from which invoices, and how often.

use serde_json::{Value, json};

use crate::subscriber::{CARD, cents, text};
use crate::support::{Sandbox, id};

async fn coupon(sandbox: &Sandbox, form: &[(&str, &str)]) -> String {
    id(&sandbox.post("/v1/coupons", form).await)
}

async fn code(sandbox: &Sandbox, coupon: &str, more: &[(&str, &str)]) -> Value {
    let mut form = vec![("promotion[type]", "coupon"), ("promotion[coupon]", coupon)];
    form.extend_from_slice(more);
    sandbox.post("/v1/promotion_codes", &form).await
}

async fn paid_with(sandbox: &Sandbox, coupon: &str) -> Vec<i64> {
    let price = sandbox.price("1000").await;
    let more = [("discounts[0][coupon]", coupon)];
    let subscription = sandbox.subscribe(&price, &more, CARD).await;
    for _ in 0..3 {
        let subscription = sandbox.subscription(&id(&subscription)).await;
        let end = cents(&subscription["items"]["data"][0], "current_period_end");
        sandbox.advance(&stripe_sandbox::clock::show(end)).await;
    }
    let mut invoices = sandbox.invoices_of(&subscription).await;
    invoices.reverse();
    invoices
        .iter()
        .map(|invoice| cents(invoice, "amount_paid"))
        .collect()
}

#[tokio::test]
async fn a_coupon_counts_once_for_some_months_or_for_ever() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let once = coupon(&sandbox, &[("percent_off", "25"), ("duration", "once")]).await;
    assert_eq!(paid_with(&sandbox, &once).await, [750, 1000, 1000, 1000]);
    let two = [
        ("amount_off", "300"),
        ("currency", "usd"),
        ("duration", "repeating"),
        ("duration_in_months", "2"),
    ];
    let two = coupon(&sandbox, &two).await;
    assert_eq!(paid_with(&sandbox, &two).await, [700, 700, 1000, 1000]);
    let forever = coupon(
        &sandbox,
        &[("percent_off", "12.5"), ("duration", "forever")],
    )
    .await;
    assert_eq!(paid_with(&sandbox, &forever).await, [875; 4]);
}

#[tokio::test]
async fn an_invoice_says_what_each_discount_took_off() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let price = sandbox.price("1000").await;
    let coupon = coupon(
        &sandbox,
        &[
            ("percent_off", "25"),
            ("duration", "forever"),
            ("name", "Spring"),
        ],
    )
    .await;
    let more = [("discounts[0][coupon]", coupon.as_str())];
    let session = sandbox.session(&price, &more).await;
    let totals = (
        cents(&session, "amount_subtotal"),
        cents(&session, "amount_total"),
        cents(&session["total_details"], "amount_discount"),
    );
    assert_eq!(totals, (1000, 750, 250));
    assert_eq!(
        session["discounts"],
        json!([{ "coupon": coupon, "promotion_code": null }])
    );
    let session = sandbox.complete(&session, CARD).await;
    let path = format!(
        "/v1/invoices/{}?expand[]=discounts.source.coupon",
        text(&session["invoice"])
    );
    let invoice = sandbox.get(&path).await;
    let shown = (
        cents(&invoice, "subtotal"),
        cents(&invoice, "total"),
        cents(&invoice, "amount_paid"),
    );
    assert_eq!(shown, (1000, 750, 750));
    let discount = &invoice["discounts"][0];
    assert_eq!(
        (
            &discount["source"]["coupon"]["name"],
            &discount["subscription"]
        ),
        (&json!("Spring"), &session["subscription"])
    );
    let off = json!([{ "amount": 250, "discount": discount["id"] }]);
    assert_eq!(invoice["total_discount_amounts"], off);
    assert_eq!(invoice["lines"]["data"][0]["discount_amounts"], off);
    assert_eq!(
        sandbox.get(&format!("/v1/coupons/{coupon}")).await["times_redeemed"],
        1
    );
    assert!(
        sandbox
            .events()
            .await
            .contains(&"customer.discount.created".to_owned())
    );
}

#[tokio::test]
async fn a_promotion_code_is_typed_on_the_page_or_given_to_the_call() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let price = sandbox.price("1000").await;
    let half = coupon(&sandbox, &[("percent_off", "50"), ("duration", "once")]).await;
    let spring = code(
        &sandbox,
        &half,
        &[("code", "SPRING"), ("max_redemptions", "2")],
    )
    .await;
    let more = [("allow_promotion_codes", "true")];
    let first = sandbox.session(&price, &more).await;
    let page = text(&first["url"]);
    assert!(
        sandbox
            .raw_get(page)
            .await
            .text()
            .await
            .unwrap()
            .contains("promotion_code")
    );
    let refused = sandbox
        .raw_form(page, &[("card_number", CARD), ("promotion_code", "WINTER")])
        .await;
    assert_eq!(refused.status(), 400);
    let paid = sandbox
        .raw_form(page, &[("card_number", CARD), ("promotion_code", "spring")])
        .await;
    assert_eq!(paid.status(), 303);
    let first = sandbox
        .get(&format!("/v1/checkout/sessions/{}", id(&first)))
        .await;
    assert_eq!(
        (
            cents(&first, "amount_total"),
            &first["discounts"][0]["promotion_code"]
        ),
        (500, &spring["id"])
    );

    let session = sandbox.session(&price, &more).await;
    let path = format!("/_sandbox/checkout/{}/complete", id(&session));
    assert_eq!(
        cents(
            &sandbox.post(&path, &[("promotion_code", "SPRING")]).await,
            "amount_total"
        ),
        500
    );
    let used = sandbox
        .get(&format!("/v1/promotion_codes/{}", id(&spring)))
        .await;
    assert_eq!(
        (&used["active"], &used["times_redeemed"]),
        (&json!(false), &json!(2))
    );
    let session = sandbox.session(&price, &more).await;
    let path = format!("/_sandbox/checkout/{}/complete", id(&session));
    assert_eq!(
        sandbox
            .refused(&path, &[("promotion_code", "SPRING")])
            .await
            .0,
        400
    );
    assert_eq!(cents(&sandbox.post(&path, &[]).await, "amount_total"), 1000);
    let session = sandbox.session(&price, &[]).await;
    let path = format!("/_sandbox/checkout/{}/complete", id(&session));
    assert_eq!(
        sandbox
            .refused(&path, &[("promotion_code", "SPRING")])
            .await
            .0,
        400
    );
}

#[tokio::test]
async fn a_coupon_for_everything_makes_an_invoice_without_a_charge() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let price = sandbox.price("1000").await;
    let all = coupon(&sandbox, &[("percent_off", "100"), ("duration", "once")]).await;
    let more = [
        ("discounts[0][coupon]", all.as_str()),
        ("payment_method_collection", "if_required"),
    ];
    let session = sandbox.session(&price, &more).await;
    let path = format!("/_sandbox/checkout/{}/complete", id(&session));
    let session = sandbox.post(&path, &[]).await;
    assert_eq!(session["payment_status"], "no_payment_required");
    let subscription = sandbox.subscription(text(&session["subscription"])).await;
    assert_eq!(
        (
            &subscription["status"],
            &subscription["default_payment_method"]
        ),
        (&json!("active"), &json!(null))
    );
    let invoice = sandbox.invoices_of(&subscription).await.remove(0);
    assert_eq!(
        (
            cents(&invoice, "total"),
            &invoice["status"],
            &invoice["payments"]["data"]
        ),
        (0, &json!("paid"), &json!([]))
    );
    assert_eq!(sandbox.get("/v1/charges").await["data"], json!([]));
}

#[tokio::test]
async fn a_coupon_that_is_used_up_over_or_deleted_is_refused() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let price = sandbox.price("1000").await;
    let single = coupon(
        &sandbox,
        &[
            ("percent_off", "10"),
            ("duration", "forever"),
            ("max_redemptions", "1"),
        ],
    )
    .await;
    let day = crate::support::at("2027-01-02T00:00:00Z").to_string();
    let short = coupon(&sandbox, &[("percent_off", "10"), ("redeem_by", &day)]).await;
    let more = [("discounts[0][coupon]", single.as_str())];
    let (one, two) = (
        sandbox.session(&price, &more).await,
        sandbox.session(&price, &more).await,
    );
    let one = sandbox.complete(&one, CARD).await;
    let path = format!("/_sandbox/checkout/{}/complete", id(&two));
    assert_eq!(
        sandbox.refused(&path, &[]).await,
        (400, "coupon_expired".to_owned())
    );
    assert_eq!(
        sandbox.get(&format!("/v1/coupons/{single}")).await["valid"],
        false
    );
    sandbox.advance("2027-01-02T00:00:00Z").await;
    assert_eq!(
        sandbox.get(&format!("/v1/coupons/{short}")).await["valid"],
        false
    );
    let form = [
        ("mode", "subscription"),
        ("success_url", "http://site"),
        ("line_items[0][price]", &price),
        ("discounts[0][coupon]", &short),
    ];
    assert_eq!(
        sandbox.refused("/v1/checkout/sessions", &form).await,
        (400, "coupon_expired".to_owned())
    );
    // Whoever has it keeps it.
    let gone = sandbox
        .send("DELETE", &format!("/v1/coupons/{single}"), &[], &[])
        .await;
    assert_eq!(
        gone.body,
        json!({ "id": single, "object": "coupon", "deleted": true })
    );
    sandbox.kill().await;
    let sandbox = Sandbox::start(data.path()).await;
    sandbox.advance("2027-02-01T00:00:00Z").await;
    let subscription = sandbox.subscription(text(&one["subscription"])).await;
    assert_eq!(
        cents(&sandbox.invoices_of(&subscription).await[0], "amount_paid"),
        900
    );
}

#[tokio::test]
async fn the_discounts_of_a_subscription_are_set_and_cleared_by_request() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let price = sandbox.price("1000").await;
    let subscription = sandbox.subscribe(&price, &[], CARD).await;
    let half = coupon(&sandbox, &[("percent_off", "50"), ("duration", "forever")]).await;
    let changed = sandbox
        .change(&subscription, &[("discounts[0][coupon]", &half)])
        .await;
    assert_eq!(changed["discounts"].as_array().unwrap().len(), 1);
    sandbox.advance("2027-02-01T00:00:00Z").await;
    let cleared = sandbox.change(&subscription, &[("discounts", "")]).await;
    assert_eq!(cleared["discounts"], json!([]));
    sandbox.advance("2027-03-01T00:00:00Z").await;
    let paid: Vec<i64> = sandbox
        .invoices_of(&subscription)
        .await
        .iter()
        .map(|it| cents(it, "amount_paid"))
        .collect();
    assert_eq!(paid, [1000, 500, 1000]);
}

#[tokio::test]
async fn an_upgrade_counts_with_the_discount_that_both_prices_have() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let (ten, twenty) = (sandbox.price("1000").await, sandbox.price("2000").await);
    let half = coupon(&sandbox, &[("percent_off", "50"), ("duration", "forever")]).await;
    let subscription = sandbox
        .subscribe(&ten, &[("discounts[0][coupon]", &half)], CARD)
        .await;
    sandbox.advance("2027-01-16T12:00:00Z").await;
    sandbox
        .reprice(
            &subscription,
            &twenty,
            &[("proration_behavior", "always_invoice")],
        )
        .await;
    let invoice = sandbox.invoices_of(&subscription).await.remove(0);
    let amounts: Vec<i64> = crate::subscriber::lines(&invoice)
        .iter()
        .map(|line| line.0)
        .collect();
    assert_eq!(
        (amounts, cents(&invoice, "amount_paid")),
        (vec![-250, 500], 250)
    );
}

#[tokio::test]
async fn coupons_and_codes_that_make_no_sense_are_refused_by_name() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let coupon = coupon(&sandbox, &[("id", "TEN"), ("percent_off", "10")]).await;
    code(&sandbox, &coupon, &[("code", "TEN")]).await;
    for (path, form, param) in [
        ("coupons", vec![("duration", "once")], "percent_off"),
        ("coupons", vec![("percent_off", "100.5")], "percent_off"),
        ("coupons", vec![("percent_off", "0")], "percent_off"),
        (
            "coupons",
            vec![
                ("percent_off", "5"),
                ("amount_off", "5"),
                ("currency", "usd"),
            ],
            "amount_off",
        ),
        (
            "coupons",
            vec![("percent_off", "5"), ("duration", "repeating")],
            "duration_in_months",
        ),
        ("coupons", vec![("percent_off", "5"), ("id", "TEN")], "id"),
        ("coupons", vec![("amount_off", "5")], "currency"),
        (
            "promotion_codes",
            vec![("promotion[type]", "coupon"), ("promotion[coupon]", "none")],
            "promotion[coupon]",
        ),
        (
            "promotion_codes",
            vec![
                ("promotion[type]", "coupon"),
                ("promotion[coupon]", "TEN"),
                ("code", "ten"),
            ],
            "code",
        ),
    ] {
        let answer = sandbox
            .send("POST", &format!("/v1/{path}"), &form, &[])
            .await;
        assert_eq!(
            (answer.status, &answer.body["error"]["param"]),
            (400, &json!(param)),
            "{form:?}"
        );
    }
}
