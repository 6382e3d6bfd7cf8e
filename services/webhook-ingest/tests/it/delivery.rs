//! Storing: once, whole, and before the answer.

use anyhow::Result;
use futures::future::{join_all, try_join_all};
use kit::Clock;
use serde_json::{Value, json};
use sqlx::PgPool;
use testkit::eventually;
use wire::webhook_ingest::v1::webhook_ingest_service_client::WebhookIngestServiceClient;
use wire::webhook_ingest::v1::{GetStatisticsRequest, StripeEvent};

use crate::stripe_like::{JANUARY, SECRET, bed, deliver, event, post, service, signature, stored};

const SCHEMA: &str = "webhook_ingest";

#[tokio::test]
async fn an_event_that_comes_many_times_at_once_is_stored_and_announced_once() -> Result<()> {
    let bed = bed().await?;
    let (one, two) = (service(&bed).await?, service(&bed).await?);
    let event = event("evt_1", JANUARY);
    let deliveries = (0..40).map(|n| deliver(if n % 2 == 0 { &one } else { &two }, &event));
    let answers = try_join_all(deliveries).await?;
    assert!(
        answers
            .iter()
            .all(|(status, answer)| *status == 200 && answer["received"] == true)
    );
    let first = answers
        .iter()
        .filter(|(_, answer)| answer.get("duplicate").is_none());
    assert_eq!(first.count(), 1);
    assert_eq!(stored(&bed).await?, ["evt_1"]);
    one.settle().await;
    let announced = bed.announced::<StripeEvent>(SCHEMA).await?;
    assert_eq!(announced.len(), 1);
    assert_eq!(announced[0].body, event.to_string().into_bytes());
    assert_eq!(announced[0].object_id, "in_1");
    let mut counted = 0;
    for service in [&one, &two] {
        let mut client = WebhookIngestServiceClient::new(service.peer()?);
        counted = client
            .get_statistics(GetStatisticsRequest {})
            .await?
            .into_inner()
            .duplicate_count;
    }
    assert_eq!(counted, 39);
    one.stop().await;
    two.stop().await;
    Ok(())
}

#[tokio::test]
async fn another_body_under_a_known_id_changes_nothing() -> Result<()> {
    let bed = bed().await?;
    let service = service(&bed).await?;
    let first = event("evt_1", JANUARY);
    let mut other = first.clone();
    other["data"]["object"]["id"] = json!("in_other");
    assert_eq!(
        deliver(&service, &first).await?,
        (200, json!({"received": true}))
    );
    let again = (200, json!({"received": true, "duplicate": true}));
    assert_eq!(deliver(&service, &other).await?, again);
    let owner = bed.db.owner().await?;
    let body: Vec<u8> = sqlx::query_scalar("select body from webhook_ingest.stripe_event")
        .fetch_one(&owner)
        .await?;
    assert_eq!(body, first.to_string().into_bytes());
    assert_eq!(bed.announced::<StripeEvent>(SCHEMA).await?.len(), 1);
    eventually("the altered delivery to be counted", || async {
        let query = "select tally_count from webhook_ingest.tally where outcome = 'altered'";
        let count: Option<i64> = sqlx::query_scalar(query)
            .fetch_optional(&owner)
            .await
            .ok()?;
        (count == Some(1)).then_some(())
    })
    .await;
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn what_we_do_not_know_is_stored_and_what_is_not_for_us_is_not_announced() -> Result<()> {
    let bed = bed().await?;
    let service = service(&bed).await?;
    let mut unknown = event("evt_unknown", JANUARY);
    unknown["type"] = json!("something.of.tomorrow");
    unknown["api_version"] = json!("2031-01-01.later");
    let mut live = event("evt_live", JANUARY);
    live["livemode"] = json!(true);
    let long = json!({ "id": "evt_long", "type": "a.b", "created": JANUARY.unix_timestamp(),
        "padding": "x".repeat(600_000) });
    for event in [&unknown, &live, &long, &Value::Null] {
        assert_eq!(
            deliver(&service, event).await?,
            (200, json!({"received": true}))
        );
    }
    let stored = stored(&bed).await?;
    assert_eq!(stored[..3], ["evt_live", "evt_long", "evt_unknown"]);
    assert!(stored[3].starts_with("unreadable_"), "{stored:?}");
    // The relay can publish all of it: nothing is left in the outbox.
    service.settle().await;
    let mut announced = bed.announced::<StripeEvent>(SCHEMA).await?;
    announced.sort_by(|a, b| a.event_id.cmp(&b.event_id));
    let ids: Vec<_> = announced
        .iter()
        .map(|event| event.event_id.as_str())
        .collect();
    assert_eq!(ids, ["evt_long", "evt_unknown"]);
    assert!(
        announced[0].body.is_empty(),
        "a long body stays in the store"
    );
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn every_delivery_of_a_batch_gets_its_own_answer() -> Result<()> {
    let bed = bed().await?;
    let service = service(&bed).await?;
    let owner = bed.db.owner().await?;
    // While the table is locked the writer waits with the first, and the others queue up.
    let held = hold_table(&owner).await?;
    let deliveries: Vec<Value> = (0..200)
        .map(|n| event(&format!("evt_{:03}", n % 150), JANUARY))
        .collect();
    let sent = join_all(deliveries.iter().map(|event| deliver(&service, event)));
    let release = async {
        wait_for_a_writer(&owner).await;
        held.commit().await
    };
    let (answers, released) = tokio::join!(sent, release);
    released?;
    let answers: Vec<_> = answers.into_iter().collect::<Result<_>>()?;
    assert!(answers.iter().all(|(status, _)| *status == 200));
    let duplicates = answers
        .iter()
        .filter(|(_, answer)| answer["duplicate"] == true)
        .count();
    assert_eq!((stored(&bed).await?.len(), duplicates), (150, 50));
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn nothing_is_acknowledged_before_it_is_committed() -> Result<()> {
    let bed = bed().await?;
    let service = service(&bed).await?;
    let owner = bed.db.owner().await?;
    let held = hold_table(&owner).await?;
    let event = event("evt_1", JANUARY);
    let mut delivery = Box::pin(deliver(&service, &event));
    let early = tokio::select! {
        answer = &mut delivery => Some(answer),
        () = wait_for_a_writer(&owner) => None,
    };
    assert!(
        early.is_none(),
        "acknowledged while the table was locked: {early:?}"
    );
    held.commit().await?;
    assert_eq!(delivery.await?, (200, json!({"received": true})));
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_body_above_a_mebibyte_is_turned_away() -> Result<()> {
    let bed = bed().await?;
    let service = service(&bed).await?;
    let body = "x".repeat(1024 * 1024 + 1);
    let signed = signature(&body, SECRET, Clock::system().wall());
    // A client may see the answer, or the connection close while it is still sending.
    if let Ok((status, _)) = post(&service, "/v1/webhooks/stripe", body, Some(signed)).await {
        assert_eq!(status, 413);
    }
    assert!(stored(&bed).await?.is_empty());
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn the_payout_endpoint_says_that_it_is_well() -> Result<()> {
    let bed = bed().await?;
    let service = service(&bed).await?;
    let address = service.public_address().expect("the service faces outside");
    let url = format!("http://{address}/v1/webhooks/stripe-payouts/health");
    let answer = kit::http::client().get(url).send().await?;
    assert_eq!(answer.status().as_u16(), 200);
    let answer: Value = answer.json().await?;
    assert_eq!(
        (&answer["status"], &answer["service"]),
        (&json!("ok"), &json!("stripe-payouts-webhook"))
    );
    assert!(
        answer["timestamp"]
            .as_str()
            .is_some_and(|text| text.ends_with('Z')),
        "{answer}"
    );
    service.stop().await;
    Ok(())
}

async fn hold_table(owner: &PgPool) -> Result<sqlx::Transaction<'static, sqlx::Postgres>> {
    let mut held = owner.begin().await?;
    sqlx::query("lock table webhook_ingest.stripe_event in access exclusive mode")
        .execute(&mut *held)
        .await?;
    Ok(held)
}

/// Waits until someone waits to insert events.
async fn wait_for_a_writer(owner: &PgPool) {
    eventually("a writer to wait for the table", || async {
        let query = "select count(*) from pg_locks where not granted and mode = 'RowExclusiveLock'
            and database = (select oid from pg_database where datname = current_database())";
        let waiting: i64 = sqlx::query_scalar(query).fetch_one(owner).await.ok()?;
        (waiting > 0).then_some(())
    })
    .await;
}
