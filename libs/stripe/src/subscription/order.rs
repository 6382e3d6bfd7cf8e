//! Changing a subscription: another price, or its end.

use serde::{Deserialize, Serialize};
use stripe_billing::subscription::{
    UpdateSubscription, UpdateSubscriptionItems, UpdateSubscriptionPaymentBehavior as Payment,
    UpdateSubscriptionProrationBehavior as Proration,
};
use stripe_client_core::{RequestBuilder, StripeRequest};

use super::{Subscription, SubscriptionAnswer};
use crate::Metadata;
use crate::client::Stripe;
use crate::failure::Failure;
use crate::transfer::labels;

/// What is to become of a subscription. It can be written down, so that a second send is the
/// same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscriptionOrder {
    pub subscription: String,
    /// `None` leaves the price as it is.
    pub price: Option<NewPrice>,
    /// `None` leaves it as it is.
    pub cancel_at_period_end: Option<bool>,
    /// Labels to be set; an empty text takes one away. Others stay.
    pub metadata: Metadata,
}

/// Another price for an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewPrice {
    pub item: String,
    pub price: String,
    /// True charges the difference for the rest of the period at once, and changes nothing if
    /// the card is declined. False charges the new price from the next period on.
    pub charge_now: bool,
}

impl Stripe {
    /// Changes a subscription, at most once per key.
    ///
    /// # Errors
    /// [`Failure::Refused`] with status 402 (see [`Failure::declined`]) when a charge was asked
    /// for and the card was declined: nothing has changed.
    pub async fn update_subscription(
        &self,
        order: &SubscriptionOrder,
        key: &str,
    ) -> Result<Subscription, Failure> {
        let answer: SubscriptionAnswer = self.order(order.request(), None, Some(key)).await?;
        let changed = answer
            .into_subscription()
            .ok_or(Failure::unreadable(None))?;
        order.accept(changed)
    }
}

impl SubscriptionOrder {
    fn request(&self) -> RequestBuilder {
        let mut request = UpdateSubscription::new(self.subscription.as_str());
        if let Some(new) = &self.price {
            let mut item = UpdateSubscriptionItems::new();
            item.id = Some(new.item.clone());
            item.price = Some(new.price.clone());
            request = request.items([item]);
            request = if new.charge_now {
                request
                    .proration_behavior(Proration::AlwaysInvoice)
                    .payment_behavior(Payment::ErrorIfIncomplete)
            } else {
                request.proration_behavior(Proration::None)
            };
        }
        if let Some(ends) = self.cancel_at_period_end {
            request = request.cancel_at_period_end(ends);
        }
        if !self.metadata.is_empty() {
            request = request.metadata(labels(&self.metadata));
        }
        request.build()
    }

    fn accept(&self, changed: Subscription) -> Result<Subscription, Failure> {
        let id = &changed.id;
        Failure::unless_same(id, "id", &self.subscription, id)?;
        if let Some(new) = &self.price {
            Failure::unless_same(id, "price", &new.price, &changed.price)?;
        }
        if let Some(ends) = self.cancel_at_period_end {
            let answered = changed.cancel_at_period_end;
            Failure::unless_same(id, "cancel_at_period_end", &ends, &answered)?;
        }
        Ok(changed)
    }
}
