//! Calls about subscriptions, as the gateway makes them.

use anyhow::{Context, Result};
use testkit::TestService;
use wire::billing::v1::billing_service_client::BillingServiceClient;
use wire::billing::v1::{
    CancelSubscriptionRequest, ChangeSubscriptionRequest, ListSubscriptionsRequest, Subscription,
};

/// To another plan, each time anew.
pub fn to(who: &str, plan_id: &str) -> ChangeSubscriptionRequest {
    ChangeSubscriptionRequest {
        subscriber_id: who.into(),
        plan_id: plan_id.into(),
        ..Default::default()
    }
}

pub async fn change(
    service: &TestService,
    request: ChangeSubscriptionRequest,
) -> Result<Subscription> {
    let mut client = BillingServiceClient::new(service.peer()?);
    Ok(client.change_subscription(request).await?.into_inner())
}

pub async fn cancel(service: &TestService, who: &str, key: &str) -> Result<Subscription> {
    let mut client = BillingServiceClient::new(service.peer()?);
    let request = CancelSubscriptionRequest {
        subscriber_id: who.into(),
        idempotency_key: key.into(),
        ..Default::default()
    };
    Ok(client.cancel_subscription(request).await?.into_inner())
}

pub async fn list(service: &TestService, who: &str, program: &str) -> Result<Vec<Subscription>> {
    let mut client = BillingServiceClient::new(service.peer()?);
    let request = ListSubscriptionsRequest {
        subscriber_id: who.into(),
        program: program.into(),
    };
    let listed = client.list_subscriptions(request).await?.into_inner();
    Ok(listed.subscriptions)
}

/// The newest subscription.
pub async fn newest(service: &TestService, who: &str) -> Result<Subscription> {
    let mut all = list(service, who, "").await?;
    (!all.is_empty()).then(|| all.remove(0)).context("none")
}

/// Plan and amount now, and from the next period on.
pub fn terms(it: &Subscription) -> (&str, i64, &str, i64) {
    let next = (it.next_plan_id.as_str(), it.next_amount_minor);
    (it.plan_id.as_str(), it.amount_minor, next.0, next.1)
}
