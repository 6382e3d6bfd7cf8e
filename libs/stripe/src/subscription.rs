//! Subscriptions, as they are now.

use serde::Deserialize;
use stripe_billing::subscription::RetrieveSubscription;
use stripe_client_core::StripeRequest;
use time::OffsetDateTime;

use crate::Metadata;
use crate::answer::{id_if_any, or_default};
use crate::client::Stripe;
use crate::failure::Failure;

/// Where a subscription stands.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubscriptionStatus {
    Incomplete,
    IncompleteExpired,
    Trialing,
    Active,
    PastDue,
    Canceled,
    Unpaid,
    Paused,
    /// A word that Stripe added later.
    #[serde(untagged)]
    Other(String),
}

/// A subscription to one price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    pub id: String,
    pub customer: Option<String>,
    pub status: SubscriptionStatus,
    pub cancel_at_period_end: bool,
    /// Of its first item; subscriptions no longer have a period of their own.
    pub period_start: OffsetDateTime,
    pub period_end: OffsetDateTime,
    pub price: String,
    pub price_minor: i64,
    pub currency: String,
    pub metadata: Metadata,
}

#[derive(Deserialize)]
struct SubscriptionAnswer {
    id: String,
    #[serde(default, deserialize_with = "id_if_any")]
    customer: Option<String>,
    status: SubscriptionStatus,
    #[serde(default, deserialize_with = "or_default")]
    cancel_at_period_end: bool,
    #[serde(default, deserialize_with = "or_default")]
    metadata: Metadata,
    items: Items,
}

#[derive(Deserialize)]
struct Items {
    data: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    #[serde(with = "time::serde::timestamp")]
    current_period_start: OffsetDateTime,
    #[serde(with = "time::serde::timestamp")]
    current_period_end: OffsetDateTime,
    price: crate::price::Price,
}

impl Stripe {
    /// One subscription, as it is now.
    pub async fn retrieve_subscription(&self, subscription: &str) -> Result<Subscription, Failure> {
        let request = RetrieveSubscription::new(subscription).build();
        let answer: SubscriptionAnswer = self.ask(request, None).await?;
        answer.into_subscription().ok_or(Failure::unreadable(None))
    }
}

impl SubscriptionAnswer {
    /// `None` for a subscription to nothing.
    fn into_subscription(self) -> Option<Subscription> {
        let item = self.items.data.into_iter().next()?;
        Some(Subscription {
            id: self.id,
            customer: self.customer,
            status: self.status,
            cancel_at_period_end: self.cancel_at_period_end,
            period_start: item.current_period_start,
            period_end: item.current_period_end,
            price: item.price.id,
            price_minor: item.price.amount_minor,
            currency: item.price.currency,
            metadata: self.metadata,
        })
    }
}
