//! Questions: asked again when the line is bad, and read to the last page.

use serde_json::{Value, json};
use stripe::{BalanceTransactionQuery, Cursor, Doubt, EventQuery, Failure, Stripe, StripeConfig};
use time::OffsetDateTime;

use crate::fixtures::{balance_answer, bank_payout_answer, client, error, page, transfer_answer};
use crate::server::{Reply, Server};

fn named(mut object: Value, id: &str) -> Value {
    object["id"] = json!(id);
    object
}

#[tokio::test]
async fn a_question_survives_three_bad_answers() {
    let server = Server::start(|number, _| match number {
        0 => Reply::json(502, "<html>"),
        1 => Reply::HangUp,
        2 => Reply::json(429, "{}").with("Retry-After", "0"),
        _ => Reply::json(200, balance_answer()),
    })
    .await;
    let balance = client(&server.url).balance(None).await.unwrap();
    assert_eq!(
        (
            balance.available_minor["usd"],
            balance.available_minor["eur"]
        ),
        (100, -5)
    );
    assert_eq!((balance.pending_minor["usd"], server.heard().len()), (7, 4));
}

#[tokio::test]
async fn a_question_is_given_up_after_the_fourth_bad_answer() {
    let server = Server::always(Reply::json(503, "")).await;
    let failure = client(&server.url).balance(None).await.unwrap_err();
    let why = Doubt::Status { status: 503 };
    assert_eq!(
        failure,
        Failure::Unknown {
            why,
            request_id: None
        }
    );
    assert_eq!(server.heard().len(), 4);
}

#[tokio::test]
async fn a_question_is_not_repeated_after_a_definite_no_or_a_long_wait() {
    let missing = error("invalid_request_error", "resource_missing");
    let server = Server::always(Reply::json(404, missing)).await;
    let failure = client(&server.url)
        .retrieve_transfer("tr_9")
        .await
        .unwrap_err();
    assert!(failure.is_not_found());
    assert_eq!(server.heard().len(), 1);

    let server = Server::always(Reply::json(429, "{}").with("Retry-After", "60")).await;
    client(&server.url).balance(None).await.unwrap_err();
    assert_eq!(server.heard().len(), 1);
}

#[tokio::test]
async fn a_search_for_transfers_reads_every_page() {
    let server = Server::start(|number, _| match number {
        0 => Reply::json(200, page(json!([transfer_answer()]), true)),
        _ => Reply::json(200, page(json!([named(transfer_answer(), "tr_0")]), false)),
    })
    .await;
    let found = client(&server.url)
        .find_transfers("payout:7", "acct_1")
        .await
        .unwrap();
    let ids: Vec<_> = found.iter().map(|transfer| transfer.id.as_str()).collect();
    assert_eq!(ids, ["tr_1", "tr_0"]);
    let lines: Vec<_> = server.heard().into_iter().map(|heard| heard.line).collect();
    let expected = [
        "GET /v1/transfers?destination=acct_1&limit=100&transfer_group=payout:7",
        "GET /v1/transfers?destination=acct_1&limit=100&starting_after=tr_1&transfer_group=payout:7",
    ];
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn an_id_that_would_lead_elsewhere_is_not_sent() {
    let server = Server::always(Reply::json(200, transfer_answer())).await;
    for id in ["../balance", "tr_1?limit=1", ""] {
        let failure = client(&server.url).retrieve_transfer(id).await.unwrap_err();
        assert!(
            matches!(failure, Failure::NotSent { .. }),
            "{id}: {failure:?}"
        );
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn an_endless_list_of_nothing_proves_no_absence() {
    let server = Server::always(Reply::json(200, page(json!([]), true))).await;
    let outcome = client(&server.url).find_transfers("g", "acct_1").await;
    let unreadable = Failure::Unknown {
        why: Doubt::Unreadable,
        request_id: None,
    };
    assert_eq!(outcome.unwrap_err(), unreadable);
}

#[tokio::test]
async fn a_search_for_bank_payouts_matches_labels_on_the_account() {
    let mut other = named(bank_payout_answer(), "po_2");
    other["metadata"] = json!({"payout_id": "8"});
    let both = page(json!([bank_payout_answer(), other]), false);
    let server = Server::always(Reply::json(200, both)).await;
    let since = OffsetDateTime::from_unix_timestamp(1_793_400_000).unwrap();
    let stripe = client(&server.url);
    let found = stripe
        .find_bank_payouts("acct_1", since, ("payout_id", "7"))
        .await
        .unwrap();
    assert_eq!(
        found.iter().map(|it| it.id.as_str()).collect::<Vec<_>>(),
        ["po_1"]
    );
    let heard = server.heard().remove(0);
    assert_eq!(heard.header("stripe-account"), Some("acct_1"));
    let asked = ["created%5Bgte%5D=1793400000", "created[gte]=1793400000"];
    assert!(
        asked.iter().any(|it| heard.line.contains(it)),
        "{}",
        heard.line
    );
}

#[tokio::test]
async fn balance_transactions_are_walked_by_cursor_in_both_directions() {
    let txn = json!({
        "id": "txn_1", "type": "charge", "amount": 1500, "fee": 74, "net": 1426,
        "currency": "usd", "source": "ch_1", "status": "pending",
        "available_on": 1_793_577_600, "created": 1_793_491_200
    });
    let server = Server::always(Reply::json(200, page(json!([txn]), true))).await;
    let stripe = client(&server.url);
    for (cursor, expected) in [
        (Cursor::Newest, "GET /v1/balance_transactions?limit=5"),
        (
            Cursor::OlderThan("txn_9".to_owned()),
            "GET /v1/balance_transactions?limit=5&starting_after=txn_9",
        ),
        (
            Cursor::NewerThan("txn_9".to_owned()),
            "GET /v1/balance_transactions?ending_before=txn_9&limit=5",
        ),
    ] {
        let query = BalanceTransactionQuery {
            cursor,
            limit: Some(5),
            ..Default::default()
        };
        let page = stripe.balance_transactions(&query).await.unwrap();
        assert!(page.has_more);
        let txn = &page.items[0];
        assert_eq!(
            (txn.amount_minor, txn.fee_minor, txn.net_minor),
            (1500, 74, 1426)
        );
        assert_eq!(server.heard().last().unwrap().line, expected);
    }
}

#[tokio::test]
async fn listed_events_come_with_head_and_body() {
    let event = json!({
        "id": "evt_1", "object": "event", "type": "payout.paid", "created": 1_793_491_200,
        "livemode": false, "account": "acct_1", "api_version": "2026-10-28.endive",
        "data": {"object": {"id": "po_1", "object": "payout"}}
    });
    let server = Server::always(Reply::json(200, page(json!([event]), false))).await;
    let at = |seconds| OffsetDateTime::from_unix_timestamp(seconds).ok();
    let query = EventQuery {
        account: Some("acct_1".to_owned()),
        created_from: at(10),
        created_before: at(20),
        ..Default::default()
    };
    let page = client(&server.url).list_events(&query).await.unwrap();
    assert_eq!(page.items[0].head.kind, "payout.paid");
    let body: Value = serde_json::from_str(&page.items[0].body).unwrap();
    assert_eq!(body, event);
    let line = &server.heard()[0].line;
    let asked = line.replace("%5B", "[").replace("%5D", "]");
    assert_eq!(asked, "GET /v1/events?created[gte]=10&created[lt]=20");
}

/// Loops and handlers move between threads; a question that could not would need one of its own.
#[test]
fn every_question_may_move_between_threads() {
    fn moves<F: Send>(_: &F) {}
    let stripe = Stripe::new(StripeConfig::new("http://127.0.0.1:9", "sk_test_1".into())).unwrap();
    moves(&stripe.balance(None));
    moves(&stripe.retrieve_account("acct_1"));
    moves(&stripe.retrieve_subscription("sub_1"));
    moves(&stripe.invoice_settlement("in_1"));
    moves(&stripe.retrieve_bank_payout("acct_1", "po_1"));
    moves(&stripe.find_transfers("po_1", "acct_1"));
}

fn txn(id: &str, status: &str, currency: &str) -> Value {
    json!({
        "id": id, "type": "charge", "amount": 100, "fee": 0, "net": 100, "currency": currency,
        "status": status, "available_on": 1_793_577_600, "created": 1_793_491_200
    })
}

#[tokio::test]
async fn pending_transactions_are_read_until_a_page_has_none_and_no_further_than_allowed() {
    let server = Server::start(|number, _| match number {
        0 => {
            let items = json!([
                txn("txn_3", "pending", "usd"),
                txn("txn_2", "pending", "eur")
            ]);
            Reply::json(200, page(items, true))
        }
        _ => Reply::json(200, page(json!([txn("txn_1", "available", "usd")]), true)),
    })
    .await;
    let stripe = client(&server.url);
    let pending = stripe.pending_transactions("usd", 9).await.unwrap();
    let ids: Vec<_> = pending.iter().map(|txn| txn.id.as_str()).collect();
    assert_eq!(ids, ["txn_3"]);
    let lines: Vec<_> = server.heard().into_iter().map(|heard| heard.line).collect();
    let expected = [
        "GET /v1/balance_transactions?limit=100",
        "GET /v1/balance_transactions?limit=100&starting_after=txn_2",
    ];
    assert_eq!(lines, expected);

    let endless = page(json!([txn("txn_1", "pending", "usd")]), true);
    let server = Server::always(Reply::json(200, endless)).await;
    let stripe = client(&server.url);
    let pending = stripe.pending_transactions("usd", 3).await.unwrap();
    assert_eq!((pending.len(), server.heard().len()), (3, 3));
}
