//! What Stripe answers to a money order is compared with what was asked.

use serde_json::{Value, json};
use stripe::{BankPayoutStatus, Failure, ReversalOrder};

use crate::fixtures::{
    bank_payout_answer, bank_payout_order, client, labels, transfer_answer, transfer_at,
};
use crate::server::{Reply, Server};

fn mismatch(object: &str, field: &'static str, asked: &str, answered: &str) -> Failure {
    let (object, asked, answered) = (object.to_owned(), asked.to_owned(), answered.to_owned());
    Failure::Mismatch {
        object,
        field,
        asked,
        answered,
    }
}

fn altered(mut answer: Value, field: &str, value: Value) -> Reply {
    answer[field] = value;
    Reply::json(200, answer)
}

#[tokio::test]
async fn a_transfer_is_read_whether_its_parts_are_expanded_or_not() {
    let mut expanded = transfer_answer();
    expanded["destination"] = json!({"id": "acct_1", "object": "account"});
    expanded["balance_transaction"] = json!({"id": "txn_1", "amount": -4200});
    let server = Server::start(move |number, _| match number {
        0 => Reply::json(200, transfer_answer()),
        _ => Reply::json(200, &expanded),
    })
    .await;
    let transfer = transfer_at(&server.url).await.unwrap();
    assert_eq!(
        (transfer.id.as_str(), transfer.amount_minor),
        ("tr_1", 4_200)
    );
    assert_eq!(transfer.balance_transaction.as_deref(), Some("txn_1"));
    assert_eq!(transfer.created.unix_timestamp(), 1_793_491_200);
    assert_eq!(transfer_at(&server.url).await.unwrap(), transfer);
}

#[tokio::test]
async fn a_transfer_of_something_else_is_a_mismatch() {
    let table = [
        (
            "amount",
            json!(4201),
            mismatch("tr_1", "amount", "4200", "4201"),
        ),
        (
            "currency",
            json!("eur"),
            mismatch("tr_1", "currency", "usd", "eur"),
        ),
        (
            "destination",
            json!("acct_2"),
            mismatch("tr_1", "destination", "acct_1", "acct_2"),
        ),
    ];
    for (field, value, expected) in table {
        let server = Server::always(altered(transfer_answer(), field, value)).await;
        let failure = transfer_at(&server.url).await.unwrap_err();
        assert_eq!(failure, expected);
        assert!(!failure.is_retryable_same_key() && !failure.is_definite_refusal());
    }
}

#[tokio::test]
async fn a_bank_payout_of_something_else_is_a_mismatch() {
    let table = [
        ("amount", json!(1), mismatch("po_1", "amount", "4200", "1")),
        (
            "currency",
            json!("gbp"),
            mismatch("po_1", "currency", "usd", "gbp"),
        ),
    ];
    for (field, value, expected) in table {
        let server = Server::always(altered(bank_payout_answer(), field, value)).await;
        let stripe = client(&server.url);
        let outcome = stripe
            .create_bank_payout("acct_1", &bank_payout_order(), "k")
            .await;
        assert_eq!(outcome.unwrap_err(), expected);
    }
}

#[tokio::test]
async fn a_reversal_of_something_else_is_a_mismatch() {
    let reversal = json!({
        "id": "trr_1", "amount": 100, "currency": "usd", "transfer": "tr_1",
        "created": 1, "metadata": null
    });
    let order = ReversalOrder {
        transfer: "tr_1".to_owned(),
        amount_minor: 100,
        metadata: labels([("payout_id", "7")]),
    };
    let server = Server::start(move |number, _| match number {
        0 => Reply::json(200, &reversal),
        1 => altered(reversal.clone(), "amount", json!(99)),
        _ => altered(reversal.clone(), "transfer", json!("tr_2")),
    })
    .await;
    let stripe = client(&server.url);
    assert_eq!(
        stripe
            .create_reversal(&order, "k")
            .await
            .unwrap()
            .amount_minor,
        100
    );
    let failure = stripe.create_reversal(&order, "k").await.unwrap_err();
    assert_eq!(failure, mismatch("trr_1", "amount", "100", "99"));
    let failure = stripe.create_reversal(&order, "k").await.unwrap_err();
    assert_eq!(failure, mismatch("trr_1", "transfer", "tr_1", "tr_2"));
    assert_eq!(server.heard()[0].line, "POST /v1/transfers/tr_1/reversals");
}

#[tokio::test]
async fn a_payout_status_of_tomorrow_can_be_read() {
    for (word, expected) in [
        ("in_transit", BankPayoutStatus::InTransit),
        ("paid", BankPayoutStatus::Paid),
        ("pondered", BankPayoutStatus::Other("pondered".to_owned())),
    ] {
        let server = Server::always(altered(bank_payout_answer(), "status", json!(word))).await;
        let payout = client(&server.url)
            .retrieve_bank_payout("acct_1", "po_1")
            .await
            .unwrap();
        assert_eq!(payout.status, expected);
    }
}

fn settings(interval: &str, minimum: Value) -> Value {
    json!({"object": "balance_settings", "payments": {"payouts": {
        "schedule": {"interval": interval}, "minimum_balance_by_currency": minimum
    }}})
}

#[tokio::test]
async fn a_floor_is_set_with_the_schedule_and_what_stripe_keeps_to_is_compared() {
    let server = Server::start(|number, _| match number {
        0 => Reply::json(200, settings("manual", json!({"usd": 700}))),
        1 => Reply::json(200, settings("manual", json!({"usd": 600}))),
        _ => Reply::json(200, settings("daily", json!({"usd": 700}))),
    })
    .await;
    let stripe = client(&server.url);
    stripe.set_platform_floor("usd", 700).await.unwrap();
    let heard = server.heard().remove(0);
    assert_eq!(heard.line, "POST /v1/balance_settings");
    assert_eq!(heard.header("stripe-account"), None);
    let body = heard.body.replace("%5B", "[").replace("%5D", "]");
    for part in [
        "payments[payouts][schedule][interval]=manual",
        "payments[payouts][minimum_balance_by_currency][usd]=700",
    ] {
        assert!(body.contains(part), "{body}");
    }
    let less = stripe.set_platform_floor("usd", 700).await.unwrap_err();
    let minimum = mismatch("balance_settings", "minimum balance", "700", "600");
    assert_eq!(less, minimum);
    let daily = stripe.set_platform_floor("usd", 700).await.unwrap_err();
    let interval = mismatch("balance_settings", "interval", "manual", "daily");
    assert_eq!(daily, interval);
}

#[tokio::test]
async fn balance_settings_are_read_as_far_as_stripe_says() {
    let server = Server::start(|number, _| match number {
        0 => Reply::json(200, settings("manual", json!({"usd": 5, "eur": 7}))),
        _ => Reply::json(
            200,
            json!({"payments": {"payouts": {
                "schedule": null, "minimum_balance_by_currency": null
            }}}),
        ),
    })
    .await;
    let stripe = client(&server.url);
    let full = stripe.balance_settings(None).await.unwrap();
    assert!(full.is_manual());
    assert_eq!(full.minimum_minor["usd"], 5);
    let empty = stripe.balance_settings(Some("acct_1")).await.unwrap();
    assert!(!empty.is_manual() && empty.minimum_minor.is_empty());
}
