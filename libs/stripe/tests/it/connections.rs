//! What the line does, and what that proves about an order.

use std::time::Duration;

use stripe::{Doubt, Failure};
use tokio::net::TcpListener;

use crate::fixtures::{
    balance_answer, client, client_with_timeout, transfer_answer, transfer_at, transfer_order,
};
use crate::server::{Reply, Server};

fn unknown(why: Doubt) -> Failure {
    Failure::Unknown {
        why,
        request_id: None,
    }
}

#[tokio::test]
async fn two_hundred_calls_share_one_connection() {
    let server = Server::start(|_, heard| match heard.line.as_str() {
        "POST /v1/transfers" => Reply::json(200, transfer_answer()),
        _ => Reply::json(200, balance_answer()),
    })
    .await;
    let stripe = client(&server.url);
    for _ in 0..100 {
        stripe
            .create_transfer(&transfer_order(), "k")
            .await
            .unwrap();
        stripe.clone().balance(None).await.unwrap();
    }
    assert_eq!((server.heard().len(), server.connections()), (200, 1));
}

#[tokio::test]
async fn a_refusal_does_not_cost_the_connection() {
    let server = Server::always(Reply::json(400, r#"{"error":{"type":"x"}}"#)).await;
    let stripe = client(&server.url);
    for _ in 0..5 {
        stripe
            .create_transfer(&transfer_order(), "k")
            .await
            .unwrap_err();
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn silence_until_the_time_out_is_unknown() {
    let server = Server::always(Reply::Silence).await;
    let stripe = client_with_timeout(&server.url, Duration::from_millis(200));
    let outcome = stripe.create_transfer(&transfer_order(), "k").await;
    assert_eq!(outcome.unwrap_err(), unknown(Doubt::TimedOut));
}

#[tokio::test]
async fn a_connection_that_ends_without_a_word_is_unknown() {
    let server = Server::always(Reply::HangUp).await;
    assert_eq!(
        transfer_at(&server.url).await.unwrap_err(),
        unknown(Doubt::ConnectionLost)
    );
    assert_eq!(server.heard().len(), 1);
}

#[tokio::test]
async fn a_kept_connection_that_ends_under_an_order_is_unknown_and_not_sent_again() {
    let server = Server::start(|number, _| match number {
        0 => Reply::json(200, transfer_answer()),
        _ => Reply::HangUp,
    })
    .await;
    let stripe = client(&server.url);
    stripe
        .create_transfer(&transfer_order(), "k")
        .await
        .unwrap();
    let outcome = stripe.create_transfer(&transfer_order(), "k").await;
    assert_eq!(outcome.unwrap_err(), unknown(Doubt::ConnectionLost));
    assert_eq!(server.heard().len(), 2);
}

#[tokio::test]
async fn half_an_answer_is_unknown() {
    let server = Server::always(Reply::HalfAnAnswer).await;
    assert_eq!(
        transfer_at(&server.url).await.unwrap_err(),
        unknown(Doubt::ConnectionLost)
    );
}

#[tokio::test]
async fn a_refused_connection_means_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let failure = transfer_at(&url).await.unwrap_err();
    assert!(matches!(failure, Failure::NotSent { .. }), "{failure:?}");
    assert!(failure.is_retryable_same_key() && !failure.is_definite_refusal());
}
