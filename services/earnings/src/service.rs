//! gRPC: message to domain, one use case, domain to message.

use tonic::{Request, Response, Status};
use wire::earnings::v1::earnings_service_server::EarningsService;
use wire::earnings::v1::{
    CloseMonthRequest, CommitHoldRequest, CommitHoldResponse, GetCreatorEarningsRequest,
    GetCreatorEarningsResponse, GetCreatorMonthRequest, GetCreatorMonthResponse, GetMonthRequest,
    GetMonthResponse, GetRevenueRequest, GetRevenueResponse, GetSolvencyRequest,
    GetSolvencyResponse, HoldRequest, HoldResponse, ListAccountsRequest, ListAccountsResponse,
    ListMonthLinesRequest, ListMonthLinesResponse, ListObligationsRequest, ListObligationsResponse,
    ListPayableRequest, ListPayableResponse, ListPostingsRequest, ListPostingsResponse,
    ReleaseHoldRequest, ReleaseHoldResponse,
};

use crate::convert;
use crate::usecases::Usecases;

pub struct Grpc {
    pub usecases: Usecases,
}

#[tonic::async_trait]
impl EarningsService for Grpc {
    async fn get_creator_earnings(
        &self,
        request: Request<GetCreatorEarningsRequest>,
    ) -> Result<Response<GetCreatorEarningsResponse>, Status> {
        let creator = convert::creator(&request.into_inner().creator_id)?;
        let history = self.usecases.creator_history(&creator).await?;
        let now = self.usecases.clock.now();
        Ok(Response::new(convert::earnings(&creator, &history, now)))
    }

    async fn list_payable(
        &self,
        request: Request<ListPayableRequest>,
    ) -> Result<Response<ListPayableResponse>, Status> {
        let request = request.into_inner();
        let limit = convert::page(request.limit, 1000, 1000)?;
        let payables = self
            .usecases
            .list_payable(&request.after_creator_id, limit)
            .await?;
        let payables = payables.into_iter().map(convert::payable).collect();
        Ok(Response::new(ListPayableResponse { payables }))
    }

    async fn hold(&self, request: Request<HoldRequest>) -> Result<Response<HoldResponse>, Status> {
        let order = convert::hold_order(&request.into_inner())?;
        let (state, snapshot) = self.usecases.hold(&order).await?;
        Ok(Response::new(convert::hold_response(state, snapshot)))
    }

    async fn commit_hold(
        &self,
        request: Request<CommitHoldRequest>,
    ) -> Result<Response<CommitHoldResponse>, Status> {
        let request = request.into_inner();
        let payout = convert::payout(&request.payout_id)?;
        let attempt = convert::attempt(request.attempt)?;
        let state = self
            .usecases
            .commit_hold(&payout, attempt)
            .await?
            .as_str()
            .to_owned();
        Ok(Response::new(CommitHoldResponse { state }))
    }

    async fn release_hold(
        &self,
        request: Request<ReleaseHoldRequest>,
    ) -> Result<Response<ReleaseHoldResponse>, Status> {
        let payout = convert::payout(&request.into_inner().payout_id)?;
        let state = self
            .usecases
            .release_hold(&payout)
            .await?
            .as_str()
            .to_owned();
        Ok(Response::new(ReleaseHoldResponse { state }))
    }

    async fn get_month(
        &self,
        request: Request<GetMonthRequest>,
    ) -> Result<Response<GetMonthResponse>, Status> {
        let month = convert::month(&request.into_inner().month)?;
        let report = self.usecases.month(month).await?;
        Ok(Response::new(convert::month_response(&report)))
    }

    async fn get_solvency(
        &self,
        _: Request<GetSolvencyRequest>,
    ) -> Result<Response<GetSolvencyResponse>, Status> {
        let (weighed, cut) = self.usecases.solvency().await?;
        Ok(Response::new(convert::solvency(&weighed, cut)))
    }

    async fn close_month(
        &self,
        request: Request<CloseMonthRequest>,
    ) -> Result<Response<GetMonthResponse>, Status> {
        let month = convert::month(&request.into_inner().month)?;
        let report = self.usecases.close_month(month).await?;
        Ok(Response::new(convert::month_response(&report)))
    }

    async fn list_month_lines(
        &self,
        request: Request<ListMonthLinesRequest>,
    ) -> Result<Response<ListMonthLinesResponse>, Status> {
        let (month, after, limit) = convert::after_line(request.get_ref())?;
        let lines = self.usecases.month_lines(month, after, limit).await?;
        Ok(Response::new(convert::month_lines(lines)?))
    }

    async fn get_creator_month(
        &self,
        request: Request<GetCreatorMonthRequest>,
    ) -> Result<Response<GetCreatorMonthResponse>, Status> {
        let request = request.into_inner();
        let creator = convert::creator(&request.creator_id)?;
        let month = convert::month(&request.month)?;
        let history = self.usecases.creator_history(&creator).await?;
        let now = self.usecases.clock.now();
        let answer = convert::creator_month(&creator, month, &history, now);
        Ok(Response::new(answer))
    }

    async fn list_obligations(
        &self,
        request: Request<ListObligationsRequest>,
    ) -> Result<Response<ListObligationsResponse>, Status> {
        let (after, limit) = convert::after_creator(request.into_inner())?;
        let owed = self.usecases.obligations(&after, limit).await?;
        Ok(Response::new(convert::obligations(owed)))
    }

    async fn get_revenue(
        &self,
        request: Request<GetRevenueRequest>,
    ) -> Result<Response<GetRevenueResponse>, Status> {
        let asked = convert::months_asked(request.get_ref())?;
        let lines = self.usecases.revenue(asked).await?;
        Ok(Response::new(convert::revenue(lines)))
    }

    async fn list_accounts(
        &self,
        request: Request<ListAccountsRequest>,
    ) -> Result<Response<ListAccountsResponse>, Status> {
        let asked = convert::accounts_asked(request.into_inner())?;
        let page = self.usecases.accounts(&asked).await?;
        Ok(Response::new(convert::accounts(page)))
    }

    async fn list_postings(
        &self,
        request: Request<ListPostingsRequest>,
    ) -> Result<Response<ListPostingsResponse>, Status> {
        let asked = convert::postings_asked(request.into_inner())?;
        let page = self.usecases.postings(&asked).await?;
        Ok(Response::new(convert::postings(page)))
    }
}
