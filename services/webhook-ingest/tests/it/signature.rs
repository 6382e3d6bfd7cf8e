//! Who is believed.

use anyhow::Result;
use kit::{BootError, Clock};
use serde_json::json;
use time::Duration;
use webhook_ingest::WebhookIngest;
use wire::webhook_ingest::v1::GetStatisticsRequest;
use wire::webhook_ingest::v1::webhook_ingest_service_client::WebhookIngestServiceClient;

use crate::stripe_like::{JANUARY, RETIRING, SECRET, bed, event, post, service, signature, stored};

#[tokio::test]
async fn what_is_not_signed_by_stripe_just_now_is_refused_counted_and_not_stored() -> Result<()> {
    let bed = bed().await?;
    let service = service(&bed).await?;
    let body = event("evt_1", JANUARY).to_string();
    let now = Clock::system().wall();
    let refused = [
        None,
        Some(String::new()),
        Some("nonsense".to_owned()),
        Some(signature(&body, "whsec_of_somebody", now)),
        Some(signature(&format!("{body} "), SECRET, now)),
        Some(signature(&body, SECRET, now - Duration::seconds(400))),
        Some(signature(&body, SECRET, now + Duration::seconds(400))),
    ];
    for header in &refused {
        for path in ["/v1/webhooks/stripe", "/v1/webhooks/stripe-payouts"] {
            let (status, answer) = post(&service, path, body.clone(), header.clone()).await?;
            assert_eq!(
                (status, &answer["code"]),
                (400, &json!("SIGNATURE_INVALID")),
                "{header:?}"
            );
        }
    }
    assert!(stored(&bed).await?.is_empty());
    let mut client = WebhookIngestServiceClient::new(service.peer()?);
    let counts = client
        .get_statistics(GetStatisticsRequest {})
        .await?
        .into_inner();
    assert_eq!((counts.stored_count, counts.refused_count), (0, 14));
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_secret_that_is_being_replaced_is_believed_beside_the_new_one() -> Result<()> {
    let bed = bed().await?;
    let service = service(&bed).await?;
    let now = Clock::system().wall();
    for (id, secret, path) in [
        ("evt_1", SECRET, "/v1/webhooks/stripe"),
        ("evt_2", RETIRING, "/v1/webhooks/stripe-payouts"),
    ] {
        let body = event(id, JANUARY).to_string();
        let signed = signature(&body, secret, now);
        assert_eq!(
            post(&service, path, body, Some(signed)).await?,
            (200, json!({"received": true}))
        );
    }
    let owner = bed.db.owner().await?;
    let endpoints: Vec<String> =
        sqlx::query_scalar("select endpoint from webhook_ingest.stripe_event order by event_id")
            .fetch_all(&owner)
            .await?;
    assert_eq!(endpoints, ["stripe", "stripe-payouts"]);
    service.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_service_with_a_blank_secret_does_not_start() -> Result<()> {
    let bed = bed().await?;
    for secrets in ["", "whsec_a,"] {
        let settings = [("WEBHOOK_INGEST__WEBHOOKS__SECRETS", secrets)];
        let refused = bed.service::<WebhookIngest>(&settings).await.err();
        let refused = refused.and_then(|error| error.downcast::<BootError>().ok());
        assert!(matches!(refused, Some(BootError::Config(why)) if why.contains("blank")));
    }
    Ok(())
}
