//! Who gets in.

use anyhow::Result;
use reqwest::Method;
use serde_json::json;

use crate::bench::{Bench, claims, sign};

#[tokio::test]
async fn a_token_that_lacks_or_bends_a_claim_is_no_token() -> Result<()> {
    let bench = Bench::start().await?;
    let good = claims("u1", &["subscriber"]);
    let bent = |key: &str, value: serde_json::Value| {
        let mut claims = good.clone();
        claims[key] = value;
        sign(&claims, "a secret of at least thirty-two characters")
    };
    let lacking = |key: &str| {
        let mut claims = good.clone();
        claims.as_object_mut().expect("an object").remove(key);
        sign(&claims, "a secret of at least thirty-two characters")
    };
    let bad = [
        sign(&good, "another secret of at least thirty-two chars"),
        bent("exp", json!(1_000_000)),
        bent(
            "exp",
            json!(time::OffsetDateTime::now_utc().unix_timestamp() - 30),
        ),
        bent(
            "nbf",
            json!(time::OffsetDateTime::now_utc().unix_timestamp() + 300),
        ),
        bent("iss", json!("someone")),
        bent("aud", json!("something")),
        bent("sub", json!("no/slash allowed")),
        lacking("exp"),
        lacking("iss"),
        lacking("aud"),
        lacking("sub"),
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1MSJ9.".to_owned(),
    ];
    for token in &bad {
        let (status, _) = bench
            .send(Method::GET, "/v1/allocations", Some(token), None)
            .await?;
        assert_eq!(status, 401, "{token}");
    }
    Ok(())
}

#[tokio::test]
async fn nobody_is_served_before_the_clock_was_read() -> Result<()> {
    let away = ("TRIBUTARY__CLOCK__SANDBOX_URL", "http://127.0.0.1:9");
    let bench = Bench::start_with("http://127.0.0.1:9", &[away]).await?;
    let (status, problem) = bench.send_bare("/v1/plans").await?;
    assert_eq!(
        (status, problem["code"].as_str()),
        (503, Some("unavailable"))
    );
    Ok(())
}
