//! What the tests stand on: a sandbox, books that say what the test wants, and the service.

use std::sync::{Arc, Mutex};

use anyhow::{Context, Result};
use balance_monitor::BalanceMonitor;
use kit::Service;
use mailbox::Fact;
use serde_json::Value;
use testkit::{TestBed, TestService};
use time::OffsetDateTime;
use time::macros::datetime;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tonic::{Request, Response, Status};
use wire::balance_monitor::v1::balance_monitor_service_client::BalanceMonitorServiceClient;
use wire::balance_monitor::v1::{Alert, CheckNowRequest, ListAlertsRequest, Snapshot};
use wire::earnings::v1 as earnings;
use wire::earnings::v1::earnings_service_server::{EarningsService, EarningsServiceServer};
use wire::webhook_ingest::v1::StripeEvent;

pub const START: OffsetDateTime = datetime!(2027-02-01 00:00 UTC);

/// Stripe's double, in this process.
pub struct Sandbox {
    pub url: String,
    stop: Option<oneshot::Sender<()>>,
    _data: tempfile::TempDir,
}

impl Sandbox {
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let data = tempfile::tempdir()?;
        let options = stripe_sandbox::Options::new(data.path(), START.unix_timestamp());
        let (stop, stopped) = oneshot::channel::<()>();
        kit::spawn(stripe_sandbox::serve(listener, options, async {
            let _ = stopped.await;
        }));
        Ok(Self {
            url,
            stop: Some(stop),
            _data: data,
        })
    }

    /// It answers nobody any more.
    pub fn stop(&mut self) {
        drop(self.stop.take());
    }

    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> Result<Value> {
        let request = kit::http::client().post(format!("{}{path}", self.url));
        let answer = request
            .bearer_auth("sk_test_monitor")
            .form(form)
            .send()
            .await?;
        let status = answer.status();
        let body: Value = answer.json().await?;
        anyhow::ensure!(status.is_success(), "{path}: {body}");
        Ok(body)
    }

    pub async fn advance(&self, to: OffsetDateTime) -> Result<()> {
        let to = to.format(&time::format_description::well_known::Rfc3339)?;
        self.post("/_sandbox/clock", &[("advance_to", &to)])
            .await
            .map(drop)
    }

    pub async fn top_up(&self, cents: i64) -> Result<()> {
        let form = [
            ("amount", &*cents.to_string()),
            ("currency", "usd"),
            ("description", "t"),
        ];
        self.post("/v1/topups", &form).await.map(drop)
    }

    /// A fan who subscribes and pays; the charge is pending for two days.
    pub async fn charge(&self, cents: i64) -> Result<()> {
        let price = self
            .post(
                "/v1/prices",
                &[
                    ("currency", "usd"),
                    ("unit_amount", &cents.to_string()),
                    ("recurring[interval]", "month"),
                    ("product_data[name]", "Plan"),
                ],
            )
            .await?;
        let session = self
            .post(
                "/v1/checkout/sessions",
                &[
                    ("mode", "subscription"),
                    ("customer_email", "fan@example.com"),
                    ("line_items[0][price]", id(&price)?),
                    ("line_items[0][quantity]", "1"),
                    ("success_url", "http://site/ok"),
                ],
            )
            .await?;
        let path = format!("/_sandbox/checkout/{}/complete", id(&session)?);
        self.post(&path, &[("card", "4242424242424242")])
            .await
            .map(drop)
    }

    /// Money to a creator's account.
    pub async fn transfer(&self, cents: i64) -> Result<()> {
        let account = [
            ("type", "express"),
            ("country", "US"),
            ("capabilities[transfers][requested]", "true"),
        ];
        let account = self.post("/v1/accounts", &account).await?;
        let account = id(&account)?;
        let path = format!("/_sandbox/accounts/{account}/complete");
        self.post(&path, &[("account_number", "000123456789")])
            .await?;
        let cents = cents.to_string();
        let form = [
            ("amount", &*cents),
            ("currency", "usd"),
            ("destination", account),
        ];
        self.post("/v1/transfers", &form).await.map(drop)
    }
}

fn id(object: &Value) -> Result<&str> {
    object["id"].as_str().context("an object without an id")
}

/// The service in its world.
pub struct World {
    pub bed: TestBed,
    pub sandbox: Sandbox,
    pub service: TestService,
    books: Arc<Mutex<earnings::GetSolvencyResponse>>,
    earnings_url: String,
}

impl World {
    /// Business time is the sandbox's.
    pub async fn start() -> Result<Self> {
        Self::with(Sandbox::start().await?, None).await
    }

    /// Business time is read elsewhere, so that it can be read when Stripe cannot.
    pub async fn with_clock_apart() -> Result<Self> {
        let bed = TestBed::start(START, &[BalanceMonitor::migrator()]).await?;
        Self::with(Sandbox::start().await?, Some(bed)).await
    }

    pub async fn with(sandbox: Sandbox, bed_with_clock: Option<TestBed>) -> Result<Self> {
        let books: Arc<Mutex<earnings::GetSolvencyResponse>> = Arc::default();
        let earnings_url = serve(Books {
            answer: Arc::clone(&books),
        })
        .await?;
        let (bed, clock_url) = match bed_with_clock {
            Some(bed) => {
                let url = bed.clock.url().to_owned();
                (bed, url)
            }
            None => {
                let bed = TestBed::start(START, &[BalanceMonitor::migrator()]).await?;
                (bed, sandbox.url.clone())
            }
        };
        let service = boot(&bed, &sandbox.url, &clock_url, &earnings_url).await?;
        Ok(Self {
            bed,
            sandbox,
            service,
            books,
            earnings_url,
        })
    }

    pub async fn replica(&self) -> Result<TestService> {
        boot(
            &self.bed,
            &self.sandbox.url,
            &self.sandbox.url,
            &self.earnings_url,
        )
        .await
    }

    /// What the books say from now on.
    pub fn say(&self, books: earnings::GetSolvencyResponse) {
        *self.books.lock().expect("nobody panics while it speaks") = books;
    }

    pub async fn check(&self) -> Result<Snapshot> {
        let mut client = BalanceMonitorServiceClient::new(self.service.peer()?);
        Ok(client.check_now(CheckNowRequest {}).await?.into_inner())
    }

    pub async fn alerts(&self, status: &str) -> Result<Vec<Alert>> {
        let request = ListAlertsRequest {
            status: status.into(),
            limit: 0,
        };
        let mut client = BalanceMonitorServiceClient::new(self.service.peer()?);
        Ok(client.list_alerts(request).await?.into_inner().alerts)
    }

    /// A webhook was stored.
    pub async fn hint(&self, event: &str, kind: &str, account: &str) -> Result<()> {
        self.bed
            .publish("webhook_ingest", &[stripe_event(event, kind, account)])
            .await
    }

    pub async fn announced<E: wire::Event>(&self) -> Result<Vec<E>> {
        self.bed.announced::<E>(self.service.schema()).await
    }

    pub async fn count(&self, table: &str) -> Result<i64> {
        let query = format!("select count(*) from balance_monitor.{table}");
        let owner = self.bed.db.owner().await?;
        Ok(sqlx::query_scalar(sqlx::AssertSqlSafe(query))
            .fetch_one(&owner)
            .await?)
    }
}

pub fn stripe_event(event: &str, kind: &str, account: &str) -> Fact {
    let message = StripeEvent {
        event_id: event.into(),
        r#type: kind.into(),
        created: Some(wire::timestamp(START)),
        account: account.into(),
        ..Default::default()
    };
    Fact::new(event, event, 1, START, &message)
}

async fn boot(bed: &TestBed, stripe: &str, clock: &str, earnings: &str) -> Result<TestService> {
    bed.service::<BalanceMonitor>(&[
        ("TRIBUTARY__CLOCK__SANDBOX_URL", clock),
        ("TRIBUTARY__PEERS__EARNINGS", earnings),
        ("BALANCE_MONITOR__STRIPE__BASE_URL", stripe),
        ("BALANCE_MONITOR__STRIPE__SECRET_KEY", "sk_test_monitor"),
    ])
    .await
}

/// Earnings as far as it is asked here.
struct Books {
    answer: Arc<Mutex<earnings::GetSolvencyResponse>>,
}

async fn serve(books: Books) -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let mut routes = tonic::service::Routes::builder();
    routes.add_service(EarningsServiceServer::new(books));
    let incoming = tonic::transport::server::TcpIncoming::from(listener);
    let server = tonic::transport::Server::builder().add_routes(routes.routes());
    kit::spawn(server.serve_with_incoming(incoming));
    Ok(url)
}

type Answer<T> = Result<Response<T>, Status>;

/// Earnings with one call that answers, and others that nobody makes here.
macro_rules! earnings_that_answers_solvency {
    ($($call:ident($request:ident) -> $answer:ident,)*) => {
        #[tonic::async_trait]
        impl EarningsService for Books {
            async fn get_solvency(
                &self,
                _: Request<earnings::GetSolvencyRequest>,
            ) -> Answer<earnings::GetSolvencyResponse> {
                let answer = self.answer.lock().expect("nobody panics while it speaks");
                Ok(Response::new(answer.clone()))
            }

            $(async fn $call(
                &self,
                _: Request<earnings::$request>,
            ) -> Answer<earnings::$answer> {
                Err(Status::unimplemented("balance-monitor does not ask this"))
            })*
        }
    };
}

earnings_that_answers_solvency! {
    get_creator_earnings(GetCreatorEarningsRequest) -> GetCreatorEarningsResponse,
    get_creator_month(GetCreatorMonthRequest) -> GetCreatorMonthResponse,
    list_payable(ListPayableRequest) -> ListPayableResponse,
    list_obligations(ListObligationsRequest) -> ListObligationsResponse,
    hold(HoldRequest) -> HoldResponse,
    commit_hold(CommitHoldRequest) -> CommitHoldResponse,
    release_hold(ReleaseHoldRequest) -> ReleaseHoldResponse,
    get_month(GetMonthRequest) -> GetMonthResponse,
    close_month(CloseMonthRequest) -> GetMonthResponse,
    list_month_lines(ListMonthLinesRequest) -> ListMonthLinesResponse,
    get_revenue(GetRevenueRequest) -> GetRevenueResponse,
    list_accounts(ListAccountsRequest) -> ListAccountsResponse,
    list_postings(ListPostingsRequest) -> ListPostingsResponse,
}
