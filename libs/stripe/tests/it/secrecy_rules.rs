//! The key is sent to Stripe and shown to nobody.

use std::time::Duration;

use stripe::{ConfigRefused, Failure, Stripe, StripeConfig};

use crate::fixtures::{SECRET_KEY, client, transfer_at};
use crate::server::{Reply, Server};

#[test]
fn neither_client_nor_configuration_prints_the_key() {
    let config = StripeConfig::new("http://127.0.0.1:1", SECRET_KEY.into());
    assert!(!format!("{config:?}").contains(SECRET_KEY));
    let printed = format!("{:?}", client("http://127.0.0.1:1"));
    assert!(
        printed.contains("127.0.0.1:1") && !printed.contains(SECRET_KEY),
        "{printed}"
    );
}

#[tokio::test]
async fn a_failure_prints_codes_but_no_message_and_no_key() {
    let body = format!(
        r#"{{"error":{{"type":"invalid_request_error","code":"c","message":"Bad key {SECRET_KEY} given"}}}}"#
    );
    for status in [400, 401] {
        let server = Server::always(Reply::json(status, &body)).await;
        let failure = transfer_at(&server.url).await.unwrap_err();
        let printed = failure.to_string();
        assert!(
            printed.contains(&status.to_string()) && !printed.contains("given"),
            "{printed}"
        );
        let debugged = format!("{failure:?}");
        assert!(debugged.contains("Bad key [key] given"), "{debugged}");
    }
}

#[tokio::test]
async fn a_redirect_does_not_take_the_key_elsewhere() {
    let elsewhere = Server::always(Reply::json(200, "{}")).await;
    let target = elsewhere.url.clone();
    let server = Server::start(move |_, _| Reply::json(307, "").with("Location", &target)).await;
    let failure = transfer_at(&server.url).await.unwrap_err();
    assert!(matches!(failure, Failure::Unknown { .. }), "{failure:?}");
    assert_eq!(elsewhere.connections(), 0);
}

#[test]
fn a_configuration_that_could_only_fail_or_leak_is_refused() {
    let table = [
        ("not an address", SECRET_KEY, ConfigRefused::BadBaseUrl),
        ("ftp://127.0.0.1", SECRET_KEY, ConfigRefused::BadBaseUrl),
        ("http://127.0.0.1:1", " ", ConfigRefused::BlankKey),
        (
            "http://127.0.0.1:1",
            "sk_live_1",
            ConfigRefused::LiveKeyInClear,
        ),
        (
            "http://127.0.0.1:1",
            "sk_test_\n1",
            ConfigRefused::BadHeader,
        ),
        // No TLS provider is installed in this process.
        (
            "https://127.0.0.1:1",
            "sk_live_1",
            ConfigRefused::NoTlsProvider,
        ),
    ];
    for (base_url, key, expected) in table {
        let config = StripeConfig {
            timeout: Duration::from_secs(1),
            ..StripeConfig::new(base_url, key.into())
        };
        assert_eq!(Stripe::new(config).unwrap_err(), expected, "{base_url}");
    }
}
