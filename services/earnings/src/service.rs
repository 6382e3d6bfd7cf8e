//! gRPC: message to domain, one use case, domain to message.

use tonic::{Request, Response, Status};
use wire::earnings::v1::earnings_service_server::EarningsService;
use wire::earnings::v1::{
    CommitHoldRequest, CommitHoldResponse, GetCreatorEarningsRequest, GetCreatorEarningsResponse,
    GetMonthRequest, GetMonthResponse, GetSolvencyRequest, GetSolvencyResponse, HoldRequest,
    HoldResponse, ListPayableRequest, ListPayableResponse, ReleaseHoldRequest, ReleaseHoldResponse,
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
        let limit = convert::page(request.limit)?;
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
        let weighed = self.usecases.solvency().await?;
        Ok(Response::new(convert::solvency(&weighed)))
    }
}
