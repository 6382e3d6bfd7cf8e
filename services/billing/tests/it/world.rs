//! A Stripe of the test's own, and its events as webhook-ingest announces them.

use anyhow::{Context, Result, ensure};
use billing::Billing;
use kit::Service;
use ledger::digest64;
use mailbox::Fact;
use serde_json::{Value, json};
use stripe_sandbox::Options;
use testkit::{TestBed, TestService};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::datetime;
use tokio::net::TcpListener;
use wire::billing::v1::billing_service_client::BillingServiceClient;
use wire::billing::v1::{ChargeSettled, StartCheckoutRequest, StartCheckoutResponse};
use wire::webhook_ingest::v1::{MonthIngested, StripeEvent};

pub const NEW_YEAR: OffsetDateTime = datetime!(2027-01-01 00:00 UTC);
pub const FEBRUARY: OffsetDateTime = datetime!(2027-02-01 00:00 UTC);
pub const SCHEMA: &str = "billing";

pub struct World {
    pub bed: TestBed,
    pub url: String,
    _data: tempfile::TempDir,
}

impl World {
    /// Begins on the first of January 2027, at midnight.
    pub async fn begin() -> Result<Self> {
        let bed = TestBed::start(NEW_YEAR, &[Billing::migrator()]).await?;
        let data = tempfile::tempdir()?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let options = Options::new(data.path(), NEW_YEAR.unix_timestamp());
        kit::spawn(stripe_sandbox::serve(
            listener,
            options,
            std::future::pending(),
        ));
        Ok(Self {
            bed,
            url,
            _data: data,
        })
    }

    pub async fn service(&self) -> Result<TestService> {
        self.service_at(&self.url).await
    }

    /// A service that looks for Stripe at another address.
    pub async fn service_at(&self, stripe: &str) -> Result<TestService> {
        self.service_with::<Billing>(stripe, &[]).await
    }

    /// A service with settings of its own.
    pub async fn service_with<S: Service>(
        &self,
        stripe: &str,
        more: &[(&str, &str)],
    ) -> Result<TestService> {
        let mut settings = vec![
            ("TRIBUTARY__CLOCK__SANDBOX_URL", self.url.as_str()),
            ("BILLING__STRIPE__BASE_URL", stripe),
            ("BILLING__STRIPE__SECRET_KEY", "sk_test_billing"),
        ];
        settings.extend(more);
        self.bed.service::<S>(&settings).await
    }

    pub async fn get(&self, path: &str) -> Result<Value> {
        let request = kit::http::client().get(format!("{}{path}", self.url));
        let answer = request.bearer_auth("sk_test_billing").send().await?;
        Ok(answer.error_for_status()?.json().await?)
    }

    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> Result<Value> {
        let request = kit::http::client()
            .post(format!("{}{path}", self.url))
            .form(form);
        let answer = request.bearer_auth("sk_test_billing").send().await?;
        let status = answer.status();
        let body: Value = answer.json().await?;
        ensure!(status.is_success(), "{path}: {body}");
        Ok(body)
    }

    pub async fn remove(&self, path: &str) -> Result<()> {
        let request = kit::http::client().delete(format!("{}{path}", self.url));
        let answer = request.bearer_auth("sk_test_billing").send().await?;
        answer.error_for_status()?;
        Ok(())
    }

    pub async fn advance(&self, to: OffsetDateTime) -> Result<()> {
        let to = to.format(&Rfc3339)?;
        self.post("/_sandbox/clock", &[("advance_to", &to)]).await?;
        Ok(())
    }

    /// Subscribes somebody to the ten dollar plan, paid at once.
    pub async fn subscribe(&self, service: &TestService, who: &str) -> Result<()> {
        let page = start(service, checkout(who, "plan_10", 0)).await?;
        self.pay(&page.session_id).await
    }

    pub async fn pay(&self, session: &str) -> Result<()> {
        self.pay_with(session, &[]).await
    }

    /// Fills the page in: `card_number`, `promotion_code`.
    pub async fn pay_with(&self, session: &str, typed: &[(&str, &str)]) -> Result<()> {
        self.post(&format!("/_sandbox/checkout/{session}/complete"), typed)
            .await?;
        Ok(())
    }

    /// Another page like this one, made at Stripe behind the service's back.
    pub async fn page_like(&self, session: &str, more: &[(&str, &str)]) -> Result<String> {
        let first = self
            .get(&format!("/v1/checkout/sessions/{session}"))
            .await?;
        let lines = format!("/v1/checkout/sessions/{session}/line_items");
        let lines = self.get(&lines).await?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (customer, subscriber) = (
            text(&first["customer"]),
            text(&first["client_reference_id"]),
        );
        let price = text(&lines["data"][0]["price"]["id"]);
        let mut form = vec![
            ("mode", "subscription"),
            ("customer", &customer),
            ("success_url", "https://site.example/done"),
            ("line_items[0][price]", &price),
            ("subscription_data[billing_cycle_anchor]", "1801440000"),
            ("subscription_data[metadata][subscriber_id]", &subscriber),
            ("subscription_data[metadata][program]", "allocation"),
            ("subscription_data[metadata][plan_id]", "plan_10"),
            ("metadata[subscriber_id]", &subscriber),
        ];
        form.extend(more);
        if more.is_empty() {
            form.push(("metadata[program]", "allocation"));
        }
        Ok(text(
            &self.post("/v1/checkout/sessions", &form).await?["id"],
        ))
    }

    /// Announces all events so far, and waits until what they name is read.
    pub async fn catch_up(&self, service: &TestService) -> Result<()> {
        self.deliver(&self.events().await?, None).await?;
        service.settle().await;
        Ok(())
    }

    /// What was announced of charges, oldest first: gross, tax, and the month that it funds.
    /// All of it, and nothing else, came in at Stripe.
    pub async fn charges(&self) -> Result<Vec<(i64, i64, String)>> {
        let mut charges = self.bed.announced::<ChargeSettled>(SCHEMA).await?;
        charges.sort_by_key(|charge| charge.settled_at.map(|at| (at.seconds, at.nanos)));
        let at_stripe = self.get("/v1/charges?limit=100").await?;
        let at_stripe = at_stripe["data"].as_array().cloned().context("a list")?;
        let paid = at_stripe.iter().filter(|charge| charge["paid"] == true);
        let amounts = paid.filter_map(|charge| charge["amount"].as_i64());
        let announced = charges.iter().map(|charge| charge.gross_minor);
        ensure!(
            amounts.sum::<i64>() == announced.sum::<i64>(),
            "cash was lost"
        );
        Ok(charges
            .into_iter()
            .map(|it| (it.gross_minor, it.tax_minor, it.period_month))
            .collect())
    }

    /// All events so far, oldest first.
    pub async fn events(&self) -> Result<Vec<Value>> {
        let page = self.get("/v1/events?limit=100").await?;
        ensure!(
            page["has_more"] == false,
            "a test makes at most a hundred events"
        );
        let mut events = page["data"].as_array().cloned().context("a list")?;
        events.reverse();
        Ok(events)
    }

    /// Announces events, as counted from their creation or from `counts_from`.
    pub async fn deliver(
        &self,
        events: &[Value],
        counts_from: Option<OffsetDateTime>,
    ) -> Result<()> {
        let facts: Vec<Fact> = events
            .iter()
            .map(|event| fact(event, counts_from))
            .collect::<Result<_>>()?;
        self.bed.publish("webhook_ingest", &facts).await
    }

    /// Announces that a month holds exactly these events and all before them.
    pub async fn ingested(&self, month: &str, events: &[Value]) -> Result<()> {
        let ids = events.iter().filter_map(|event| event["id"].as_str());
        let digest = ids.fold(0_u64, |sum, id| sum.wrapping_add(digest64(id)));
        let event_count = i64::try_from(events.len())?;
        let message = MonthIngested {
            month: month.to_owned(),
            event_count,
            digest,
        };
        let fact = Fact::new(format!("ingested:{month}:1"), month, 1, FEBRUARY, &message);
        self.bed.publish("webhook_ingest", &[fact]).await
    }
}

fn fact(event: &Value, counts_from: Option<OffsetDateTime>) -> Result<Fact> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let created =
        OffsetDateTime::from_unix_timestamp(event["created"].as_i64().context("created")?)?;
    let object = &event["data"]["object"];
    let message = StripeEvent {
        event_id: text(&event["id"]),
        r#type: text(&event["type"]),
        created: Some(wire::timestamp(created)),
        account: text(&event["account"]),
        livemode: false,
        api_version: text(&event["api_version"]),
        object_id: text(&object["id"]),
        object_kind: text(&object["object"]),
        body: Vec::new(),
        counts_from: Some(wire::timestamp(counts_from.unwrap_or(created))),
    };
    Ok(Fact::new(
        &message.event_id,
        &message.event_id,
        1,
        created,
        &message,
    ))
}

pub fn checkout(who: &str, plan_id: &str, amount_minor: i64) -> StartCheckoutRequest {
    StartCheckoutRequest {
        subscriber_id: who.into(),
        plan_id: plan_id.into(),
        amount_minor,
        success_url: "https://site.example/done".into(),
        cancel_url: "https://site.example/back".into(),
        ..StartCheckoutRequest::default()
    }
}

pub async fn start(
    service: &TestService,
    request: StartCheckoutRequest,
) -> Result<StartCheckoutResponse, anyhow::Error> {
    let mut client = BillingServiceClient::new(service.peer()?);
    Ok(client.start_checkout(request).await?.into_inner())
}

/// A refusal's code and figures.
pub fn told(error: anyhow::Error) -> Result<(String, std::collections::HashMap<String, String>)> {
    let status = error.downcast::<tonic::Status>()?;
    kit::reason_of(&status).with_context(|| format!("no refusal: {status}"))
}

/// An event of this kind, made up, about an object that need not exist.
pub fn made_up(id: &str, kind: &str, object: &str) -> Value {
    json!({ "id": id, "type": kind, "created": NEW_YEAR.unix_timestamp(),
        "data": { "object": { "id": object, "object": "invoice" } } })
}
