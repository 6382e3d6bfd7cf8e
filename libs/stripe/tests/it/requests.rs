//! What goes over the wire, read back as Stripe would read it.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use stripe::{
    API_VERSION, AccountLinkOrder, AccountOrder, CheckoutOrder, CustomerOrder, Failure,
    MonthlyPriceOrder, Proration, Stripe, StripeConfig, SubscriptionStatus,
};
use time::OffsetDateTime;

use crate::fixtures::{
    SECRET_KEY, bank_payout_answer, bank_payout_order, client, error, labels, page,
    transfer_answer, transfer_order,
};
use crate::server::{Heard, Reply, Server};

/// The pairs of a form, unescaped.
fn form(heard: &Heard) -> BTreeMap<String, String> {
    let url = reqwest::Url::parse(&format!("http://x/?{}", heard.body)).unwrap();
    url.query_pairs().into_owned().collect()
}

fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    labels(pairs)
}

async fn answering(answer: Value) -> (Server, Stripe) {
    let server = Server::always(Reply::json(200, answer)).await;
    let stripe = client(&server.url);
    (server, stripe)
}

#[tokio::test]
async fn a_transfer_is_a_form_with_its_key() {
    let (server, stripe) = answering(transfer_answer()).await;
    stripe
        .create_transfer(&transfer_order(), "transfer:7:0")
        .await
        .unwrap();
    let heard = server.heard().remove(0);
    assert_eq!(heard.line, "POST /v1/transfers");
    assert_eq!(
        heard.header("content-type"),
        Some("application/x-www-form-urlencoded")
    );
    assert_eq!(heard.header("idempotency-key"), Some("transfer:7:0"));
    assert_eq!(heard.header("stripe-account"), None);
    assert_eq!(heard.header("stripe-version"), Some(API_VERSION));
    let bearer = format!("Bearer {SECRET_KEY}");
    assert_eq!(heard.header("authorization"), Some(bearer.as_str()));
    let expected = pairs([
        ("amount", "4200"),
        ("currency", "usd"),
        ("destination", "acct_1"),
        ("metadata[creator_id]", "c&1"),
        ("metadata[month]", "2026-10"),
        ("metadata[payout_id]", "7"),
        ("transfer_group", "payout:7"),
    ]);
    assert_eq!(form(&heard), expected);
}

#[tokio::test]
async fn a_second_send_of_one_order_is_the_same_bytes() {
    let (server, stripe) = answering(transfer_answer()).await;
    let mut order = transfer_order();
    order
        .metadata
        .extend((0..20).map(|n| (format!("label_{n}"), n.to_string())));
    for _ in 0..10 {
        stripe.create_transfer(&order, "k").await.unwrap();
    }
    let heard = server.heard();
    assert!(heard.iter().all(|it| it.body == heard[0].body));
}

#[tokio::test]
async fn a_bank_payout_acts_as_the_connected_account() {
    let (server, stripe) = answering(bank_payout_answer()).await;
    stripe
        .create_bank_payout("acct_1", &bank_payout_order(), "bank:7:0")
        .await
        .unwrap();
    let heard = server.heard().remove(0);
    assert_eq!(heard.line, "POST /v1/payouts");
    assert_eq!(heard.header("stripe-account"), Some("acct_1"));
    assert_eq!(heard.header("idempotency-key"), Some("bank:7:0"));
    let expected = pairs([
        ("amount", "4200"),
        ("currency", "usd"),
        ("metadata[payout_id]", "7"),
    ]);
    assert_eq!(form(&heard), expected);
}

#[tokio::test]
async fn an_order_with_a_blank_key_or_account_is_not_sent() {
    let (server, stripe) = answering(bank_payout_answer()).await;
    for (account, key) in [("acct_1", ""), ("acct_1", " "), ("", "k"), ("acct\n1", "k")] {
        let outcome = stripe
            .create_bank_payout(account, &bank_payout_order(), key)
            .await;
        let failure = outcome.unwrap_err();
        assert!(
            matches!(failure, Failure::NotSent { .. }),
            "{account:?} {key:?}: {failure:?}"
        );
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_trailing_slash_and_another_version_are_honoured() {
    let server = Server::always(Reply::json(200, transfer_answer())).await;
    let config = StripeConfig {
        api_version: "2027-01-01.next".to_owned(),
        ..StripeConfig::new(format!("{}/", server.url), SECRET_KEY.into())
    };
    Stripe::new(config)
        .unwrap()
        .retrieve_transfer("tr_1")
        .await
        .unwrap();
    let heard = server.heard().remove(0);
    assert_eq!(heard.line, "GET /v1/transfers/tr_1");
    assert_eq!(heard.header("stripe-version"), Some("2027-01-01.next"));
    assert_eq!(heard.header("idempotency-key"), None);
}

#[tokio::test]
async fn checkout_carries_anchor_proration_and_labels() {
    let (server, stripe) =
        answering(json!({"id": "cs_1", "url": "https://pay.example/cs_1"})).await;
    let order = CheckoutOrder {
        customer: "cus_1".to_owned(),
        price: "price_1".to_owned(),
        success_url: "https://site.example/ok".to_owned(),
        cancel_url: "https://site.example/no".to_owned(),
        client_reference_id: Some("sub-1".to_owned()),
        metadata: labels([("subscriber_id", "s1")]),
        subscription_metadata: labels([("subscriber_id", "s1")]),
        billing_cycle_anchor: OffsetDateTime::from_unix_timestamp(1_793_491_200).ok(),
        proration: Some(Proration::Free),
        ..CheckoutOrder::default()
    };
    let session = stripe
        .create_checkout_session(&order, "checkout:1")
        .await
        .unwrap();
    assert_eq!(session.url, "https://pay.example/cs_1");
    let expected = pairs([
        ("cancel_url", "https://site.example/no"),
        ("client_reference_id", "sub-1"),
        ("customer", "cus_1"),
        ("line_items[0][price]", "price_1"),
        ("line_items[0][quantity]", "1"),
        ("metadata[subscriber_id]", "s1"),
        ("mode", "subscription"),
        ("subscription_data[billing_cycle_anchor]", "1793491200"),
        ("subscription_data[metadata][subscriber_id]", "s1"),
        ("subscription_data[proration_behavior]", "none"),
        ("success_url", "https://site.example/ok"),
    ]);
    assert_eq!(form(&server.heard()[0]), expected);
}

#[tokio::test]
async fn an_account_is_express_with_transfers_and_its_creator() {
    let answer = json!({
        "id": "acct_1", "object": "account", "charges_enabled": false, "payouts_enabled": true,
        "details_submitted": true, "capabilities": {"transfers": "active"},
        "requirements": {"currently_due": ["external_account"], "disabled_reason": null}
    });
    let (server, stripe) = answering(answer).await;
    let order = AccountOrder {
        metadata: labels([("creator_id", "c1")]),
        ..Default::default()
    };
    let account = stripe.create_account(&order, "account:c1").await.unwrap();
    assert_eq!(account.currently_due, ["external_account"]);
    assert_eq!(
        (account.payouts_enabled, account.charges_enabled),
        (true, false)
    );
    assert_eq!(account.transfers.as_deref(), Some("active"));
    assert_eq!(stripe.retrieve_account("acct_1").await.unwrap(), account);
    let expected = pairs([
        ("capabilities[transfers][requested]", "true"),
        ("metadata[creator_id]", "c1"),
        ("type", "express"),
    ]);
    assert_eq!(form(&server.heard()[0]), expected);
}

#[tokio::test]
async fn manual_payouts_are_set_as_the_connected_account() {
    let (server, stripe) = answering(json!({"object": "balance_settings"})).await;
    stripe.set_manual_payouts("acct_1").await.unwrap();
    let heard = server.heard().remove(0);
    assert_eq!(heard.line, "POST /v1/balance_settings");
    assert_eq!(heard.header("stripe-account"), Some("acct_1"));
    let expected = pairs([("payments[payouts][schedule][interval]", "manual")]);
    assert_eq!(form(&heard), expected);
}

#[tokio::test]
async fn an_account_link_leads_to_onboarding() {
    let answer = json!({
        "object": "account_link", "created": 1, "expires_at": 300, "url": "https://s.example/l"
    });
    let (server, stripe) = answering(answer).await;
    let order = AccountLinkOrder {
        account: "acct_1".to_owned(),
        refresh_url: "https://site.example/again".to_owned(),
        return_url: "https://site.example/back".to_owned(),
    };
    let link = stripe.create_account_link(&order).await.unwrap();
    assert_eq!(
        (link.url.as_str(), link.expires_at.unix_timestamp()),
        ("https://s.example/l", 300)
    );
    let expected = pairs([
        ("account", "acct_1"),
        ("refresh_url", "https://site.example/again"),
        ("return_url", "https://site.example/back"),
        ("type", "account_onboarding"),
    ]);
    assert_eq!(form(&server.heard()[0]), expected);
}

#[tokio::test]
async fn a_customer_is_made_once_per_key() {
    let (server, stripe) = answering(json!({"id": "cus_1", "object": "customer"})).await;
    let order = CustomerOrder {
        email: Some("a+b@site.example".to_owned()),
        metadata: labels([("subscriber_id", "s1")]),
    };
    assert_eq!(
        stripe
            .create_customer(&order, "customer:s1")
            .await
            .unwrap()
            .id,
        "cus_1"
    );
    let heard = server.heard().remove(0);
    assert_eq!(heard.header("idempotency-key"), Some("customer:s1"));
    let expected = pairs([
        ("email", "a+b@site.example"),
        ("metadata[subscriber_id]", "s1"),
    ]);
    assert_eq!(form(&heard), expected);
}

fn monthly_price(amount_minor: i64) -> MonthlyPriceOrder {
    MonthlyPriceOrder {
        lookup_key: "membership-1500".to_owned(),
        amount_minor,
        currency: "usd".to_owned(),
        product_name: "Membership".to_owned(),
    }
}

fn price_answer() -> Value {
    json!({"id": "price_1", "unit_amount": 1500, "currency": "usd", "lookup_key": "membership-1500"})
}

#[tokio::test]
async fn a_price_is_made_only_where_there_is_none() {
    let server = Server::start(|number, _| match number {
        0 => Reply::json(200, page(json!([]), false)),
        1 => Reply::json(200, price_answer()),
        _ => Reply::json(200, page(json!([price_answer()]), false)),
    })
    .await;
    let stripe = client(&server.url);
    let made = stripe
        .find_or_create_monthly_price(&monthly_price(1500))
        .await
        .unwrap();
    let found = stripe
        .find_or_create_monthly_price(&monthly_price(1500))
        .await
        .unwrap();
    assert_eq!((made.id.as_str(), &made), ("price_1", &found));
    let heard = server.heard();
    assert_eq!(heard.len(), 3);
    let expected = pairs([
        ("currency", "usd"),
        ("lookup_key", "membership-1500"),
        ("product_data[name]", "Membership"),
        ("recurring[interval]", "month"),
        ("unit_amount", "1500"),
    ]);
    assert_eq!(form(&heard[1]), expected);
}

#[tokio::test]
async fn a_price_that_someone_else_just_made_is_taken() {
    let taken = error("invalid_request_error", "resource_already_exists");
    let server = Server::start(move |number, _| match number {
        0 => Reply::json(200, page(json!([]), false)),
        1 => Reply::json(400, &taken),
        _ => Reply::json(200, page(json!([price_answer()]), false)),
    })
    .await;
    let stripe = client(&server.url);
    let price = stripe
        .find_or_create_monthly_price(&monthly_price(1500))
        .await
        .unwrap();
    assert_eq!(price.id, "price_1");
}

#[tokio::test]
async fn a_price_name_taken_by_another_amount_is_a_mismatch() {
    let (_server, stripe) = answering(page(json!([price_answer()]), false)).await;
    let failure = stripe
        .find_or_create_monthly_price(&monthly_price(1600))
        .await
        .unwrap_err();
    assert!(
        matches!(
            failure,
            Failure::Mismatch {
                field: "amount",
                ..
            }
        ),
        "{failure:?}"
    );
}

#[tokio::test]
async fn a_subscription_has_the_period_and_price_of_its_item() {
    let (_server, stripe) = answering(json!({
        "id": "sub_1", "customer": "cus_1", "status": "past_due", "cancel_at_period_end": true,
        "metadata": {"subscriber_id": "s1"},
        "items": {"data": [{
            "id": "si_1", "current_period_start": 100, "current_period_end": 200,
            "price": price_answer()
        }]}
    }))
    .await;
    let subscription = stripe.retrieve_subscription("sub_1").await.unwrap();
    assert_eq!(subscription.status, SubscriptionStatus::PastDue);
    assert_eq!(subscription.period_end.unix_timestamp(), 200);
    assert_eq!(
        (subscription.price_minor, subscription.cancel_at_period_end),
        (Some(1500), true)
    );
    assert_eq!(subscription.metadata["subscriber_id"], "s1");
}
