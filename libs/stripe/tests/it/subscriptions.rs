//! Subscriptions: how they are begun, changed, found and paid.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use stripe::{
    CheckoutOrder, Discount, Failure, FirstMonth, NewPrice, SubscriptionOrder, SubscriptionStatus,
};
use time::OffsetDateTime;

use crate::fixtures::{client, labels, page};
use crate::server::{Heard, Reply, Server};

fn form(heard: &Heard) -> BTreeMap<String, String> {
    let url = reqwest::Url::parse(&format!("http://x/?{}", heard.body)).unwrap();
    url.query_pairs().into_owned().collect()
}

fn at(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(seconds).unwrap()
}

fn subscription() -> Value {
    json!({
        "id": "sub_1", "object": "subscription", "customer": "cus_1", "status": "trialing",
        "cancel_at_period_end": true, "trial_end": 200, "ended_at": null,
        "latest_invoice": {"id": "in_1", "object": "invoice"},
        "metadata": {"subscriber_id": "s1"},
        "items": {"data": [{
            "id": "si_1", "current_period_start": 100, "current_period_end": 200,
            "price": {"id": "price_2", "unit_amount": null, "currency": "usd"}}]}
    })
}

fn order() -> SubscriptionOrder {
    SubscriptionOrder {
        subscription: "sub_1".to_owned(),
        price: Some(NewPrice {
            item: "si_1".to_owned(),
            price: "price_2".to_owned(),
            charge_now: true,
        }),
        cancel_at_period_end: Some(true),
        metadata: labels([("plan_id", "plan_2"), ("paid_until", "")]),
    }
}

#[tokio::test]
async fn a_dearer_price_is_invoiced_at_once_or_not_at_all() {
    let server = Server::always(Reply::json(200, subscription())).await;
    let stripe = client(&server.url);
    let changed = stripe
        .update_subscription(&order(), "change:1")
        .await
        .unwrap();
    assert_eq!((changed.item.as_str(), changed.price_minor), ("si_1", None));
    assert_eq!((changed.trial_end, changed.ended_at), (Some(at(200)), None));
    assert_eq!(changed.latest_invoice.as_deref(), Some("in_1"));
    let heard = server.heard().remove(0);
    assert_eq!(heard.line, "POST /v1/subscriptions/sub_1");
    assert_eq!(heard.header("idempotency-key"), Some("change:1"));
    let expected = labels([
        ("cancel_at_period_end", "true"),
        ("items[0][id]", "si_1"),
        ("items[0][price]", "price_2"),
        ("metadata[paid_until]", ""),
        ("metadata[plan_id]", "plan_2"),
        ("payment_behavior", "error_if_incomplete"),
        ("proration_behavior", "always_invoice"),
    ]);
    assert_eq!(form(&heard), expected);
}

#[tokio::test]
async fn a_cheaper_price_is_not_prorated_and_an_end_changes_no_price() {
    let server = Server::always(Reply::json(200, subscription())).await;
    let mut cheaper = order();
    cheaper.cancel_at_period_end = None;
    cheaper.metadata.clear();
    cheaper.price.as_mut().unwrap().charge_now = false;
    let mut end = cheaper.clone();
    end.price = None;
    end.cancel_at_period_end = Some(true);
    let stripe = client(&server.url);
    for order in [&cheaper, &end] {
        stripe.update_subscription(order, "change:1").await.unwrap();
        let kept: SubscriptionOrder =
            serde_json::from_str(&serde_json::to_string(order).unwrap()).unwrap();
        assert_eq!(kept, *order, "it can be written down");
    }
    let heard = server.heard();
    let expected = labels([
        ("items[0][id]", "si_1"),
        ("items[0][price]", "price_2"),
        ("proration_behavior", "none"),
    ]);
    assert_eq!(form(&heard[0]), expected);
    assert_eq!(form(&heard[1]), labels([("cancel_at_period_end", "true")]));
}

#[tokio::test]
async fn a_change_that_was_not_made_as_ordered_is_a_mismatch() {
    let server = Server::always(Reply::json(200, subscription())).await;
    let mut other = order();
    other.price.as_mut().unwrap().price = "price_3".to_owned();
    let mut goes_on = order();
    goes_on.cancel_at_period_end = Some(false);
    for (order, expected) in [(other, "price"), (goes_on, "cancel_at_period_end")] {
        let failure = client(&server.url)
            .update_subscription(&order, "k")
            .await
            .unwrap_err();
        assert!(matches!(failure, Failure::Mismatch { field, .. } if field == expected));
    }
}

#[tokio::test]
async fn a_declined_card_is_told_by_the_banks_word_or_by_stripes() {
    for (status, error, why) in [
        (
            402,
            json!({"code": "card_declined", "decline_code": "lost_card"}),
            Some("lost_card"),
        ),
        (402, json!({"code": "expired_card"}), Some("expired_card")),
        (402, json!({}), Some("card_declined")),
        (400, json!({"code": "card_declined"}), None),
    ] {
        let reply = Reply::json(status, json!({ "error": error }));
        let server = Server::always(reply).await;
        let failure = client(&server.url)
            .update_subscription(&order(), "k")
            .await
            .unwrap_err();
        assert!(failure.is_definite_refusal());
        assert_eq!(failure.declined(), why);
    }
}

#[tokio::test]
async fn a_customers_subscriptions_are_read_whatever_they_are_for() {
    let mut nothing = subscription();
    nothing["items"]["data"] = json!([]);
    let listed = page(json!([subscription(), nothing]), false);
    let server = Server::always(Reply::json(200, listed)).await;
    let found = client(&server.url)
        .list_subscriptions_of("cus_1")
        .await
        .unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].status, SubscriptionStatus::Trialing);
    assert_eq!(
        server.heard()[0].line,
        "GET /v1/subscriptions?customer=cus_1&limit=100"
    );
}

#[tokio::test]
async fn an_open_invoice_says_where_it_is_paid() {
    for (status, remaining, url) in [
        ("open", 500, Some("https://pay.example/i")),
        ("open", 0, None),
        ("paid", 500, None),
        ("void", 500, None),
    ] {
        let answer = json!({
            "id": "in_1", "status": status, "amount_remaining": remaining,
            "hosted_invoice_url": "https://pay.example/i",
            "parent": {"subscription_details": {"subscription": "sub_1"}}
        });
        let server = Server::always(Reply::json(200, answer)).await;
        let invoice = client(&server.url).retrieve_invoice("in_1").await.unwrap();
        assert_eq!(invoice.pay_url(), url, "{status}");
        assert_eq!(invoice.subscription.as_deref(), Some("sub_1"));
    }
}

#[tokio::test]
async fn a_promotion_code_is_found_by_what_people_type() {
    let there = page(json!([{"id": "promo_1", "code": "A&B"}]), false);
    let server = Server::start(move |number, _| match number {
        0 => Reply::json(200, &there),
        _ => Reply::json(200, page(json!([]), false)),
    })
    .await;
    let stripe = client(&server.url);
    let found = stripe.find_promotion_code("A&B").await.unwrap().unwrap();
    assert_eq!(found.id, "promo_1");
    assert_eq!(stripe.find_promotion_code("C").await.unwrap(), None);
    let line = &server.heard()[0].line;
    assert_eq!(
        line,
        "GET /v1/promotion_codes?code=A%26B&active=true&limit=1"
    );
}

#[tokio::test]
async fn a_checkout_carries_trial_first_month_discount_and_taxes() {
    let answer = json!({"id": "cs_1", "url": "https://pay.example/cs_1"});
    let server = Server::always(Reply::json(200, answer)).await;
    let stripe = client(&server.url);
    let tried = CheckoutOrder {
        trial_end: Some(at(1_800_000_000)),
        expires_at: Some(at(1_700_000_000)),
        discount: Discount::Asked,
        tax_rates: vec!["txr_1".to_owned()],
        ..CheckoutOrder::default()
    };
    let whole = CheckoutOrder {
        first_month: Some(FirstMonth {
            amount_minor: 1_000,
            currency: "usd".to_owned(),
            name: "First".to_owned(),
        }),
        discount: Discount::Given("promo_1".to_owned()),
        ..tried.clone()
    };
    for order in [&tried, &whole] {
        stripe.create_checkout_session(order, "k").await.unwrap();
        let written = serde_json::to_string(order).unwrap();
        let read: CheckoutOrder = serde_json::from_str(&written).unwrap();
        assert_eq!(read, *order, "it can be written down");
    }
    let heard: Vec<_> = server.heard().iter().map(form).collect();
    for (name, value) in [
        ("subscription_data[trial_end]", "1800000000"),
        ("expires_at", "1700000000"),
        ("subscription_data[default_tax_rates][0]", "txr_1"),
        ("allow_promotion_codes", "true"),
    ] {
        assert_eq!(
            heard[0].get(name).map(String::as_str),
            Some(value),
            "{name}"
        );
    }
    for (name, value) in [
        ("discounts[0][promotion_code]", "promo_1"),
        ("line_items[1][price_data][currency]", "usd"),
        ("line_items[1][price_data][unit_amount]", "1000"),
        ("line_items[1][price_data][product_data][name]", "First"),
        ("line_items[1][quantity]", "1"),
        ("line_items[1][tax_rates][0]", "txr_1"),
    ] {
        assert_eq!(
            heard[1].get(name).map(String::as_str),
            Some(value),
            "{name}"
        );
    }
    assert!(!heard[1].contains_key("allow_promotion_codes"));
}

#[tokio::test]
async fn a_page_that_is_paid_or_closed_cannot_be_closed() {
    let server = Server::start(|number, _| match number {
        0 => Reply::json(200, json!({"id": "cs_1", "status": "expired", "url": null})),
        _ => Reply::json(400, json!({"error": {"message": "no"}})),
    })
    .await;
    let stripe = client(&server.url);
    stripe.expire_checkout_session("cs_1").await.unwrap();
    let failure = stripe.expire_checkout_session("cs_1").await.unwrap_err();
    assert!(failure.is_definite_refusal());
    assert_eq!(
        server.heard()[0].line,
        "POST /v1/checkout/sessions/cs_1/expire"
    );
}

#[tokio::test]
async fn only_a_customers_open_pages_are_listed_with_what_they_are_for() {
    let session = json!({"id": "cs_1", "customer": "cus_1", "metadata": {"program": "p"}});
    let server = Server::always(Reply::json(200, page(json!([session]), false))).await;
    let stripe = client(&server.url);
    let open = stripe
        .list_open_checkout_sessions_of("cus_1")
        .await
        .unwrap();
    assert_eq!(open[0].metadata, labels([("program", "p")]));
    assert_eq!(open[0].customer.as_deref(), Some("cus_1"));
    let heard = &server.heard()[0];
    for asked in ["customer=cus_1", "status=open"] {
        assert!(heard.line.contains(asked), "{}", heard.line);
    }
}
