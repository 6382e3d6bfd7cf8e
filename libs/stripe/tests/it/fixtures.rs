//! Orders and answers that several tests share.

use std::time::Duration;

use serde_json::{Value, json};
use stripe::{BankPayoutOrder, Failure, Stripe, StripeConfig, Transfer, TransferOrder};

pub const SECRET_KEY: &str = "sk_test_a_key_that_must_not_show";

pub fn client(url: &str) -> Stripe {
    client_with_timeout(url, Duration::from_secs(20))
}

pub fn client_with_timeout(url: &str, timeout: Duration) -> Stripe {
    let config = StripeConfig {
        timeout,
        ..StripeConfig::new(url, SECRET_KEY.into())
    };
    Stripe::new(config).unwrap()
}

pub fn transfer_order() -> TransferOrder {
    TransferOrder {
        amount_minor: 4_200,
        currency: "usd".to_owned(),
        destination: "acct_1".to_owned(),
        transfer_group: "payout:7".to_owned(),
        metadata: labels([
            ("payout_id", "7"),
            ("creator_id", "c&1"),
            ("month", "2026-10"),
        ]),
    }
}

pub fn bank_payout_order() -> BankPayoutOrder {
    BankPayoutOrder {
        amount_minor: 4_200,
        currency: "usd".to_owned(),
        metadata: labels([("payout_id", "7")]),
    }
}

pub fn labels<const N: usize>(pairs: [(&str, &str); N]) -> stripe::Metadata {
    pairs
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// A transfer with what Stripe sends besides, and something that it may send one day.
pub fn transfer_answer() -> Value {
    json!({
        "id": "tr_1", "object": "transfer", "amount": 4200, "amount_reversed": 0,
        "balance_transaction": "txn_1", "created": 1_793_491_200, "currency": "usd",
        "destination": "acct_1", "livemode": false, "metadata": {"payout_id": "7"},
        "reversals": {"object": "list", "data": [], "has_more": false, "url": "/v1/x"},
        "reversed": false, "transfer_group": "payout:7", "of_tomorrow": {"a": [1]}
    })
}

pub fn bank_payout_answer() -> Value {
    json!({
        "id": "po_1", "object": "payout", "amount": 4200, "currency": "usd",
        "status": "in_transit", "arrival_date": 1_793_577_600, "automatic": false,
        "created": 1_793_491_200, "destination": "ba_1", "metadata": {"payout_id": "7"}
    })
}

pub fn balance_answer() -> Value {
    json!({
        "object": "balance",
        "available": [{"amount": 100, "currency": "usd"}, {"amount": -5, "currency": "eur"}],
        "pending": [{"amount": 7, "currency": "usd"}]
    })
}

pub fn page(items: Value, has_more: bool) -> Value {
    json!({"object": "list", "data": items, "has_more": has_more, "url": "/v1/x"})
}

pub fn error(kind: &str, code: &str) -> String {
    json!({"error": {"type": kind, "code": code, "message": "no", "param": "p"}}).to_string()
}

pub async fn transfer_at(url: &str) -> Result<Transfer, Failure> {
    client(url)
        .create_transfer(&transfer_order(), "transfer:7:0")
        .await
}
