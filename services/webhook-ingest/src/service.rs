//! gRPC: message to domain, one use case, domain to message.

use tonic::{Request, Response, Status};
use wire::webhook_ingest::v1::webhook_ingest_service_server::WebhookIngestService;
use wire::webhook_ingest::v1::{GetStatisticsRequest, GetStatisticsResponse};

use crate::convert;
use crate::usecases::Usecases;

pub struct Grpc {
    pub usecases: Usecases,
}

#[tonic::async_trait]
impl WebhookIngestService for Grpc {
    async fn get_statistics(
        &self,
        _: Request<GetStatisticsRequest>,
    ) -> Result<Response<GetStatisticsResponse>, Status> {
        let statistics = self.usecases.statistics().await?;
        Ok(Response::new(convert::statistics(statistics)))
    }
}
