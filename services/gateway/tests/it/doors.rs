//! Who gets in.

use anyhow::Result;
use reqwest::Method;
use serde_json::json;

use crate::bench::{Bench, claims, sign, token};

#[tokio::test]
async fn every_route_but_the_description_asks_for_a_token() -> Result<()> {
    let bench = Bench::start().await?;
    let (status, document) = bench.send(Method::GET, "/openapi.json", None, None).await?;
    assert_eq!((status, document["openapi"].as_str()), (200, Some("3.1.0")));
    let paths = document["paths"].as_object().expect("paths");
    assert!(paths.len() >= 14, "{}", paths.len());
    for (path, operations) in paths {
        for method in operations.as_object().expect("operations").keys() {
            let method = Method::from_bytes(method.to_uppercase().as_bytes())?;
            let url = path
                .replace("{creator_id}", "a")
                .replace("{payout_id}", "po_1")
                .replace("{month}", "2027-01");
            let (status, problem) = bench.send(method.clone(), &url, None, None).await?;
            assert_eq!(
                (status, problem["code"].as_str()),
                (401, Some("unauthenticated")),
                "{method} {path}"
            );
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_role_opens_its_own_doors_only() -> Result<()> {
    let bench = Bench::start().await?;
    let doors = [
        (Method::GET, "/v1/allocations", None, "subscriber"),
        (Method::GET, "/v1/subscriptions/me", None, "subscriber"),
        (Method::GET, "/v1/creators/me/earnings", None, "creator"),
        (Method::GET, "/v1/creators/me/account", None, "creator"),
        (
            Method::PUT,
            "/v1/admin/creators/a",
            Some(r#"{"display_name":"A"}"#),
            "admin",
        ),
        (Method::GET, "/v1/admin/months/2027-01", None, "finance"),
        (Method::GET, "/v1/admin/solvency", None, "finance"),
    ];
    for (method, path, body, role) in doors {
        for other in ["subscriber", "creator"]
            .into_iter()
            .filter(|other| *other != role)
        {
            let token = token("u1", other);
            let (status, problem) = bench.send(method.clone(), path, Some(&token), body).await?;
            assert_eq!(
                (status, problem["code"].as_str()),
                (403, Some("role_required")),
                "{other} at {path}"
            );
        }
        // The right role gets through to a service that is away: that is said, and no more.
        let token = token("u1", role);
        let (status, problem) = bench.send(method, path, Some(&token), body).await?;
        assert_eq!(
            (status, problem["code"].as_str()),
            (503, Some("unavailable")),
            "{role} at {path}"
        );
    }
    Ok(())
}

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
