//! The desk at which the books are asked: page by page, and closed in part when a test says so.

use std::pin::Pin;
use std::sync::{Arc, Mutex};

use anyhow::Result;
use tonic::{Request, Response, Status};
use wire::earnings::v1 as earnings;
use wire::earnings::v1::earnings_service_server::{EarningsService, EarningsServiceServer};
use wire::fraud_limits::v1::fraud_limits_service_server::FraudLimitsServiceServer;

use crate::others::Others;
use crate::world::World;

/// What is not answered.
#[derive(Debug, Default)]
struct Closed {
    releases: bool,
    later_pages: bool,
}

#[derive(Clone)]
pub struct Desk {
    others: Others,
    closed: Arc<Mutex<Closed>>,
}

impl Desk {
    /// From now on services of this world ask here.
    pub async fn open(world: &mut World) -> Result<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let (others, closed) = (world.others.clone(), Arc::default());
        let desk = Self { others, closed };
        let router = tonic::service::Routes::new(EarningsServiceServer::new(desk.clone()))
            .add_service(FraudLimitsServiceServer::new(world.others.clone()))
            .into_axum_router();
        kit::spawn(async move { axum::serve(listener, router).await });
        world.others.url = url;
        Ok(desk)
    }

    pub fn close_releases(&self, closed: bool) {
        self.closed.lock().expect("no test panics with it").releases = closed;
    }

    /// The first page of who is owed what is answered, and no other.
    pub fn close_later_pages(&self, closed: bool) {
        let mut desk = self.closed.lock().expect("no test panics with it");
        desk.later_pages = closed;
    }

    fn is_closed(&self, which: fn(&Closed) -> bool) -> Result<(), Status> {
        if which(&self.closed.lock().expect("no test panics with it")) {
            return Err(Status::unavailable("closed"));
        }
        Ok(())
    }
}

type Answer<'future, T> =
    Pin<Box<dyn Future<Output = Result<Response<T>, Status>> + Send + 'future>>;

/// Asked of the books as it is, written as the trait wants it.
macro_rules! passed_on {
    ($($rpc:ident($request:ident) -> $response:ident),* $(,)?) => {$(
        fn $rpc<'life, 'future>(
            &'life self,
            request: Request<earnings::$request>,
        ) -> Answer<'future, earnings::$response>
        where
            'life: 'future,
            Self: 'future,
        {
            Box::pin(async move { self.others.$rpc(request).await })
        }
    )*};
}

#[tonic::async_trait]
impl EarningsService for Desk {
    async fn list_payable(
        &self,
        request: Request<earnings::ListPayableRequest>,
    ) -> Result<Response<earnings::ListPayableResponse>, Status> {
        if !request.get_ref().after_creator_id.is_empty() {
            self.is_closed(|closed| closed.later_pages)?;
        }
        let limit = usize::try_from(request.get_ref().limit).unwrap_or_default();
        let mut answer = self.others.list_payable(request).await?;
        answer.get_mut().payables.truncate(limit);
        Ok(answer)
    }

    async fn release_hold(
        &self,
        request: Request<earnings::ReleaseHoldRequest>,
    ) -> Result<Response<earnings::ReleaseHoldResponse>, Status> {
        self.is_closed(|closed| closed.releases)?;
        self.others.release_hold(request).await
    }

    passed_on! {
        hold(HoldRequest) -> HoldResponse,
        commit_hold(CommitHoldRequest) -> CommitHoldResponse,
        get_creator_earnings(GetCreatorEarningsRequest) -> GetCreatorEarningsResponse,
        get_solvency(GetSolvencyRequest) -> GetSolvencyResponse,
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
