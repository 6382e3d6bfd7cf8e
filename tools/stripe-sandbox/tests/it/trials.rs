//! Time for nothing, and what follows it.

use serde_json::json;

use crate::subscriber::{BAD_CARD, CARD, cents, lines, text};
use crate::support::{Sandbox, at, id};

const WEEK: (&str, &str) = ("subscription_data[trial_period_days]", "7");

#[tokio::test]
async fn a_trial_costs_nothing_is_announced_three_days_ahead_and_then_charged() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let price = sandbox.price("1000").await;
    let session = sandbox.session(&price, &[WEEK]).await;
    assert_eq!(
        (
            &session["amount_total"],
            &session["payment_method_collection"]
        ),
        (&json!(0), &json!("always"))
    );
    let session = sandbox.complete(&session, CARD).await;
    assert_eq!(session["payment_status"], "no_payment_required");
    let subscription = sandbox.subscription(text(&session["subscription"])).await;
    let end = at("2027-01-08T00:00:00Z");
    assert_eq!(
        (&subscription["status"], &subscription["trial_end"]),
        (&json!("trialing"), &json!(end))
    );
    let invoice = sandbox.invoices_of(&subscription).await.remove(0);
    assert_eq!(
        (&invoice["status"], &invoice["billing_reason"]),
        (&json!("paid"), &json!("subscription_create"))
    );
    assert_eq!(
        lines(&invoice),
        [(0, at("2027-01-01T00:00:00Z"), end, false)]
    );
    assert_eq!(sandbox.get("/v1/charges").await["data"], json!([]));

    let soon = "customer.subscription.trial_will_end".to_owned();
    sandbox.advance("2027-01-04T23:59:59Z").await;
    assert!(!sandbox.events().await.contains(&soon));
    // The notice outlives a kill.
    sandbox.kill().await;
    let sandbox = Sandbox::start(data.path()).await;
    sandbox.advance("2027-01-05T00:00:00Z").await;
    assert!(sandbox.events().await.contains(&soon));
    sandbox.advance("2027-01-08T00:00:00Z").await;
    let subscription = sandbox.subscription(&id(&subscription)).await;
    assert_eq!(subscription["status"], "active");
    let invoice = sandbox.invoices_of(&subscription).await.remove(0);
    assert_eq!(
        (cents(&invoice, "amount_paid"), &invoice["billing_reason"]),
        (1000, &json!("subscription_cycle"))
    );
    assert_eq!(
        lines(&invoice),
        [(1000, end, at("2027-02-08T00:00:00Z"), false)]
    );
}

#[tokio::test]
async fn after_a_trial_the_days_to_a_given_anchor_are_charged_in_proportion() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let price = sandbox.price("3100").await;
    let anchor = at("2027-02-01T00:00:00Z").to_string();
    let more = [
        WEEK,
        ("subscription_data[billing_cycle_anchor]", anchor.as_str()),
    ];
    let subscription = sandbox.subscribe(&price, &more, CARD).await;
    sandbox.advance("2027-02-01T00:00:00Z").await;
    let paid: Vec<_> = sandbox
        .invoices_of(&subscription)
        .await
        .iter()
        .map(lines)
        .collect();
    let (start, end) = (at("2027-01-08T00:00:00Z"), at("2027-02-01T00:00:00Z"));
    assert_eq!(paid[1], [(2400, start, end, true)]);
    assert_eq!(paid[0], [(3100, end, at("2027-03-01T00:00:00Z"), false)]);
}

#[tokio::test]
async fn a_trial_without_a_card_ends_as_its_settings_say() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let price = sandbox.price("1000").await;
    for (behaviour, status) in [
        ("create_invoice", "past_due"),
        ("cancel", "canceled"),
        ("pause", "paused"),
    ] {
        let more = [
            WEEK,
            ("payment_method_collection", "if_required"),
            (
                "subscription_data[trial_settings][end_behavior][missing_payment_method]",
                behaviour,
            ),
        ];
        let session = sandbox.session(&price, &more).await;
        let path = format!("/_sandbox/checkout/{}/complete", id(&session));
        let session = sandbox.post(&path, &[]).await;
        let subscription = sandbox.subscription(text(&session["subscription"])).await;
        assert_eq!(subscription["default_payment_method"], json!(null));
        let end = stripe_sandbox::clock::show(cents(&subscription, "trial_end"));
        sandbox.advance(&end).await;
        let subscription = sandbox.subscription(&id(&subscription)).await;
        assert_eq!(subscription["status"], status, "{behaviour}");
    }
    assert!(sandbox.list("/v1/charges").await.is_empty());
    // A pause ends by request, with a month of its own.
    let paused = sandbox
        .list("/v1/subscriptions?status=paused")
        .await
        .remove(0);
    sandbox.charge_to(&paused, CARD).await;
    let resume = format!("/v1/subscriptions/{}/resume", id(&paused));
    assert_eq!(sandbox.post(&resume, &[]).await["status"], "active");
    assert_eq!(
        cents(&sandbox.invoices_of(&paused).await[0], "amount_paid"),
        1000
    );
    assert_eq!(sandbox.refused(&resume, &[]).await.0, 400);
}

#[tokio::test]
async fn a_trial_is_ended_or_lengthened_by_request() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let price = sandbox.price("1000").await;
    let subscription = sandbox.subscribe(&price, &[WEEK], CARD).await;
    let later = at("2027-01-20T00:00:00Z").to_string();
    let longer = sandbox
        .change(&subscription, &[("trial_end", &later)])
        .await;
    assert_eq!(
        (&longer["status"], longer["trial_end"].as_i64()),
        (&json!("trialing"), later.parse().ok())
    );
    sandbox.advance("2027-01-10T00:00:00Z").await;
    let ended = sandbox.change(&subscription, &[("trial_end", "now")]).await;
    assert_eq!(
        (&ended["status"], &ended["billing_cycle_anchor"]),
        (&json!("active"), &json!(at("2027-01-10T00:00:00Z")))
    );
    let invoice = sandbox.invoices_of(&subscription).await.remove(0);
    let month = (at("2027-01-10T00:00:00Z"), at("2027-02-10T00:00:00Z"));
    assert_eq!(lines(&invoice), [(1000, month.0, month.1, false)]);
    sandbox.advance("2027-02-10T00:00:00Z").await;
    assert_eq!(sandbox.invoices_of(&subscription).await.len(), 3);
}

#[tokio::test]
async fn a_trial_in_the_middle_of_a_paid_month_gives_the_rest_back() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let price = sandbox.price("1000").await;
    let subscription = sandbox.subscribe(&price, &[], CARD).await;
    sandbox.advance("2027-01-16T12:00:00Z").await;
    let until = at("2027-03-01T00:00:00Z").to_string();
    let trial = sandbox
        .change(&subscription, &[("trial_end", &until)])
        .await;
    assert_eq!(trial["status"], "trialing");
    let invoice = sandbox.invoices_of(&subscription).await.remove(0);
    assert_eq!(
        (cents(&invoice, "total"), cents(&invoice, "ending_balance")),
        (-500, -500)
    );
    sandbox.advance("2027-03-01T00:00:00Z").await;
    let invoice = sandbox.invoices_of(&subscription).await.remove(0);
    assert_eq!(
        (cents(&invoice, "total"), cents(&invoice, "amount_paid")),
        (1000, 500)
    );
}

#[tokio::test]
async fn a_trial_whose_card_fails_in_the_end_is_past_due() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let price = sandbox.price("1000").await;
    let subscription = sandbox.subscribe(&price, &[WEEK], BAD_CARD).await;
    sandbox.advance("2027-01-08T00:00:00Z").await;
    assert_eq!(
        sandbox.subscription(&id(&subscription)).await["status"],
        "past_due"
    );
}
