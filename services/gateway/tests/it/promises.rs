//! What a write promised is kept before its answer leaves, and replies are kept for so long.

use anyhow::Result;
use serde_json::json;
use wire::payout::v1::RequestPayoutRequest;

use crate::bench::Bench;
use crate::idempotency::{REQUEST, ask, count, execute, paying};

#[tokio::test]
async fn a_promise_is_kept_once_with_its_effect_before_the_answer_leaves() -> Result<()> {
    let bench = Bench::over(&paying()).await?;
    for _ in 0..3 {
        ask(&bench, "u1", Some("k1"), &json!({})).await?;
    }
    let kept = "select count(*) from gateway.acknowledged where effect = 'payout:po_1'
                and principal = 'u1' and method = 'POST' and route = '/v1/payouts'";
    assert_eq!(count(&bench, kept).await?, 1);
    assert_eq!(
        count(&bench, "select count(*) from gateway.acknowledged").await?,
        1
    );
    Ok(())
}

#[tokio::test]
async fn a_write_whose_promise_cannot_be_kept_is_not_acknowledged() -> Result<()> {
    let fake = paying();
    let bench = Bench::over(&fake).await?;
    execute(
        &bench,
        "revoke insert on gateway.acknowledged from gateway_svc",
    )
    .await?;
    let body = json!({});
    let reply = ask(&bench, "u1", Some("k1"), &body).await?;
    assert!(reply.status >= 500, "{}", reply.body);
    execute(
        &bench,
        "grant insert on gateway.acknowledged to gateway_svc",
    )
    .await?;
    execute(
        &bench,
        "update gateway.idempotent_request set leased_until_wall_at = now()",
    )
    .await?;
    let again = ask(&bench, "u1", Some("k1"), &body).await?;
    assert_eq!(
        (again.status, again.header("idempotent-replayed")),
        (201, "")
    );
    let keys: Vec<String> = fake
        .asked::<RequestPayoutRequest>(REQUEST)
        .into_iter()
        .map(|request| request.idempotency_key)
        .collect();
    assert_eq!(keys[0], keys[1]);
    Ok(())
}

#[tokio::test]
async fn replies_older_than_the_limit_are_swept_and_younger_ones_are_not() -> Result<()> {
    let fake = paying();
    let bench = Bench::over(&fake).await?;
    for key in ["old", "young"] {
        ask(&bench, "u1", Some(key), &json!({})).await?;
    }
    execute(
        &bench,
        "update gateway.idempotent_request set began_wall_at = now() - interval '30 days 1 minute'
         where idempotency_key = 'old'",
    )
    .await?;
    // A fresh process takes a turn as it starts.
    let _replica = bench.replica(&fake.serve().await?, &[]).await?;
    let left = testkit::eventually("the old reply to be gone", || async {
        let query = "select count(*) from gateway.idempotent_request";
        count(&bench, query).await.ok().filter(|left| *left < 2)
    })
    .await;
    assert_eq!(left, 1);
    let young = ask(&bench, "u1", Some("young"), &json!({})).await?;
    assert_eq!(young.header("idempotent-replayed"), "true");
    Ok(())
}
