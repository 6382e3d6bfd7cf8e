//! Customers and the checkout page: how a subscription begins.

use serde::Deserialize;
use stripe_checkout::checkout_session::{
    CreateCheckoutSession, CreateCheckoutSessionLineItems, CreateCheckoutSessionSubscriptionData,
    CreateCheckoutSessionSubscriptionDataProrationBehavior as ProrationBehavior,
};
use stripe_client_core::StripeRequest;
use stripe_core::customer::CreateCustomer;
use time::OffsetDateTime;

use crate::Metadata;
use crate::client::Stripe;
use crate::failure::Failure;
use crate::transfer::labels;

/// Who will pay.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CustomerOrder {
    pub email: Option<String>,
    pub metadata: Metadata,
}

/// A customer that exists.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Customer {
    pub id: String,
}

/// What happens to the days before the billing anchor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proration {
    /// They are charged for in proportion.
    Charge,
    /// They are free.
    Free,
}

/// A subscription to one price, to be confirmed by the subscriber on Stripe's page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckoutOrder {
    pub customer: String,
    pub price: String,
    pub success_url: String,
    pub cancel_url: String,
    /// Ours; comes back with `checkout.session.completed`.
    pub client_reference_id: Option<String>,
    /// On the session.
    pub metadata: Metadata,
    /// On the subscription, and from there on each of its invoices.
    pub subscription_metadata: Metadata,
    /// When the first whole period begins: the first of a month.
    pub billing_cycle_anchor: Option<OffsetDateTime>,
    pub proration: Option<Proration>,
}

/// A checkout page that waits for its subscriber.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CheckoutSession {
    pub id: String,
    pub url: String,
}

impl Stripe {
    /// Makes a customer, at most once per key.
    pub async fn create_customer(
        &self,
        order: &CustomerOrder,
        key: &str,
    ) -> Result<Customer, Failure> {
        let mut request = CreateCustomer::new().metadata(labels(&order.metadata));
        if let Some(email) = &order.email {
            request = request.email(email);
        }
        self.order(request.build(), None, Some(key)).await
    }

    /// Makes a checkout page, at most once per key.
    pub async fn create_checkout_session(
        &self,
        order: &CheckoutOrder,
        key: &str,
    ) -> Result<CheckoutSession, Failure> {
        let mut request = CreateCheckoutSession::new()
            .mode(stripe_shared::CheckoutSessionMode::Subscription)
            .customer(&order.customer)
            .line_items([order.line()])
            .success_url(&order.success_url)
            .cancel_url(&order.cancel_url)
            .metadata(labels(&order.metadata))
            .subscription_data(order.subscription());
        if let Some(reference) = &order.client_reference_id {
            request = request.client_reference_id(reference);
        }
        self.order(request.build(), None, Some(key)).await
    }
}

impl CheckoutOrder {
    fn line(&self) -> CreateCheckoutSessionLineItems {
        let mut line = CreateCheckoutSessionLineItems::new();
        line.price = Some(self.price.clone());
        line.quantity = Some(1);
        line
    }

    fn subscription(&self) -> CreateCheckoutSessionSubscriptionData {
        let mut subscription = CreateCheckoutSessionSubscriptionData::new();
        subscription.metadata = Some(labels(&self.subscription_metadata));
        subscription.billing_cycle_anchor = self
            .billing_cycle_anchor
            .map(OffsetDateTime::unix_timestamp);
        subscription.proration_behavior = self.proration.map(|proration| match proration {
            Proration::Charge => ProrationBehavior::CreateProrations,
            Proration::Free => ProrationBehavior::None,
        });
        subscription
    }
}
