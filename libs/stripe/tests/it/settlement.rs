//! From an invoice to the money that it brought in.

use serde_json::{Value, json};
use stripe::{Doubt, Failure, Settlement};

use crate::fixtures::{client, labels};
use crate::server::{Reply, Server};

fn invoice() -> Value {
    json!({
        "id": "in_1", "object": "invoice", "currency": "usd", "customer": "cus_1",
        "period_start": 1, "period_end": 2, "total": 1650,
        "parent": {"type": "subscription_details", "subscription_details": {
            "subscription": "sub_1", "metadata": {"subscriber_id": "s1"}}},
        "total_taxes": [
            {"amount": 100, "tax_behavior": "exclusive"}, {"amount": 50, "tax_behavior": "exclusive"}],
        "lines": {"data": [line(false, 1500, 100, 200)]},
        "payments": {"data": [
            {"id": "inpay_0", "status": "canceled",
             "payment": {"type": "payment_intent", "payment_intent": "pi_0"}},
            {"id": "inpay_1", "status": "paid",
             "payment": {"type": "payment_intent", "payment_intent": "pi_1"}}]}
    })
}

fn line(proration: bool, amount: i64, start: i64, end: i64) -> Value {
    json!({
        "amount": amount, "period": {"start": start, "end": end},
        "parent": {"type": "subscription_item_details",
                   "subscription_item_details": {"proration": proration}}
    })
}

fn charge() -> Value {
    json!({
        "id": "ch_1", "object": "charge", "amount": 1650, "paid": true, "payment_intent": "pi_1",
        "balance_transaction": {
            "id": "txn_1", "object": "balance_transaction", "type": "charge", "amount": 1650,
            "fee": 78, "net": 1572, "currency": "usd", "source": "ch_1", "status": "pending",
            "available_on": 500, "created": 400}
    })
}

fn intent() -> Value {
    json!({"id": "pi_1", "object": "payment_intent", "latest_charge": charge()})
}

async fn settlement_of(
    invoice: Value,
    intent: Value,
) -> (Server, Result<Option<Settlement>, Failure>) {
    let server = Server::start(move |_, heard| {
        Reply::json(
            200,
            if heard.line.contains("/invoices/") {
                &invoice
            } else {
                &intent
            },
        )
    })
    .await;
    let outcome = client(&server.url).invoice_settlement("in_1").await;
    (server, outcome)
}

async fn settled(invoice: Value) -> Settlement {
    settlement_of(invoice, intent()).await.1.unwrap().unwrap()
}

#[tokio::test]
async fn an_invoice_is_settled_in_two_questions() {
    let (server, outcome) = settlement_of(invoice(), intent()).await;
    let at = |seconds| time::OffsetDateTime::from_unix_timestamp(seconds).unwrap();
    let expected = Settlement {
        invoice: "in_1".to_owned(),
        customer: Some("cus_1".to_owned()),
        subscription: Some("sub_1".to_owned()),
        subscription_metadata: labels([("subscriber_id", "s1")]),
        payment_intent: Some("pi_1".to_owned()),
        charge: "ch_1".to_owned(),
        txn: "txn_1".to_owned(),
        gross_minor: 1650,
        fee_minor: 78,
        net_minor: 1572,
        tax_minor: 150,
        currency: "usd".to_owned(),
        available_on: at(500),
        created: at(400),
        period_start: at(100),
        period_end: at(200),
        proration: false,
    };
    assert_eq!(outcome.unwrap(), Some(expected));
    let lines: Vec<_> = server
        .heard()
        .into_iter()
        .map(|heard| heard.line.replace("%5B", "[").replace("%5D", "]"))
        .collect();
    let expected = [
        "GET /v1/invoices/in_1?expand[0]=payments",
        "GET /v1/payment_intents/pi_1?expand[0]=latest_charge.balance_transaction",
    ];
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn an_invoice_that_charged_nobody_has_no_settlement() {
    let mut free = invoice();
    free["payments"] = json!({"data": []});
    let mut off_stripe = invoice();
    off_stripe["payments"]["data"][1]["payment"] =
        json!({"type": "payment_record", "payment_record": "pr_1"});
    let mut open = invoice();
    open["payments"]["data"][1]["status"] = json!("open");
    for invoice in [free, off_stripe, open] {
        let (server, outcome) = settlement_of(invoice, intent()).await;
        assert_eq!(outcome.unwrap(), None);
        assert_eq!(server.heard().len(), 1);
    }
}

#[tokio::test]
async fn a_charge_without_its_balance_transaction_is_asked_for_later() {
    let mut unbooked = intent();
    unbooked["latest_charge"]["balance_transaction"] = json!(null);
    let mut behind = intent();
    behind["latest_charge"] = json!(null);
    for intent in [unbooked, behind] {
        let failure = settlement_of(invoice(), intent).await.1.unwrap_err();
        let why = Doubt::NotYetBooked;
        assert_eq!(
            failure,
            Failure::Unknown {
                why,
                request_id: None
            }
        );
    }
}

#[tokio::test]
async fn what_a_settlement_cannot_tell_is_a_mismatch() {
    let mut in_parts = invoice();
    in_parts["payments"]["data"][0]["status"] = json!("paid");
    let mut in_euro = invoice();
    in_euro["currency"] = json!("eur");
    for (invoice, expected) in [(in_parts, "number of payments"), (in_euro, "currency")] {
        let failure = settlement_of(invoice, intent()).await.1.unwrap_err();
        assert!(matches!(failure, Failure::Mismatch { field, .. } if field == expected));
    }
}

#[tokio::test]
async fn a_charge_without_an_intent_is_settled_too() {
    let mut by_charge = invoice();
    by_charge["payments"]["data"][1]["payment"] = json!({"type": "charge", "charge": "ch_1"});
    let mut lone = charge();
    lone["payment_intent"] = json!(null);
    let (server, outcome) = settlement_of(by_charge, lone).await;
    let settlement = outcome.unwrap().unwrap();
    assert_eq!(
        (settlement.charge.as_str(), settlement.payment_intent),
        ("ch_1", None)
    );
    assert!(
        server.heard()[1]
            .line
            .starts_with("GET /v1/charges/ch_1?expand")
    );
}

#[tokio::test]
async fn the_period_is_the_one_that_starts_last_among_what_costs_something() {
    for (lines, start, proration) in [
        // A renewal that carries an older change with it.
        (
            vec![
                line(true, -300, 110, 120),
                line(true, 700, 130, 200),
                line(false, 1500, 200, 300),
            ],
            200,
            true,
        ),
        // A change in the middle of a month; what it gives back starts with it.
        (
            vec![line(true, -300, 130, 200), line(true, 700, 130, 200)],
            130,
            true,
        ),
        // A change that waited, and a renewal that a coupon made free.
        (
            vec![line(true, 700, 130, 200), line(false, 0, 200, 300)],
            130,
            true,
        ),
        // A whole month beside a free start.
        (
            vec![line(false, 0, 100, 200), line(false, 1500, 100, 100)],
            100,
            false,
        ),
        // Nothing costs anything, and an older debt was charged.
        (
            vec![line(false, 0, 100, 200), line(false, 0, 200, 300)],
            200,
            false,
        ),
    ] {
        let mut invoice = invoice();
        invoice["lines"]["data"] = json!(lines);
        let settlement = settled(invoice).await;
        let period = settlement.period_start.unix_timestamp();
        assert_eq!(
            (period, settlement.proration),
            (start, proration),
            "{lines:?}"
        );
    }
    let mut bare = invoice();
    bare["lines"]["data"] = json!([]);
    let settlement = settled(bare).await;
    assert_eq!(
        (settlement.period_end.unix_timestamp(), settlement.proration),
        (2, false)
    );
}

/// A credit paid for most of it: what came in is less than the tax.
#[tokio::test]
async fn tax_is_never_more_than_what_was_paid() {
    for (paid, tax) in [(1650, 150), (150, 150), (60, 60)] {
        let mut intent = intent();
        intent["latest_charge"]["balance_transaction"]["amount"] = json!(paid);
        let settlement = settlement_of(invoice(), intent).await.1.unwrap().unwrap();
        assert_eq!((settlement.gross_minor, settlement.tax_minor), (paid, tax));
    }
}
