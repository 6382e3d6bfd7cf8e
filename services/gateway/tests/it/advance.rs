//! Moving the sandbox's clock, to the end and never for ever.

use std::time::Duration;

use anyhow::Result;
use reqwest::Method;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::behind::{Behind, START};
use crate::bench::{Bench, token};

async fn advance(behind: &Behind, milliseconds: i64) -> Result<(u16, Value)> {
    let address = behind.serve().await?;
    let clock = [
        ("TRIBUTARY__CLOCK__SANDBOX_URL", address.as_str()),
        ("GATEWAY__REQUESTS__ADVANCE_PATIENCE_MS", "1000"),
    ];
    let bench = Bench::start_with(&address, &clock).await?;
    let to = i128::from(START * 1000 + milliseconds) * 1_000_000;
    let to = OffsetDateTime::from_unix_timestamp_nanos(to)?.format(&Rfc3339)?;
    let body = serde_json::json!({ "advance_to": to }).to_string();
    let token = token("root", "admin");
    let asked = bench.send(Method::POST, "/v1/sandbox/clock", Some(&token), Some(&body));
    tokio::time::timeout(Duration::from_secs(10), asked).await?
}

#[tokio::test]
async fn the_clock_stops_at_every_timer_and_arrives() -> Result<()> {
    let behind = Behind::new();
    let dues = [
        START * 1000 + 60_000,
        START * 1000 + 120_500,
        START * 1000 + 7_200_000,
    ];
    behind.timers.lock().expect("not poisoned").extend(dues);
    let (status, body) = advance(&behind, 3_600_000).await?;
    assert_eq!(status, 200, "{body}");
    assert_eq!(behind.now(), START + 3600);
    assert_eq!(*behind.timers.lock().expect("not poisoned"), [dues[2]]);
    Ok(())
}

#[tokio::test]
async fn a_target_within_a_second_is_that_seconds_beginning() -> Result<()> {
    let behind = Behind::new();
    let (status, body) = advance(&behind, 60_500).await?;
    assert_eq!((status, behind.now()), (200, START + 60), "{body}");
    Ok(())
}

#[tokio::test]
async fn a_clock_that_does_not_move_ends_the_advance_with_a_reason() -> Result<()> {
    let behind = Behind {
        moves: false,
        ..Behind::new()
    };
    let (status, body) = advance(&behind, 60_000).await?;
    assert_eq!(
        (status, body["code"].as_str()),
        (503, Some("not_at_rest")),
        "{body}"
    );
    assert!(
        body["detail"]
            .as_str()
            .is_some_and(|why| why.contains("did not move")),
        "{body}"
    );
    Ok(())
}

#[tokio::test]
async fn who_asked_travels_with_every_call() -> Result<()> {
    let behind = Behind::new();
    advance(&behind, 1_000).await?;
    let actors = behind.actors.lock().expect("not poisoned").clone();
    assert!(
        !actors.is_empty() && actors.iter().all(|actor| actor == "admin:root"),
        "{actors:?}"
    );
    Ok(())
}
