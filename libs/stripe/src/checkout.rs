//! Customers and the checkout page: how a subscription begins.

use serde::{Deserialize, Serialize};
use stripe_checkout::checkout_session::{
    CreateCheckoutSession, CreateCheckoutSessionDiscounts as Discounts,
    CreateCheckoutSessionLineItems, CreateCheckoutSessionLineItemsPriceData as PriceData,
    CreateCheckoutSessionSubscriptionData,
    CreateCheckoutSessionSubscriptionDataProrationBehavior as ProrationBehavior,
    ExpireCheckoutSession, ListCheckoutSession, ProductData, RetrieveCheckoutSession,
};
use stripe_client_core::StripeRequest;
use stripe_core::customer::CreateCustomer;
use time::OffsetDateTime;

use crate::Metadata;
use crate::answer::{id_if_any, or_default};
use crate::client::Stripe;
use crate::failure::Failure;
use crate::page::{Listed, PAGE_MAX};
use crate::transfer::{currency, labels};

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Proration {
    /// They are charged for in proportion.
    Charge,
    /// They are free.
    Free,
}

/// Whether the price is reduced.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Discount {
    #[default]
    None,
    /// By the code that the subscriber types into the page, if any.
    Asked,
    /// By the promotion code of this id.
    Given(String),
}

/// What is charged once, at the beginning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstMonth {
    pub amount_minor: i64,
    /// Lower case: `usd`.
    pub currency: String,
    /// What the subscriber reads on the bill.
    pub name: String,
}

/// A subscription to one price, to be confirmed by the subscriber on Stripe's page. It can be
/// written down, so that a second send is the same.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
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
    #[serde(with = "time::serde::timestamp::option")]
    pub billing_cycle_anchor: Option<OffsetDateTime>,
    pub proration: Option<Proration>,
    /// A line of its own, beside the subscription's.
    pub first_month: Option<FirstMonth>,
    /// Nothing is charged until then; at least 48 hours ahead, and in the place of an anchor.
    #[serde(with = "time::serde::timestamp::option")]
    pub trial_end: Option<OffsetDateTime>,
    /// When the page closes: half an hour to a day from now, by Stripe's clock; a day if absent.
    #[serde(with = "time::serde::timestamp::option")]
    pub expires_at: Option<OffsetDateTime>,
    pub discount: Discount,
    /// Ids of tax rates, for each of the subscription's invoices.
    pub tax_rates: Vec<String>,
}

/// A checkout page that waits for its subscriber.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CheckoutSession {
    pub id: String,
    pub url: String,
}

/// What a checkout page is for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CheckoutPurpose {
    pub id: String,
    #[serde(default, deserialize_with = "id_if_any")]
    pub customer: Option<String>,
    /// Once it is paid.
    #[serde(default, deserialize_with = "id_if_any")]
    pub subscription: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub metadata: Metadata,
}

impl Listed for CheckoutPurpose {
    fn cursor(&self) -> &str {
        &self.id
    }
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

    /// Closes a checkout page, so that nobody can pay it any more.
    ///
    /// # Errors
    /// [`Failure::Refused`] if it is paid or closed already.
    pub async fn expire_checkout_session(&self, session: &str) -> Result<(), Failure> {
        let request = ExpireCheckoutSession::new(session).build();
        self.order::<serde::de::IgnoredAny>(request, None, None)
            .await
            .map(|_| ())
    }

    /// What one checkout page is for, open or not.
    pub async fn retrieve_checkout_session(
        &self,
        session: &str,
    ) -> Result<CheckoutPurpose, Failure> {
        let request = RetrieveCheckoutSession::new(session).build();
        self.ask(request, None).await
    }

    /// All of a customer's checkout pages that can still be paid.
    pub async fn list_open_checkout_sessions_of(
        &self,
        customer: &str,
    ) -> Result<Vec<CheckoutPurpose>, Failure> {
        let page_after = |after: Option<String>| {
            let mut list = ListCheckoutSession::new()
                .customer(customer)
                .status(stripe_shared::CheckoutSessionStatus::Open)
                .limit(PAGE_MAX);
            if let Some(after) = after {
                list = list.starting_after(after);
            }
            list.build()
        };
        self.walk(None, page_after).await
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
            .line_items(order.lines())
            .success_url(&order.success_url)
            .cancel_url(&order.cancel_url)
            .metadata(labels(&order.metadata))
            .subscription_data(order.subscription());
        if let Some(reference) = &order.client_reference_id {
            request = request.client_reference_id(reference);
        }
        if let Some(at) = order.expires_at {
            request = request.expires_at(at.unix_timestamp());
        }
        match &order.discount {
            Discount::None => {}
            Discount::Asked => request = request.allow_promotion_codes(true),
            Discount::Given(code) => request = request.discounts([discounts(code)]),
        }
        self.order(request.build(), None, Some(key)).await
    }
}

impl CheckoutOrder {
    fn lines(&self) -> Vec<CreateCheckoutSessionLineItems> {
        let mut line = CreateCheckoutSessionLineItems::new();
        line.price = Some(self.price.clone());
        line.quantity = Some(1);
        let first_month = self
            .first_month
            .iter()
            .map(|first| first.line(&self.tax_rates));
        std::iter::once(line).chain(first_month).collect()
    }

    fn subscription(&self) -> CreateCheckoutSessionSubscriptionData {
        let mut subscription = CreateCheckoutSessionSubscriptionData::new();
        subscription.metadata = Some(labels(&self.subscription_metadata));
        subscription.billing_cycle_anchor = self
            .billing_cycle_anchor
            .map(OffsetDateTime::unix_timestamp);
        subscription.trial_end = self.trial_end.map(OffsetDateTime::unix_timestamp);
        if !self.tax_rates.is_empty() {
            subscription.default_tax_rates = Some(self.tax_rates.clone());
        }
        subscription.proration_behavior = self.proration.map(|proration| match proration {
            Proration::Charge => ProrationBehavior::CreateProrations,
            Proration::Free => ProrationBehavior::None,
        });
        subscription
    }
}

impl FirstMonth {
    /// The subscription's tax rates hold for what recurs only, so they are given here, too.
    fn line(&self, tax_rates: &[String]) -> CreateCheckoutSessionLineItems {
        let mut price = PriceData::new(currency(&self.currency));
        price.unit_amount = Some(self.amount_minor);
        price.product_data = Some(ProductData::new(&self.name));
        let mut line = CreateCheckoutSessionLineItems::new();
        line.price_data = Some(price);
        line.quantity = Some(1);
        line.tax_rates = (!tax_rates.is_empty()).then(|| tax_rates.to_vec());
        line
    }
}

fn discounts(promotion_code: &str) -> Discounts {
    let mut discounts = Discounts::new();
    discounts.promotion_code = Some(promotion_code.to_owned());
    discounts
}
