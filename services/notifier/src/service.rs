//! gRPC: message to domain, one use case, domain to message.

use tonic::{Request, Response, Status};
use wire::notifier::v1::notifier_service_server::NotifierService;
use wire::notifier::v1::{ListFeedRequest, ListFeedResponse};

use crate::convert;
use crate::usecases::Usecases;

pub struct Grpc {
    pub usecases: Usecases,
}

#[tonic::async_trait]
impl NotifierService for Grpc {
    async fn list_feed(
        &self,
        request: Request<ListFeedRequest>,
    ) -> Result<Response<ListFeedResponse>, Status> {
        let query = convert::feed_query(request.into_inner())?;
        let (notices, has_more) = self.usecases.list_feed(&query).await?;
        Ok(Response::new(convert::feed(notices, has_more)))
    }
}
