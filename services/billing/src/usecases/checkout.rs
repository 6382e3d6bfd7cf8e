//! Starting a checkout: what was asked is written down, then Stripe is asked under keys that
//! follow from the row, so that a call that broke off can be made again without a second page.

use kit::{Error, Rejection};
use ledger::SubscriberId;
use money::Asset;
use stripe::{CheckoutOrder, CustomerOrder, Failure, Metadata, MonthlyPriceOrder, Proration};
use time::OffsetDateTime;

use super::Usecases;
use crate::domain::plan::{OutOfBounds, Plan, billing_anchor};
use crate::store::Checkout;

/// What a subscriber wants to buy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    pub subscriber: SubscriberId,
    pub plan_id: String,
    /// Zero for a plan that has one price.
    pub amount_minor: i64,
    pub success_url: String,
    pub cancel_url: String,
    /// Empty: this call is one of its own.
    pub request_key: String,
}

/// Where to send the subscriber.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    pub session_id: String,
    pub url: String,
}

impl Usecases {
    /// A checkout page for a plan; the same page for the same key.
    ///
    /// # Errors
    /// `PLAN_UNKNOWN`, `AMOUNT_OUT_OF_BOUNDS`, `IDEMPOTENCY_KEY_REUSED` when the key came with
    /// another order before, `Unavailable` when Stripe does not answer.
    pub async fn start_checkout(&self, order: Order) -> Result<Page, Error> {
        let (plan, amount_minor) = self.priced(&order)?;
        let wanted = self.intent(&order, amount_minor);
        let (checkout, customer) = self.note(&wanted).await?;
        if let (Some(session_id), Some(url)) = (checkout.session_id.clone(), checkout.url.clone()) {
            return Ok(Page { session_id, url });
        }
        let customer = match customer {
            Some(known) => known,
            None => self.make_customer(&checkout.subscriber_id).await?,
        };
        let price = self.find_price(plan, amount_minor).await?;
        let session = stripe_order(&checkout, plan, customer, price);
        // The anchor is part of the key: with another anchor it is another order.
        let anchor = checkout.anchor_at.unix_timestamp();
        let key = format!("checkout:{}:{anchor}", checkout.checkout_id);
        let made = self
            .stripe
            .create_checkout_session(&session, &key)
            .await
            .map_err(refused)?;
        let (session_id, url) = self
            .store
            .save_session(&checkout.checkout_id, &made.id, &made.url)
            .await?;
        Ok(Page { session_id, url })
    }

    fn priced(&self, order: &Order) -> Result<(&Plan, i64), Error> {
        let plan = self.plans.find(&order.plan_id).ok_or_else(|| {
            // What was sent may be long: a refusal quotes as much of it as an id may have.
            let asked: String = order.plan_id.chars().take(64).collect();
            let message = format!("there is no plan {asked:?}");
            Error::Invalid(Rejection::new("PLAN_UNKNOWN", message).with("field", "plan_id"))
        })?;
        let amount_minor = plan.price_for(order.amount_minor).map_err(out_of_bounds)?;
        Ok((plan, amount_minor))
    }

    fn intent(&self, order: &Order, amount_minor: i64) -> Checkout {
        let now = self.clock.now();
        let checkout_id = kit::ids::fresh("co");
        let given = !order.request_key.is_empty();
        let request_key = if given {
            order.request_key.clone()
        } else {
            checkout_id.clone()
        };
        Checkout {
            checkout_id,
            subscriber_id: order.subscriber.to_string(),
            request_key,
            plan_id: order.plan_id.clone(),
            amount_minor,
            currency: Asset::Usd.code().to_owned(),
            success_url: order.success_url.clone(),
            cancel_url: order.cancel_url.clone(),
            anchor_at: billing_anchor(now),
            session_id: None,
            url: None,
            started_at: now,
        }
    }

    /// Writes the intent, or finds the one that came before under the same key.
    async fn note(&self, wanted: &Checkout) -> Result<(Checkout, Option<String>), Error> {
        let mut tx = self.store.begin().await?;
        let customer = self
            .store
            .save_subscriber_in_tx(&mut tx, &wanted.subscriber_id)
            .await?;
        let mut checkout = self.store.save_checkout_in_tx(&mut tx, wanted).await?;
        if !checkout.is_for_the_same(wanted) {
            return Err(reused());
        }
        if checkout.is_stale(wanted.started_at) {
            checkout.anchor_at = wanted.anchor_at;
            self.store
                .move_anchor_in_tx(&mut tx, &checkout.checkout_id, checkout.anchor_at)
                .await?;
        }
        tx.commit().await?;
        Ok((checkout, customer))
    }

    async fn make_customer(&self, subscriber_id: &str) -> Result<String, Error> {
        let order = CustomerOrder {
            email: None,
            metadata: Metadata::from([("subscriber_id".to_owned(), subscriber_id.to_owned())]),
        };
        let key = format!("customer:{subscriber_id}");
        let made = self
            .stripe
            .create_customer(&order, &key)
            .await
            .map_err(refused)?;
        self.store.save_customer(subscriber_id, &made.id).await?;
        Ok(made.id)
    }

    async fn find_price(&self, plan: &Plan, amount_minor: i64) -> Result<String, Error> {
        let order = MonthlyPriceOrder {
            lookup_key: plan.lookup_key(amount_minor),
            amount_minor,
            currency: "usd".to_owned(),
            product_name: plan.name.clone(),
        };
        let price = self.stripe.find_or_create_monthly_price(&order).await;
        Ok(price.map_err(refused)?.id)
    }
}

impl Checkout {
    fn is_for_the_same(&self, other: &Self) -> bool {
        let order = |it: &Self| {
            let urls = (it.success_url.clone(), it.cancel_url.clone());
            (it.plan_id.clone(), it.amount_minor, urls)
        };
        order(self) == order(other)
    }

    /// Begun before the anchor, and taken up again after it.
    fn is_stale(&self, now: OffsetDateTime) -> bool {
        self.session_id.is_none() && self.anchor_at <= now
    }
}

fn stripe_order(
    checkout: &Checkout,
    plan: &Plan,
    customer: String,
    price: String,
) -> CheckoutOrder {
    let labels = Metadata::from([
        ("subscriber_id".to_owned(), checkout.subscriber_id.clone()),
        ("program".to_owned(), plan.program.to_string()),
        ("plan_id".to_owned(), plan.plan_id.clone()),
    ]);
    CheckoutOrder {
        customer,
        price,
        success_url: checkout.success_url.clone(),
        cancel_url: checkout.cancel_url.clone(),
        client_reference_id: Some(checkout.subscriber_id.clone()),
        metadata: labels.clone(),
        subscription_metadata: labels,
        billing_cycle_anchor: Some(checkout.anchor_at),
        proration: Some(Proration::Charge),
    }
}

fn out_of_bounds(bounds: OutOfBounds) -> Error {
    let OutOfBounds {
        min_minor,
        max_minor,
    } = bounds;
    let message = format!("the amount must be {min_minor} to {max_minor} cents");
    let rejection = Rejection::new("AMOUNT_OUT_OF_BOUNDS", message)
        .with("field", "amount_minor")
        .with("min_minor", min_minor)
        .with("max_minor", max_minor);
    Error::Invalid(rejection)
}

fn reused() -> Error {
    let message = "this idempotency key was used for another checkout";
    Error::Conflict(Rejection::new("IDEMPOTENCY_KEY_REUSED", message))
}

/// An order that Stripe did not carry out. Only an address can be the caller's mistake.
fn refused(failure: Failure) -> Error {
    match failure {
        Failure::Refused {
            param: Some(field), ..
        } if field == "success_url" || field == "cancel_url" => {
            let message = format!("Stripe does not take this {field}");
            Error::Invalid(Rejection::new("INVALID_ARGUMENT", message).with("field", field))
        }
        Failure::Refused { .. } | Failure::KeyMisused { .. } | Failure::Mismatch { .. } => {
            Error::Bug(Box::new(failure))
        }
        Failure::Unknown { .. }
        | Failure::RateLimited { .. }
        | Failure::NotSent { .. }
        | Failure::Unauthorized { .. } => Error::Unavailable(Box::new(failure)),
    }
}
