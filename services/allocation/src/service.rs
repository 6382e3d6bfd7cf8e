//! gRPC: message to domain, one use case, domain to message.

use tonic::{Request, Response, Status};
use wire::allocation::v1::allocation_service_server::AllocationService;
use wire::allocation::v1::{
    CopyAllocationsRequest, GetAllocationsRequest, GetAllocationsResponse, GetMonthRequest,
    GetMonthResponse, KnowsCreatorRequest, KnowsCreatorResponse, ListChangesRequest,
    ListChangesResponse, SetAllocationRequest, SetAllocationResponse, SetAllocationsRequest,
    SetAllocationsResponse,
};

use crate::convert;
use crate::usecases::Usecases;

pub struct Grpc {
    pub usecases: Usecases,
}

#[tonic::async_trait]
impl AllocationService for Grpc {
    async fn get_allocations(
        &self,
        request: Request<GetAllocationsRequest>,
    ) -> Result<Response<GetAllocationsResponse>, Status> {
        let request = request.into_inner();
        let subscriber = convert::subscriber(&request.subscriber_id)?;
        let program = convert::program(&request.program)?;
        let month = convert::month("month", &request.month)?;
        let view = self
            .usecases
            .get_allocations(&subscriber, program, month)
            .await?;
        Ok(Response::new(convert::allocations(view)))
    }

    async fn set_allocation(
        &self,
        request: Request<SetAllocationRequest>,
    ) -> Result<Response<SetAllocationResponse>, Status> {
        let order = convert::one(&request.into_inner())?;
        let (view, fact_ids) = self.usecases.direct(&order).await?;
        let pool = Some(convert::allocations(view));
        let fact_id = fact_ids.into_iter().next().unwrap_or_default();
        Ok(Response::new(SetAllocationResponse { pool, fact_id }))
    }

    async fn set_allocations(
        &self,
        request: Request<SetAllocationsRequest>,
    ) -> Result<Response<SetAllocationsResponse>, Status> {
        let order = convert::all(&request.into_inner())?;
        let (view, fact_ids) = self.usecases.direct(&order).await?;
        let pool = Some(convert::allocations(view));
        Ok(Response::new(SetAllocationsResponse { pool, fact_ids }))
    }

    async fn copy_allocations(
        &self,
        request: Request<CopyAllocationsRequest>,
    ) -> Result<Response<SetAllocationsResponse>, Status> {
        let order = convert::copy(&request.into_inner())?;
        let (view, fact_ids) = self.usecases.direct(&order).await?;
        let pool = Some(convert::allocations(view));
        Ok(Response::new(SetAllocationsResponse { pool, fact_ids }))
    }

    async fn list_changes(
        &self,
        request: Request<ListChangesRequest>,
    ) -> Result<Response<ListChangesResponse>, Status> {
        let (history, limit) = convert::history(&request.into_inner())?;
        let page = self.usecases.list_changes(&history, limit).await?;
        Ok(Response::new(convert::changes(page)))
    }

    async fn get_month(
        &self,
        request: Request<GetMonthRequest>,
    ) -> Result<Response<GetMonthResponse>, Status> {
        let month = convert::month("month", &request.into_inner().month)?;
        let view = self.usecases.get_month(month).await?;
        Ok(Response::new(convert::month_response(&view)))
    }

    async fn knows_creator(
        &self,
        request: Request<KnowsCreatorRequest>,
    ) -> Result<Response<KnowsCreatorResponse>, Status> {
        let creator = convert::creator("creator_id", &request.into_inner().creator_id)?;
        let known = self.usecases.knows_creator(&creator).await?;
        Ok(Response::new(KnowsCreatorResponse { known }))
    }
}
