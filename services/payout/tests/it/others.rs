//! The books and the limits, as far as their contract goes, with a record of what was asked.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use anyhow::Result;
use kit::{Error, Rejection};
use sqlx::PgPool;
use tonic::{Request, Response, Status};
use wire::earnings::v1 as earnings;
use wire::earnings::v1::earnings_service_server::{EarningsService, EarningsServiceServer};
use wire::fraud_limits::v1 as limits;
use wire::fraud_limits::v1::fraud_limits_service_server::{
    FraudLimitsService, FraudLimitsServiceServer,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HoldState {
    Held,
    Committed(i32),
    Released,
}

#[derive(Debug, Clone)]
pub struct Hold {
    pub creator_id: String,
    pub amount_minor: i64,
    pub state: HoldState,
}

#[derive(Debug, Default)]
pub struct Books {
    pub payable: BTreeMap<String, i64>,
    pub holds: BTreeMap<String, Hold>,
    /// Commits are not answered.
    pub commits_down: bool,
    pub single_max: i64,
    /// Holds are not answered.
    pub holds_down: bool,
    /// Limits are not answered.
    pub limits_down: bool,
    /// What runs are told is payable, whatever is.
    pub payable_told: Option<i64>,
    /// What the platform may never pay out by itself; none while the books do not answer.
    pub required_minor: Option<i64>,
    /// How often that was asked.
    pub solvency_count: i64,
    /// Whether the limits were asked for scheduled payouts, each time.
    pub scheduled: Vec<bool>,
    /// `confirm po_…`, `release po_…`, told to the limits.
    pub told: Vec<String>,
}

#[derive(Clone)]
pub struct Others {
    pub books: Arc<Mutex<Books>>,
    pub url: String,
    /// What payout has announced: the books learn refusals from there.
    outbox: PgPool,
    /// Where a confirmation waits, if it is to.
    confirms: Arc<tokio::sync::Mutex<()>>,
}

impl Others {
    pub async fn start(outbox: PgPool) -> Result<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let books = Books {
            single_max: 1_000_000,
            required_minor: Some(0),
            ..Books::default()
        };
        let others = Self {
            books: Arc::new(Mutex::new(books)),
            url,
            outbox,
            confirms: Arc::default(),
        };
        let router = tonic::service::Routes::new(EarningsServiceServer::new(others.clone()))
            .add_service(FraudLimitsServiceServer::new(others.clone()))
            .into_axum_router();
        kit::spawn(async move { axum::serve(listener, router).await });
        Ok(others)
    }

    pub fn owe(&self, creator_id: &str, minor: i64) {
        self.books
            .lock()
            .expect("no test panics with it")
            .payable
            .insert(creator_id.to_owned(), minor);
    }

    /// From now on, confirmations are taken and not answered, until what this returns is dropped.
    pub async fn hold_confirms(&self) -> tokio::sync::OwnedMutexGuard<()> {
        Arc::clone(&self.confirms).lock_owned().await
    }

    pub fn hold_states(&self) -> Vec<HoldState> {
        self.books
            .lock()
            .expect("no test panics with it")
            .holds
            .values()
            .map(|hold| hold.state)
            .collect()
    }

    async fn was_refused(&self, payout_id: &str, attempt: i32) -> bool {
        let fact_id = format!("attempt:{payout_id}:transfer:{attempt}:refused");
        sqlx::query_scalar("select exists (select from payout.outbox where fact_id = $1)")
            .bind(fact_id)
            .fetch_one(&self.outbox)
            .await
            .expect("no test panics with it")
    }

    /// A hold as it is once all refusals that were announced are posted.
    async fn current(&self, payout_id: &str) -> Option<Hold> {
        let hold = self
            .books
            .lock()
            .expect("no test panics with it")
            .holds
            .get(payout_id)
            .cloned()?;
        match hold.state {
            HoldState::Committed(n) if self.was_refused(payout_id, n).await => Some(Hold {
                state: HoldState::Held,
                ..hold
            }),
            HoldState::Held | HoldState::Committed(_) | HoldState::Released => Some(hold),
        }
    }

    pub fn put(&self, payout_id: &str, hold: Hold) {
        self.books
            .lock()
            .expect("no test panics with it")
            .holds
            .insert(payout_id.to_owned(), hold);
    }
}

/// What the contract has besides, as the trait wants it written.
macro_rules! not_asked {
    ($($rpc:ident($request:ident) -> $response:ident),* $(,)?) => {$(
        fn $rpc<'life, 'future>(
            &'life self,
            _: Request<earnings::$request>,
        ) -> Answer<'future, earnings::$response>
        where
            'life: 'future,
            Self: 'future,
        {
            Box::pin(async { Err(Status::unimplemented("not asked by payout")) })
        }
    )*};
}

type Answer<'future, T> =
    Pin<Box<dyn Future<Output = Result<Response<T>, Status>> + Send + 'future>>;

fn no(code: &'static str) -> Status {
    Error::Rejected(Rejection::new(code, code)).into()
}

#[tonic::async_trait]
impl EarningsService for Others {
    async fn list_payable(
        &self,
        request: Request<earnings::ListPayableRequest>,
    ) -> Result<Response<earnings::ListPayableResponse>, Status> {
        let after = request.into_inner().after_creator_id;
        let books = self.books.lock().expect("no test panics with it");
        let owed = books
            .payable
            .iter()
            .filter(|(id, minor)| **id > after && **minor > 0);
        let payables = owed
            .map(|(creator_id, minor)| earnings::Payable {
                creator_id: creator_id.clone(),
                payable_minor: books.payable_told.unwrap_or(*minor),
                currency: "USD".into(),
            })
            .collect();
        Ok(Response::new(earnings::ListPayableResponse { payables }))
    }

    async fn hold(
        &self,
        request: Request<earnings::HoldRequest>,
    ) -> Result<Response<earnings::HoldResponse>, Status> {
        let request = request.into_inner();
        let mut books = self.books.lock().expect("no test panics with it");
        if books.holds_down {
            return Err(Status::unavailable("away"));
        }
        if !books.holds.contains_key(&request.payout_id) {
            let payable = books.payable.entry(request.creator_id.clone()).or_default();
            if *payable < request.amount_minor {
                let refusal = Rejection::new("INSUFFICIENT_BALANCE", "not there");
                return Err(Error::Rejected(refusal.with("payable_minor", *payable)).into());
            }
            *payable -= request.amount_minor;
            let (creator_id, amount_minor) = (request.creator_id, request.amount_minor);
            let hold = Hold {
                creator_id,
                amount_minor,
                state: HoldState::Held,
            };
            books.holds.insert(request.payout_id.clone(), hold);
        }
        let state = match books.holds[&request.payout_id].state {
            HoldState::Held => "held",
            HoldState::Committed(_) => "committed",
            HoldState::Released => "released",
        };
        let snapshot = Some(earnings::CreatorSnapshot {
            first_payout: true,
            ..Default::default()
        });
        Ok(Response::new(earnings::HoldResponse {
            state: state.into(),
            snapshot,
        }))
    }

    async fn commit_hold(
        &self,
        request: Request<earnings::CommitHoldRequest>,
    ) -> Result<Response<earnings::CommitHoldResponse>, Status> {
        let earnings::CommitHoldRequest { payout_id, attempt } = request.into_inner();
        if self
            .books
            .lock()
            .expect("no test panics with it")
            .commits_down
        {
            return Err(Status::unavailable("away"));
        }
        let hold = self
            .current(&payout_id)
            .await
            .ok_or_else(|| Status::not_found("hold"))?;
        match hold.state {
            HoldState::Released => return Err(no("HOLD_RELEASED")),
            HoldState::Committed(n) if n != attempt => return Err(no("HOLD_COMMITTED")),
            HoldState::Committed(_) | HoldState::Held => {}
        }
        self.put(
            &payout_id,
            Hold {
                state: HoldState::Committed(attempt),
                ..hold
            },
        );
        Ok(Response::new(earnings::CommitHoldResponse {
            state: "committed".into(),
        }))
    }

    async fn release_hold(
        &self,
        request: Request<earnings::ReleaseHoldRequest>,
    ) -> Result<Response<earnings::ReleaseHoldResponse>, Status> {
        let payout_id = request.into_inner().payout_id;
        let hold = self
            .current(&payout_id)
            .await
            .ok_or_else(|| Status::not_found("hold"))?;
        match hold.state {
            HoldState::Committed(_) => return Err(no("HOLD_COMMITTED")),
            HoldState::Held => {
                let mut books = self.books.lock().expect("no test panics with it");
                *books.payable.entry(hold.creator_id.clone()).or_default() += hold.amount_minor;
            }
            HoldState::Released => {}
        }
        self.put(
            &payout_id,
            Hold {
                state: HoldState::Released,
                ..hold
            },
        );
        Ok(Response::new(earnings::ReleaseHoldResponse {
            state: "released".into(),
        }))
    }

    async fn get_creator_earnings(
        &self,
        request: Request<earnings::GetCreatorEarningsRequest>,
    ) -> Result<Response<earnings::GetCreatorEarningsResponse>, Status> {
        let creator_id = request.into_inner().creator_id;
        let books = self.books.lock().expect("no test panics with it");
        let payable_minor = books.payable.get(&creator_id).copied().unwrap_or_default();
        Ok(Response::new(earnings::GetCreatorEarningsResponse {
            creator_id,
            currency: "USD".into(),
            payable_minor,
            ..Default::default()
        }))
    }

    async fn get_solvency(
        &self,
        _: Request<earnings::GetSolvencyRequest>,
    ) -> Result<Response<earnings::GetSolvencyResponse>, Status> {
        let mut books = self.books.lock().expect("no test panics with it");
        let required_minor = books.required_minor;
        let required_minor = required_minor.ok_or_else(|| Status::internal("broken"))?;
        books.solvency_count += 1;
        Ok(Response::new(earnings::GetSolvencyResponse {
            required_minor,
            cut: format!("cut {}", books.solvency_count),
            ..Default::default()
        }))
    }

    not_asked! {
        get_month(GetMonthRequest) -> GetMonthResponse,
        close_month(CloseMonthRequest) -> GetMonthResponse,
        list_month_lines(ListMonthLinesRequest) -> ListMonthLinesResponse,
        get_creator_month(GetCreatorMonthRequest) -> GetCreatorMonthResponse,
        list_obligations(ListObligationsRequest) -> ListObligationsResponse,
        get_revenue(GetRevenueRequest) -> GetRevenueResponse,
        list_accounts(ListAccountsRequest) -> ListAccountsResponse,
        list_postings(ListPostingsRequest) -> ListPostingsResponse,
    }
}

#[tonic::async_trait]
impl FraudLimitsService for Others {
    async fn reserve(
        &self,
        request: Request<limits::ReserveRequest>,
    ) -> Result<Response<limits::ReserveResponse>, Status> {
        let asked = request.into_inner();
        let mut books = self.books.lock().expect("no test panics with it");
        if books.limits_down {
            return Err(Status::unavailable("away"));
        }
        books.scheduled.push(asked.scheduled);
        let most = books.single_max;
        let allowed = asked.amount_minor <= most;
        let passes = if asked.scheduled || allowed { most } else { 0 };
        let answer = limits::ReserveResponse {
            allowed,
            allowed_minor: asked.amount_minor.min(passes),
            code: if allowed {
                String::new()
            } else {
                "EXCEEDS_SINGLE_LIMIT".into()
            },
            reason: "over the limit for one payout".into(),
            ..Default::default()
        };
        Ok(Response::new(answer))
    }

    async fn confirm(
        &self,
        request: Request<limits::ConfirmRequest>,
    ) -> Result<Response<limits::ConfirmResponse>, Status> {
        let told = format!("confirm {}", request.into_inner().payout_id);
        self.books
            .lock()
            .expect("no test panics with it")
            .told
            .push(told);
        drop(self.confirms.lock().await);
        Ok(Response::new(limits::ConfirmResponse {}))
    }

    async fn release(
        &self,
        request: Request<limits::ReleaseRequest>,
    ) -> Result<Response<limits::ReleaseResponse>, Status> {
        let told = format!("release {}", request.into_inner().payout_id);
        self.books
            .lock()
            .expect("no test panics with it")
            .told
            .push(told);
        Ok(Response::new(limits::ReleaseResponse {}))
    }

    async fn get_limits(
        &self,
        _: Request<limits::GetLimitsRequest>,
    ) -> Result<Response<limits::GetLimitsResponse>, Status> {
        Err(Status::unimplemented("not asked by payout"))
    }
}
