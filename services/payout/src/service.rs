//! gRPC: message to domain, one use case, domain to message.

use tonic::{Request, Response, Status};
use wire::payout::v1 as proto;
use wire::payout::v1::payout_service_server::PayoutService;

use crate::convert;
use crate::usecases::Usecases;

pub struct Grpc {
    pub usecases: Usecases,
}

#[tonic::async_trait]
impl PayoutService for Grpc {
    async fn put_creator(
        &self,
        request: Request<proto::PutCreatorRequest>,
    ) -> Result<Response<proto::Creator>, Status> {
        let profile = convert::profile(request.into_inner())?;
        let creator = self.usecases.put_creator(&profile).await?;
        Ok(Response::new(convert::creator(creator)))
    }

    async fn get_creator(
        &self,
        request: Request<proto::GetCreatorRequest>,
    ) -> Result<Response<proto::Creator>, Status> {
        let creator = self
            .usecases
            .get_creator(&request.into_inner().creator_id)
            .await?;
        Ok(Response::new(convert::creator(creator)))
    }

    async fn start_onboarding(
        &self,
        request: Request<proto::StartOnboardingRequest>,
    ) -> Result<Response<proto::StartOnboardingResponse>, Status> {
        let request = request.into_inner();
        let creator_id = convert::creator_id(&request.creator_id)?;
        let addresses = convert::addresses(request.return_url, request.refresh_url)?;
        let (account_id, link) = self
            .usecases
            .start_onboarding(creator_id.as_str(), addresses)
            .await?;
        Ok(Response::new(proto::StartOnboardingResponse {
            account_id,
            url: link.url,
            expires_at: Some(wire::timestamp(link.expires_at)),
        }))
    }

    async fn get_account(
        &self,
        request: Request<proto::GetAccountRequest>,
    ) -> Result<Response<proto::Account>, Status> {
        let account = self
            .usecases
            .get_account(&request.into_inner().creator_id)
            .await?;
        Ok(Response::new(convert::account(account)))
    }

    async fn list_payouts(
        &self,
        request: Request<proto::ListPayoutsRequest>,
    ) -> Result<Response<proto::ListPayoutsResponse>, Status> {
        let filter = convert::filter(request.into_inner())?;
        let (payouts, has_more) = self.usecases.list_payouts(filter).await?;
        let payouts = payouts.into_iter().map(convert::payout).collect();
        Ok(Response::new(proto::ListPayoutsResponse {
            payouts,
            has_more,
        }))
    }

    async fn get_payout(
        &self,
        request: Request<proto::GetPayoutRequest>,
    ) -> Result<Response<proto::Payout>, Status> {
        let payout = self
            .usecases
            .look_at_payout(&request.into_inner().payout_id)
            .await?;
        Ok(Response::new(convert::payout(payout)))
    }

    async fn get_run(
        &self,
        request: Request<proto::GetRunRequest>,
    ) -> Result<Response<proto::GetRunResponse>, Status> {
        let month = convert::month(&request.into_inner().month)?;
        let run = self.usecases.get_run(month).await?;
        Ok(Response::new(convert::run(month, run)))
    }

    async fn request_payout(
        &self,
        request: Request<proto::RequestPayoutRequest>,
    ) -> Result<Response<proto::Payout>, Status> {
        let request = convert::request(request.into_inner())?;
        let payout = self.usecases.request_payout(request).await?;
        Ok(Response::new(convert::payout(payout)))
    }

    async fn get_carry_over(
        &self,
        request: Request<proto::GetCarryOverRequest>,
    ) -> Result<Response<proto::CarriedOver>, Status> {
        let creator_id = convert::creator_id(&request.into_inner().creator_id)?;
        let carried = self.usecases.get_carry_over(creator_id.as_str()).await?;
        let nothing = proto::CarriedOver {
            creator_id: creator_id.to_string(),
            ..proto::CarriedOver::default()
        };
        Ok(Response::new(
            carried.map_or(nothing, |(month, carried)| {
                convert::carried_over(month, carried)
            }),
        ))
    }

    async fn get_floor(
        &self,
        _: Request<proto::GetFloorRequest>,
    ) -> Result<Response<proto::GetFloorResponse>, Status> {
        let floor = self.usecases.get_floor().await?;
        Ok(Response::new(convert::floor(floor)))
    }
}
