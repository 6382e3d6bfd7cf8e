//! gRPC: message to domain, one use case, domain to message.

use tonic::{Request, Response, Status};
use wire::balance_monitor::v1::balance_monitor_service_server::BalanceMonitorService;
use wire::balance_monitor::v1::{
    CheckNowRequest, GetLatestRequest, ListAlertsRequest, ListAlertsResponse, Snapshot,
};

use crate::convert;
use crate::usecases::Usecases;

pub struct Grpc {
    pub usecases: Usecases,
}

#[tonic::async_trait]
impl BalanceMonitorService for Grpc {
    async fn check_now(&self, _: Request<CheckNowRequest>) -> Result<Response<Snapshot>, Status> {
        let snapshot = self.usecases.check_now().await?;
        Ok(Response::new(convert::snapshot(snapshot)))
    }

    async fn get_latest(&self, _: Request<GetLatestRequest>) -> Result<Response<Snapshot>, Status> {
        let latest = self.usecases.find_latest().await?;
        Ok(Response::new(
            latest.map(convert::snapshot).unwrap_or_default(),
        ))
    }

    async fn list_alerts(
        &self,
        request: Request<ListAlertsRequest>,
    ) -> Result<Response<ListAlertsResponse>, Status> {
        let filter = convert::alert_filter(request.into_inner())?;
        let alerts = self.usecases.list_alerts(&filter).await?;
        Ok(Response::new(convert::alerts(alerts)))
    }
}
