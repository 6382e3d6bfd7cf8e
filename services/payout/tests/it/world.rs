//! Everything that a test of payout stands on.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use kit::{Peer, Service};
use mailbox::Fact;
use payout::Payout;
use serde_json::{Value, json};
use testkit::{TestBed, TestService, eventually};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::datetime;
use wire::earnings::v1::MonthClosed;
use wire::payout::v1 as proto;
use wire::payout::v1::payout_service_client::PayoutServiceClient;
use wire::webhook_ingest::v1::StripeEvent;

use crate::front::Front;
use crate::others::Others;

/// A Monday: banks are open.
pub const START: OffsetDateTime = datetime!(2027-02-01 00:00 UTC);
pub const TRANSFERS: &str = "/v1/transfers";
pub const BANK: &str = "/v1/payouts";

pub struct World {
    pub bed: TestBed,
    pub front: Front,
    pub others: Others,
    sandbox: String,
    pub accounts: Vec<String>,
    delivered: BTreeSet<String>,
    _data: tempfile::TempDir,
}

impl World {
    pub async fn start() -> Result<Self> {
        let bed = TestBed::start(START, &[Payout::migrator()]).await?;
        let data = tempfile::tempdir()?;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let sandbox = format!("http://{}", listener.local_addr()?);
        let options = stripe_sandbox::Options::new(data.path(), START.unix_timestamp());
        kit::spawn(stripe_sandbox::serve(
            listener,
            options,
            std::future::pending(),
        ));
        let front = Front::start(&sandbox).await?;
        let others = Others::start(bed.db.owner().await?).await?;
        let (accounts, delivered) = (Vec::new(), BTreeSet::new());
        Ok(Self {
            bed,
            front,
            others,
            sandbox,
            accounts,
            delivered,
            _data: data,
        })
    }

    /// Another replica of the service.
    pub async fn service(&self) -> Result<TestService> {
        let settings = [
            ("TRIBUTARY__CLOCK__SANDBOX_URL", self.sandbox.as_str()),
            ("TRIBUTARY__PEERS__EARNINGS", &self.others.url),
            ("TRIBUTARY__PEERS__FRAUD_LIMITS", &self.others.url),
            ("PAYOUT__STRIPE__BASE_URL", &self.front.url),
            ("PAYOUT__STRIPE__SECRET_KEY", "sk_test_payout"),
        ];
        self.bed.service::<Payout>(&settings).await
    }

    /// Money of the platform's own, available at once.
    pub async fn top_up(&self, minor: i64) -> Result<()> {
        let amount = minor.to_string();
        let form = [("amount", amount.as_str()), ("currency", "usd")];
        let url = format!("{}/v1/topups", self.sandbox);
        let sent = kit::http::client()
            .post(url)
            .bearer_auth("sk_test_it")
            .form(&form);
        sent.send().await?.error_for_status()?;
        Ok(())
    }

    /// Tells the sandbox something that nobody can tell Stripe.
    pub async fn command(&self, path: &str, body: Value) -> Result<()> {
        let url = format!("{}/_sandbox/{path}", self.sandbox);
        kit::http::client()
            .post(url)
            .json(&body)
            .send()
            .await?
            .error_for_status()?;
        Ok(())
    }

    /// A call to Stripe by somebody else who may, with the platform's key.
    pub async fn call(&self, path: &str, form: &[(&str, &str)]) -> Result<Value> {
        let url = format!("{}{path}", self.sandbox);
        let sent = kit::http::client()
            .post(url)
            .bearer_auth("sk_test_it")
            .form(form);
        Ok(sent.send().await?.error_for_status()?.json().await?)
    }

    pub async fn get(&self, path: &str) -> Result<Value> {
        let url = format!("{}{path}", self.sandbox);
        let sent = kit::http::client().get(url).bearer_auth("sk_test_it");
        Ok(sent.send().await?.error_for_status()?.json().await?)
    }

    /// A subscriber is charged; what is left of it is pending for two days.
    pub async fn charge(&self, minor: i64) -> Result<()> {
        let amount = minor.to_string();
        let price = self
            .call(
                "/v1/prices",
                &[
                    ("currency", "usd"),
                    ("unit_amount", &amount),
                    ("recurring[interval]", "month"),
                    ("product_data[name]", "Plan"),
                ],
            )
            .await?;
        let session = self
            .call(
                "/v1/checkout/sessions",
                &[
                    ("mode", "subscription"),
                    ("customer_email", "fan@example.com"),
                    ("line_items[0][price]", price["id"].as_str().context("id")?),
                    ("line_items[0][quantity]", "1"),
                    ("success_url", "https://example.com/ok"),
                ],
            )
            .await?;
        let id = session["id"].as_str().context("id")?;
        let card = json!({ "card": "4242424242424242" });
        self.command(&format!("checkout/{id}/complete"), card).await
    }

    /// Something goes wrong at Stripe from now on.
    pub async fn fault(&self, rule: Value) -> Result<()> {
        self.command("faults", rule).await
    }

    pub async fn no_more_faults(&self) -> Result<()> {
        let url = format!("{}/_sandbox/faults", self.sandbox);
        let sent = kit::http::client().delete(url).send().await?;
        sent.error_for_status()?;
        Ok(())
    }

    /// How often an operation is in the sandbox's journal with an effect: what Stripe did, whatever
    /// it answered and whoever heard it.
    pub async fn done(&self, path: &str) -> Result<usize> {
        let url = format!("{}/_sandbox/journal", self.sandbox);
        let journal = kit::http::client().get(url).send().await?.text().await?;
        let lines = journal.lines().map(serde_json::from_str::<Value>);
        let op = format!("POST {path}");
        let mut count = 0;
        for line in lines {
            let line = line?;
            let done = !line["puts"].as_array().is_none_or(Vec::is_empty);
            let named = line["op"].as_str().unwrap_or_default();
            let same = match op.split_once('*') {
                None => named == op,
                Some((start, end)) => named.starts_with(start) && named.ends_with(end),
            };
            count += usize::from(done && same);
        }
        Ok(count)
    }

    pub async fn list(&self, path: &str, account: Option<&str>) -> Result<Vec<Value>> {
        let url = format!("{}{path}", self.sandbox);
        let mut request = kit::http::client().get(url).bearer_auth("sk_test_it");
        if let Some(account) = account {
            request = request.header("stripe-account", account);
        }
        let mut page: Value = request.send().await?.error_for_status()?.json().await?;
        Ok(page["data"]
            .as_array_mut()
            .context("no list")?
            .drain(..)
            .collect())
    }

    pub async fn advance(&self, to: OffsetDateTime) -> Result<()> {
        self.command("clock", json!({ "advance_to": to.format(&Rfc3339)? }))
            .await
    }

    /// Brings what has happened at Stripe to the service, as webhook-ingest would.
    pub async fn deliver(&mut self) -> Result<()> {
        let mut facts = Vec::new();
        let owners = self.accounts.iter().map(|account| Some(account.clone()));
        for account in owners.chain([None]).collect::<Vec<_>>() {
            for event in self
                .list("/v1/events?limit=100", account.as_deref())
                .await?
            {
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                let event_id = text(&event["id"]);
                if !self.delivered.insert(event_id.clone()) {
                    continue;
                }
                let object = &event["data"]["object"];
                let message = StripeEvent {
                    event_id: event_id.clone(),
                    r#type: text(&event["type"]),
                    account: account.clone().unwrap_or_default(),
                    body: event.to_string().into_bytes(),
                    object_id: text(&object["id"]),
                    object_kind: text(&object["object"]),
                    ..Default::default()
                };
                facts.push(Fact::new(event_id.clone(), event_id, 1, START, &message));
            }
        }
        self.bed.publish("webhook_ingest", &facts).await
    }

    /// A creator with a bank account of the number given; none is a good one.
    pub async fn creator(
        &mut self,
        service: &TestService,
        creator_id: &str,
        bank: Option<&str>,
    ) -> Result<String> {
        let mut client = client(service)?;
        client.put_creator(creator(creator_id)).await?;
        let started = client
            .start_onboarding(onboarding(creator_id))
            .await?
            .into_inner();
        let path = format!("accounts/{}/complete", started.account_id);
        let number = bank.map_or(json!({}), |bank| json!({ "account_number": bank }));
        self.command(&path, number).await?;
        self.accounts.push(started.account_id.clone());
        self.deliver().await?;
        eventually("the account to be verified", || {
            let mut client = client.clone();
            let request = proto::GetAccountRequest {
                creator_id: creator_id.to_owned(),
            };
            async move {
                let account = client.get_account(request).await.ok()?.into_inner();
                (account.status == "verified").then_some(())
            }
        })
        .await;
        Ok(started.account_id)
    }

    pub async fn close(&self, month: &str) -> Result<()> {
        let event = MonthClosed {
            month: month.to_owned(),
            ..Default::default()
        };
        let fact = Fact::new(format!("closed:{month}"), month, 1, START, &event);
        self.bed.publish("earnings", &[fact]).await
    }

    /// The only payout that is not canceled.
    pub async fn payout(&self, service: &TestService) -> Result<proto::Payout> {
        let payouts = payouts(service).await?;
        payouts
            .into_iter()
            .find(|payout| payout.state != "canceled")
            .context("no payout")
    }

    pub async fn transfers(&self) -> Result<Vec<Value>> {
        self.list("/v1/transfers?limit=100", None).await
    }
}

pub async fn payouts(service: &TestService) -> Result<Vec<proto::Payout>> {
    let request = proto::ListPayoutsRequest {
        limit: 100,
        ..Default::default()
    };
    Ok(client(service)?
        .list_payouts(request)
        .await?
        .into_inner()
        .payouts)
}

pub async fn run(service: &TestService, month: &str) -> Result<proto::GetRunResponse> {
    let request = proto::GetRunRequest {
        month: month.to_owned(),
    };
    Ok(client(service)?.get_run(request).await?.into_inner())
}

pub fn client(service: &TestService) -> Result<PayoutServiceClient<Peer>> {
    Ok(PayoutServiceClient::new(service.peer()?))
}

pub fn creator(creator_id: &str) -> proto::PutCreatorRequest {
    proto::PutCreatorRequest {
        creator_id: creator_id.into(),
        display_name: creator_id.into(),
        email: format!("{creator_id}@example.com"),
        created_at: None,
    }
}

pub fn onboarding(creator_id: &str) -> proto::StartOnboardingRequest {
    proto::StartOnboardingRequest {
        creator_id: creator_id.into(),
        return_url: "https://example.com/done".into(),
        refresh_url: "https://example.com/again".into(),
    }
}
