//! gRPC: message to domain, one use case, domain to message.

use tonic::{Request, Response, Status};
use wire::fraud_limits::v1::fraud_limits_service_server::FraudLimitsService;
use wire::fraud_limits::v1::{
    ConfirmRequest, ConfirmResponse, GetLimitsRequest, GetLimitsResponse, ReleaseRequest,
    ReleaseResponse, ReserveRequest, ReserveResponse,
};

use crate::convert;
use crate::usecases::Usecases;

pub struct Grpc {
    pub usecases: Usecases,
}

#[tonic::async_trait]
impl FraudLimitsService for Grpc {
    async fn reserve(
        &self,
        request: Request<ReserveRequest>,
    ) -> Result<Response<ReserveResponse>, Status> {
        let request = convert::request(request.into_inner())?;
        let asked_minor = request.amount.minor();
        let decision = self.usecases.reserve(request).await?;
        Ok(Response::new(convert::response(asked_minor, decision)))
    }

    async fn confirm(
        &self,
        request: Request<ConfirmRequest>,
    ) -> Result<Response<ConfirmResponse>, Status> {
        self.usecases
            .confirm(&request.into_inner().payout_id)
            .await?;
        Ok(Response::new(ConfirmResponse {}))
    }

    async fn release(
        &self,
        request: Request<ReleaseRequest>,
    ) -> Result<Response<ReleaseResponse>, Status> {
        self.usecases
            .release(&request.into_inner().payout_id)
            .await?;
        Ok(Response::new(ReleaseResponse {}))
    }

    async fn get_limits(
        &self,
        _: Request<GetLimitsRequest>,
    ) -> Result<Response<GetLimitsResponse>, Status> {
        let single_payout_max_minor = self.usecases.limits.single_payout_max_minor;
        Ok(Response::new(GetLimitsResponse {
            single_payout_max_minor,
        }))
    }
}
