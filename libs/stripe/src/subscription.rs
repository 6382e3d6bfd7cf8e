//! Subscriptions, as they are now, and how they are changed.

mod order;

use serde::Deserialize;
use stripe_billing::subscription::{ListSubscription, RetrieveSubscription};
use stripe_client_core::StripeRequest;
use time::OffsetDateTime;

use crate::Metadata;
use crate::answer::{id_if_any, or_default};
use crate::client::Stripe;
use crate::failure::Failure;
use crate::page::{Listed, PAGE_MAX};

pub use order::{NewPrice, SubscriptionOrder};

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
    /// Absent unless it is or was on trial.
    pub trial_end: Option<OffsetDateTime>,
    /// Absent while it goes on.
    pub ended_at: Option<OffsetDateTime>,
    pub latest_invoice: Option<String>,
    /// Its first item, which a change of the price names.
    pub item: String,
    pub price: String,
    /// Absent where the price is no whole number of cents.
    pub price_minor: Option<i64>,
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
    #[serde(default, with = "time::serde::timestamp::option")]
    trial_end: Option<OffsetDateTime>,
    #[serde(default, with = "time::serde::timestamp::option")]
    ended_at: Option<OffsetDateTime>,
    #[serde(default, deserialize_with = "id_if_any")]
    latest_invoice: Option<String>,
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
    id: String,
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

    /// A customer's subscriptions that have not ended, newest first; those to nothing are left out.
    pub async fn list_subscriptions_of(
        &self,
        customer: &str,
    ) -> Result<Vec<Subscription>, Failure> {
        let page_after = |after: Option<String>| {
            let mut list = ListSubscription::new().customer(customer).limit(PAGE_MAX);
            if let Some(after) = after {
                list = list.starting_after(after);
            }
            list.build()
        };
        let answers: Vec<SubscriptionAnswer> = self.walk(None, page_after).await?;
        let read = answers.into_iter();
        Ok(read
            .filter_map(SubscriptionAnswer::into_subscription)
            .collect())
    }
}

impl Listed for SubscriptionAnswer {
    fn cursor(&self) -> &str {
        &self.id
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
            trial_end: self.trial_end,
            ended_at: self.ended_at,
            latest_invoice: self.latest_invoice,
            item: item.id,
            price: item.price.id,
            price_minor: item.price.amount_minor,
            currency: item.price.currency,
            metadata: self.metadata,
        })
    }
}
