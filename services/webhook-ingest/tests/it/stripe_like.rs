//! Deliveries as Stripe makes them.

use anyhow::Result;
use kit::{Clock, SecretString, Service};
use serde_json::{Value, json};
use testkit::{TestBed, TestService};
use time::OffsetDateTime;
use time::macros::datetime;
use webhook_ingest::WebhookIngest;

pub const SECRET: &str = "whsec_current";
pub const RETIRING: &str = "whsec_retiring";
pub const JANUARY: OffsetDateTime = datetime!(2027-01-10 12:00 UTC);
pub const FEBRUARY: OffsetDateTime = datetime!(2027-02-01 00:00 UTC);

pub async fn bed() -> Result<TestBed> {
    TestBed::start(JANUARY, &[WebhookIngest::migrator()]).await
}

pub async fn service(bed: &TestBed) -> Result<TestService> {
    let secrets = format!("{SECRET}, {RETIRING}");
    bed.service::<WebhookIngest>(&[("WEBHOOK_INGEST__WEBHOOKS__SECRETS", &secrets)])
        .await
}

/// An event of this id and creation time.
pub fn event(id: &str, created: OffsetDateTime) -> Value {
    json!({
        "id": id, "object": "event", "type": "invoice.paid", "livemode": false,
        "created": created.unix_timestamp(), "api_version": "2026-10-28.endive",
        "data": { "object": { "id": "in_1", "object": "invoice" } },
    })
}

pub fn signature(body: &str, secret: &str, at: OffsetDateTime) -> String {
    stripe::webhook::sign(body.as_bytes(), &SecretString::from(secret), at)
}

/// Posts a body; answers the status and the body's JSON.
pub async fn post(
    service: &TestService,
    path: &str,
    body: String,
    signature: Option<String>,
) -> Result<(u16, Value)> {
    let address = service.public_address().expect("the service faces outside");
    let mut request = kit::http::client()
        .post(format!("http://{address}{path}"))
        .body(body);
    if let Some(signature) = signature {
        request = request.header("stripe-signature", signature);
    }
    let answer = request.send().await?;
    let status = answer.status().as_u16();
    let text = answer.text().await?;
    Ok((status, serde_json::from_str(&text).unwrap_or(Value::Null)))
}

/// Delivers an event with a good signature.
pub async fn deliver(service: &TestService, event: &Value) -> Result<(u16, Value)> {
    let body = event.to_string();
    let signature = signature(&body, SECRET, Clock::system().wall());
    post(service, "/v1/webhooks/stripe", body, Some(signature)).await
}

/// The ids that are stored, in order.
pub async fn stored(bed: &TestBed) -> Result<Vec<String>> {
    let owner = bed.db.owner().await?;
    let query = "select event_id from webhook_ingest.stripe_event order by event_id";
    Ok(sqlx::query_scalar(query).fetch_all(&owner).await?)
}
