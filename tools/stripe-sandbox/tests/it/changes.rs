//! A subscription is changed in the middle of its month.

use serde_json::json;

use crate::subscriber::{BAD_CARD, CARD, cents, item, lines, text};
use crate::support::{Sandbox, at, id};

const MIDDLE: &str = "2027-01-16T12:00:00Z";
const END: &str = "2027-02-01T00:00:00Z";
const AT_ONCE: &[(&str, &str)] = &[
    ("proration_behavior", "always_invoice"),
    ("payment_behavior", "error_if_incomplete"),
];

#[tokio::test]
async fn an_upgrade_at_once_charges_the_difference_for_the_rest_of_the_month() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let (ten, twenty) = (sandbox.price("1000").await, sandbox.price("2000").await);
    let subscription = sandbox.subscribe(&ten, &[], CARD).await;
    sandbox.advance(MIDDLE).await;
    let known = sandbox.events().await.len();
    let changed = sandbox.reprice(&subscription, &twenty, AT_ONCE).await;
    assert_eq!(changed["items"]["data"][0]["price"]["id"], twenty);
    assert_eq!(
        changed["billing_cycle_anchor"],
        subscription["billing_cycle_anchor"]
    );
    let invoice = sandbox.invoices_of(&subscription).await.remove(0);
    assert_eq!(
        (
            &invoice["billing_reason"],
            &invoice["status"],
            &invoice["amount_paid"]
        ),
        (&json!("subscription_update"), &json!("paid"), &json!(500))
    );
    let (from, to) = (at(MIDDLE), at(END));
    assert_eq!(
        lines(&invoice),
        [(-500, from, to, true), (1000, from, to, true)]
    );
    let credit = &invoice["lines"]["data"][0]["parent"]["subscription_item_details"];
    let first = &sandbox.invoices_of(&subscription).await[1];
    assert_eq!(
        credit["proration_details"]["credited_items"]["invoice"],
        first["id"]
    );
    let events = sandbox.events_after(known).await;
    assert_eq!(
        events,
        [
            "customer.subscription.updated",
            "invoice.created",
            "invoice.finalized",
            "charge.succeeded",
            "payment_intent.succeeded",
            "invoice_payment.paid",
            "invoice.paid",
            "invoice.payment_succeeded",
        ]
    );
    sandbox.advance(END).await;
    let renewal = sandbox.invoices_of(&subscription).await.remove(0);
    assert_eq!(
        lines(&renewal),
        [(2000, to, at("2027-03-01T00:00:00Z"), false)]
    );
}

#[tokio::test]
async fn an_upgrade_that_cannot_be_paid_leaves_everything_as_it_was() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let ten = sandbox.price("1000").await;
    let subscription = sandbox.subscribe(&ten, &[], CARD).await;
    let product = sandbox.get(&format!("/v1/prices/{ten}")).await["product"].clone();
    sandbox.charge_to(&subscription, BAD_CARD).await;
    sandbox.advance(MIDDLE).await;
    let before = sandbox.subscription(&id(&subscription)).await;
    let (known, prices) = (sandbox.events().await, sandbox.list("/v1/prices").await);
    let path = format!("/v1/subscriptions/{}", id(&subscription));
    let own = item(&subscription);
    let mut form = vec![
        ("items[0][id]", own.as_str()),
        ("items[0][price_data][currency]", "usd"),
        ("items[0][price_data][product]", text(&product)),
        ("items[0][price_data][unit_amount]", "3700"),
        ("items[0][price_data][recurring][interval]", "month"),
    ];
    form.extend_from_slice(AT_ONCE);
    let refusal = sandbox.refused(&path, &form).await;
    assert_eq!(refusal, (402, "card_declined".to_owned()));
    assert_eq!(sandbox.subscription(&id(&subscription)).await, before);
    assert_eq!(sandbox.events().await, known);
    assert_eq!(sandbox.list("/v1/prices").await, prices);
    assert_eq!(sandbox.invoices_of(&subscription).await.len(), 1);

    // Without that wish the change is made, and the subscription is past due.
    form.pop();
    sandbox.post(&path, &form).await;
    let after = sandbox.subscription(&id(&subscription)).await;
    assert_eq!(after["status"], "past_due");
    assert_eq!(after["items"]["data"][0]["price"]["unit_amount"], 3700);
    assert_eq!(
        sandbox.invoices_of(&subscription).await[0]["status"],
        "open"
    );
}

#[tokio::test]
async fn a_downgrade_at_once_becomes_credit_that_the_next_invoices_use_up() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let (fifty, five) = (sandbox.price("5000").await, sandbox.price("500").await);
    let subscription = sandbox.subscribe(&fifty, &[], CARD).await;
    sandbox.advance(MIDDLE).await;
    sandbox.reprice(&subscription, &five, AT_ONCE).await;
    let invoice = sandbox.invoices_of(&subscription).await.remove(0);
    assert_eq!(
        (
            cents(&invoice, "total"),
            cents(&invoice, "amount_due"),
            &invoice["status"]
        ),
        (-2250, 0, &json!("paid"))
    );
    assert_eq!(
        (
            cents(&invoice, "starting_balance"),
            cents(&invoice, "ending_balance")
        ),
        (0, -2250)
    );
    assert_eq!(invoice["payments"]["data"], json!([]));
    let customer = format!("/v1/customers/{}", text(&subscription["customer"]));
    assert_eq!(sandbox.get(&customer).await["balance"], -2250);
    sandbox.advance("2027-06-01T00:00:00Z").await;
    let paid: Vec<i64> = sandbox
        .invoices_of(&subscription)
        .await
        .iter()
        .map(|invoice| cents(invoice, "amount_paid"))
        .collect();
    assert_eq!(paid, [250, 0, 0, 0, 0, 0, 5000]);
    assert_eq!(sandbox.get(&customer).await["balance"], 0);
}

#[tokio::test]
async fn without_prorations_the_new_price_counts_from_the_next_renewal() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let (twenty, five) = (sandbox.price("2000").await, sandbox.price("500").await);
    let subscription = sandbox.subscribe(&twenty, &[], CARD).await;
    sandbox.advance(MIDDLE).await;
    let none = [("proration_behavior", "none")];
    let changed = sandbox.reprice(&subscription, &five, &none).await;
    assert_eq!(changed["items"]["data"][0]["price"]["id"], five);
    assert_eq!(sandbox.invoices_of(&subscription).await.len(), 1);
    sandbox.advance(END).await;
    assert_eq!(
        cents(&sandbox.invoices_of(&subscription).await[0], "amount_paid"),
        500
    );
}

#[tokio::test]
async fn prorations_wait_for_the_next_invoice_when_nothing_else_is_asked_for() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let (ten, twenty) = (sandbox.price("1000").await, sandbox.price("2000").await);
    let subscription = sandbox.subscribe(&ten, &[], CARD).await;
    sandbox.advance(MIDDLE).await;
    sandbox.reprice(&subscription, &twenty, &[]).await;
    assert_eq!(sandbox.invoices_of(&subscription).await.len(), 1);
    // What waits outlives a kill, and is what a later change gives back.
    sandbox.kill().await;
    let sandbox = Sandbox::start(data.path()).await;
    sandbox.advance("2027-01-24T06:00:00Z").await;
    sandbox.reprice(&subscription, &ten, &[]).await;
    sandbox.advance(END).await;
    let invoice = sandbox.invoices_of(&subscription).await.remove(0);
    let amounts: Vec<i64> = lines(&invoice).iter().map(|line| line.0).collect();
    assert_eq!(amounts, [-500, 1000, -500, 250, 1000]);
    assert_eq!(cents(&invoice, "amount_paid"), 1250);
}

#[tokio::test]
async fn a_change_in_a_first_part_of_a_month_gives_back_what_that_part_cost() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let (ten, twenty) = (sandbox.price("1000").await, sandbox.price("2000").await);
    sandbox.advance(MIDDLE).await;
    let anchor = at(END).to_string();
    let more = [("subscription_data[billing_cycle_anchor]", anchor.as_str())];
    let subscription = sandbox.subscribe(&ten, &more, CARD).await;
    sandbox.advance("2027-01-24T06:00:00Z").await;
    sandbox.reprice(&subscription, &twenty, AT_ONCE).await;
    let invoice = sandbox.invoices_of(&subscription).await.remove(0);
    let amounts: Vec<i64> = lines(&invoice).iter().map(|line| line.0).collect();
    assert_eq!(amounts, [-250, 500]);
}

#[tokio::test]
async fn a_planned_end_can_be_set_and_taken_back() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let price = sandbox.price("1000").await;
    let subscription = sandbox.subscribe(&price, &[], CARD).await;
    let ends = sandbox
        .change(&subscription, &[("cancel_at_period_end", "true")])
        .await;
    assert_eq!(
        (&ends["cancel_at"], &ends["canceled_at"]),
        (&json!(at(END)), &subscription["created"])
    );
    let stays = sandbox
        .change(&subscription, &[("cancel_at_period_end", "false")])
        .await;
    assert_eq!(
        (&stays["cancel_at"], &stays["canceled_at"]),
        (&json!(null), &json!(null))
    );
    sandbox.advance(END).await;
    let day = at("2027-02-10T00:00:00Z").to_string();
    let ends = sandbox.change(&subscription, &[("cancel_at", &day)]).await;
    assert_eq!(
        (&ends["status"], &ends["cancel_at_period_end"]),
        (&json!("active"), &json!(false))
    );
    sandbox.advance("2027-02-09T23:59:59Z").await;
    assert_eq!(
        sandbox.subscription(&id(&subscription)).await["status"],
        "active"
    );
    sandbox.advance("2027-02-10T00:00:00Z").await;
    let ended = sandbox.subscription(&id(&subscription)).await;
    assert_eq!(
        (&ended["status"], &ended["ended_at"]),
        (&json!("canceled"), &json!(at("2027-02-10T00:00:00Z")))
    );
    assert_eq!(sandbox.invoices_of(&subscription).await.len(), 2);
}

#[tokio::test]
async fn an_end_at_the_periods_last_instant_comes_before_the_renewal() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let price = sandbox.price("1000").await;
    let subscription = sandbox.subscribe(&price, &[], CARD).await;
    sandbox
        .change(&subscription, &[("cancel_at", "min_period_end")])
        .await;
    sandbox.advance("2027-03-01T00:00:00Z").await;
    assert_eq!(
        sandbox.subscription(&id(&subscription)).await["status"],
        "canceled"
    );
    assert_eq!(sandbox.invoices_of(&subscription).await.len(), 1);
}

#[tokio::test]
async fn what_cannot_be_changed_is_refused_by_name() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let price = sandbox.price("1000").await;
    let subscription = sandbox.subscribe(&price, &[], CARD).await;
    let other = sandbox.subscribe(&price, &[], CARD).await;
    let path = format!("/v1/subscriptions/{}", id(&subscription));
    let stranger = text(&other["default_payment_method"]).to_owned();
    let own = item(&subscription);
    for (form, param) in [
        (vec![("items[0][price]", price.as_str())], "items[0][id]"),
        (vec![("items[0][id]", "si_none")], "items[0][id]"),
        (
            vec![("items[0][id]", &own), ("items[0][price]", "price_none")],
            "items[0][price]",
        ),
        (
            vec![("items[0][id]", &own), ("items[0][quantity]", "0")],
            "items[0][quantity]",
        ),
        (
            vec![("proration_behavior", "sometimes")],
            "proration_behavior",
        ),
        (
            vec![("payment_behavior", "default_incomplete")],
            "payment_behavior",
        ),
        (
            vec![("default_payment_method", &stranger)],
            "default_payment_method",
        ),
        (vec![("cancel_at", "5")], "cancel_at"),
        (vec![("trial_end", "5")], "trial_end"),
        (
            vec![("discounts[0][coupon]", "none")],
            "discounts[0][coupon]",
        ),
        (
            vec![("default_tax_rates[0]", "txr_none")],
            "default_tax_rates",
        ),
        (vec![("colour", "red")], "colour"),
    ] {
        let answer = sandbox.send("POST", &path, &form, &[]).await;
        assert_eq!(
            (answer.status, &answer.body["error"]["param"]),
            (400, &json!(param))
        );
    }
    assert_eq!(sandbox.subscription(&id(&subscription)).await, subscription);
}
