//! gRPC: message to domain, one use case, domain to message.

use tonic::{Request, Response, Status};
use wire::billing::v1::billing_service_server::BillingService;
use wire::billing::v1::{
    CancelSubscriptionRequest, ChangeSubscriptionRequest, GetMonthRequest, GetMonthResponse,
    ListPlansRequest, ListPlansResponse, ListSubscriptionsRequest, ListSubscriptionsResponse,
    StartCheckoutRequest, StartCheckoutResponse, Subscription,
};

use crate::convert;
use crate::usecases::{Page, Usecases};

pub struct Grpc {
    pub usecases: Usecases,
}

#[tonic::async_trait]
impl BillingService for Grpc {
    async fn start_checkout(
        &self,
        request: Request<StartCheckoutRequest>,
    ) -> Result<Response<StartCheckoutResponse>, Status> {
        let order = convert::order(request.into_inner())?;
        let Page { session_id, url } = self.usecases.start_checkout(order).await?;
        Ok(Response::new(StartCheckoutResponse { session_id, url }))
    }

    async fn list_subscriptions(
        &self,
        request: Request<ListSubscriptionsRequest>,
    ) -> Result<Response<ListSubscriptionsResponse>, Status> {
        let request = request.into_inner();
        let subscriber = convert::subscriber(&request.subscriber_id)?;
        let program = convert::program(&request.program)?;
        let found = self
            .usecases
            .list_subscriptions(&subscriber, program)
            .await?;
        let subscriptions = found.into_iter().map(convert::subscription).collect();
        Ok(Response::new(ListSubscriptionsResponse { subscriptions }))
    }

    async fn change_subscription(
        &self,
        request: Request<ChangeSubscriptionRequest>,
    ) -> Result<Response<Subscription>, Status> {
        let asked = convert::change(request.into_inner())?;
        let changed = self.usecases.change_subscription(&asked).await?;
        Ok(Response::new(convert::subscription(changed)))
    }

    async fn cancel_subscription(
        &self,
        request: Request<CancelSubscriptionRequest>,
    ) -> Result<Response<Subscription>, Status> {
        let asked = convert::cancel(request.into_inner())?;
        let ending = self.usecases.change_subscription(&asked).await?;
        Ok(Response::new(convert::subscription(ending)))
    }

    async fn list_plans(
        &self,
        _: Request<ListPlansRequest>,
    ) -> Result<Response<ListPlansResponse>, Status> {
        Ok(Response::new(convert::plans(&self.usecases.plans)))
    }

    async fn get_month(
        &self,
        request: Request<GetMonthRequest>,
    ) -> Result<Response<GetMonthResponse>, Status> {
        let month = convert::month(&request.into_inner().month)?;
        let cash = self.usecases.get_month(month).await?;
        Ok(Response::new(convert::month_cash(cash)))
    }
}
