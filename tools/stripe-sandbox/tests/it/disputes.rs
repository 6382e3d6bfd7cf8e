//! Charges that a bank takes back, or asks about.

use serde_json::{Value, json};

use crate::subscriber::{CARD, QUICK_CARD, cents, text};
use crate::support::{Sandbox, id};

const DISPUTED: &str = "4000000000000259";

async fn dispute(sandbox: &Sandbox, charge: &Value, form: &[(&str, &str)]) -> Value {
    let path = format!("/_sandbox/charges/{}/dispute", id(charge));
    sandbox.post(&path, form).await
}

async fn answer(sandbox: &Sandbox, dispute: &Value, text: &str) -> Value {
    let path = format!("/v1/disputes/{}", id(dispute));
    let form = [("evidence[uncategorized_text]", text), ("submit", "true")];
    sandbox.post(&path, &form).await
}

async fn dispute_now(sandbox: &Sandbox, dispute: &Value) -> Value {
    sandbox.get(&format!("/v1/disputes/{}", id(dispute))).await
}

#[tokio::test]
async fn a_charge_on_card_0259_is_disputed_right_away_and_the_money_is_gone_with_a_fee() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let charge = sandbox.charged("5000", DISPUTED).await;
    assert_eq!(charge["disputed"], true);
    let dispute = sandbox
        .list(&format!("/v1/disputes?charge={}", id(&charge)))
        .await
        .remove(0);
    assert_eq!(
        (
            &dispute["status"],
            &dispute["reason"],
            cents(&dispute, "amount")
        ),
        (&json!("needs_response"), &json!("fraudulent"), 5000)
    );
    let transaction = &dispute["balance_transactions"][0];
    assert_eq!(
        (
            &transaction["type"],
            cents(transaction, "amount"),
            cents(transaction, "fee"),
            cents(transaction, "net")
        ),
        (&json!("adjustment"), -5000, 1500, -6500)
    );
    assert_eq!(
        (
            &transaction["fee_details"][0]["description"],
            &transaction["reporting_category"]
        ),
        (&json!("Dispute fee"), &json!("dispute"))
    );
    assert_eq!(sandbox.books().await, (4825 - 6500, 4825 - 6500));
    let events = sandbox.events().await;
    for kind in ["charge.dispute.created", "charge.dispute.funds_withdrawn"] {
        assert!(events.contains(&kind.to_owned()), "{kind}");
    }
    let refund = sandbox
        .refused("/v1/refunds", &[("charge", &id(&charge))])
        .await;
    assert_eq!(refund, (400, "charge_disputed".to_owned()));
}

#[tokio::test]
async fn evidence_decides_a_dispute_after_a_day() {
    let data = tempfile::tempdir().unwrap();
    let mut sandbox = Sandbox::start(data.path()).await;
    for (day, words, status, left) in [
        (2, "winning_evidence", "won", 4825),
        (3, "losing_evidence", "lost", 4825 - 6500),
    ] {
        let before = sandbox.books().await.0;
        let charge = sandbox.charged("5000", CARD).await;
        let opened = dispute(&sandbox, &charge, &[("reason", "product_not_received")]).await;
        let known = sandbox.events().await.len();
        let answered = answer(&sandbox, &opened, words).await;
        assert_eq!(
            (
                &answered["status"],
                &answered["evidence"]["uncategorized_text"]
            ),
            (&json!("under_review"), &json!(words))
        );
        sandbox.kill().await;
        sandbox = Sandbox::start(data.path()).await;
        sandbox.advance(&format!("2027-01-0{day}T00:00:00Z")).await;
        assert_eq!(dispute_now(&sandbox, &opened).await["status"], status);
        assert_eq!(
            sandbox.books().await,
            (before + left, before + left),
            "{status}"
        );
        let mut events = vec!["charge.dispute.updated", "charge.dispute.closed"];
        if status == "won" {
            events.push("charge.dispute.funds_reinstated");
        }
        assert_eq!(sandbox.events_after(known).await, events);
        let path = format!("/v1/disputes/{}", id(&opened));
        let late = sandbox
            .refused(&path, &[("evidence[uncategorized_text]", "x")])
            .await;
        assert_eq!(late.0, 400);
    }
}

#[tokio::test]
async fn a_dispute_nobody_answers_is_lost_when_its_time_is_over() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let charge = sandbox.charged("5000", CARD).await;
    let opened = dispute(&sandbox, &charge, &[("amount", "2000")]).await;
    let path = format!("/v1/disputes/{}", id(&opened));
    // Evidence that is only kept is no answer.
    let form = [
        ("evidence[uncategorized_text]", "winning_evidence"),
        ("submit", "false"),
    ];
    let kept = sandbox.post(&path, &form).await;
    assert_eq!(
        (&kept["status"], &kept["evidence_details"]["has_evidence"]),
        (&json!("needs_response"), &json!(true))
    );
    let due = stripe_sandbox::clock::show(cents(&opened["evidence_details"], "due_by"));
    sandbox.advance(&due).await;
    let lost = sandbox.get(&path).await;
    assert_eq!(
        (&lost["status"], &lost["evidence_details"]["past_due"]),
        (&json!("lost"), &json!(true))
    );
    assert_eq!(sandbox.books().await, (4825 - 3500, 4825 - 3500));
}

#[tokio::test]
async fn a_dispute_that_is_closed_by_request_is_lost_at_once() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let charge = sandbox.charged("5000", DISPUTED).await;
    let opened = sandbox.list("/v1/disputes").await.remove(0);
    let close = format!("/v1/disputes/{}/close", id(&opened));
    assert_eq!(sandbox.post(&close, &[]).await["status"], "lost");
    assert_eq!(sandbox.refused(&close, &[]).await.0, 400);
    let again = format!("/_sandbox/charges/{}/dispute", id(&charge));
    assert_eq!(sandbox.refused(&again, &[]).await.0, 400);
}

#[tokio::test]
async fn an_inquiry_moves_no_money_until_the_bank_is_not_content() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    let charge = sandbox.charged("5000", QUICK_CARD).await;
    let asked = dispute(
        &sandbox,
        &charge,
        &[("inquiry", "true"), ("reason", "general")],
    )
    .await;
    assert_eq!(
        (&asked["status"], &asked["balance_transactions"]),
        (&json!("warning_needs_response"), &json!([]))
    );
    let under_review = answer(&sandbox, &asked, "winning_evidence").await;
    assert_eq!(under_review["status"], "warning_under_review");
    sandbox.advance("2027-01-02T00:00:00Z").await;
    assert_eq!(
        dispute_now(&sandbox, &asked).await["status"],
        "warning_closed"
    );
    assert_eq!(sandbox.books().await, (4825, 4825));

    let charge = sandbox.charged("5000", "4000000000001976").await;
    let asked = sandbox
        .list(&format!("/v1/disputes?charge={}", id(&charge)))
        .await
        .remove(0);
    sandbox
        .post(
            "/v1/refunds",
            &[("charge", &id(&charge)), ("amount", "1000")],
        )
        .await;
    answer(&sandbox, &asked, "escalate_inquiry_evidence").await;
    sandbox.advance("2027-01-03T00:00:00Z").await;
    let escalated = dispute_now(&sandbox, &asked).await;
    assert_eq!(
        (&escalated["status"], cents(&escalated, "amount")),
        (&json!("needs_response"), 4000)
    );
    let left = 2 * 4825 - 1000 - 5500;
    assert_eq!(sandbox.books().await, (left, left));
}

#[tokio::test]
async fn disputes_expand_to_what_they_are_about() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(data.path()).await;
    sandbox.charged("5000", DISPUTED).await;
    let whole = sandbox
        .list("/v1/disputes?expand[]=data.charge&expand[]=data.payment_intent")
        .await
        .remove(0);
    assert_eq!(
        whole["charge"]["payment_intent"],
        whole["payment_intent"]["id"]
    );
    let path = "/v1/balance_transactions?type=adjustment&expand[]=data.source.charge";
    let transaction = sandbox.list(path).await.remove(0);
    assert_eq!(
        (
            text(&transaction["source"]["object"]),
            &transaction["source"]["charge"]["disputed"]
        ),
        ("dispute", &json!(true))
    );
}
