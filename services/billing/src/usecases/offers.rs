//! What a subscriber chooses, as Stripe knows it: the plan's price, and what reduces it.

use kit::Error;
use stripe::{CustomerOrder, Metadata, MonthlyPriceOrder};

use super::{Usecases, refusals};
use crate::domain::plan::Plan;

impl Usecases {
    /// A plan, and its monthly price for what was asked.
    pub(super) fn priced(&self, plan_id: &str, asked_minor: i64) -> Result<(&Plan, i64), Error> {
        let plan = self
            .plans
            .find(plan_id)
            .ok_or_else(|| refusals::no_such_plan(plan_id))?;
        let amount_minor = plan
            .price_for(asked_minor)
            .map_err(refusals::out_of_bounds)?;
        Ok((plan, amount_minor))
    }

    /// The price's id at Stripe, made if there is none.
    pub(super) async fn find_price(&self, plan: &Plan, amount_minor: i64) -> Result<String, Error> {
        let order = MonthlyPriceOrder {
            lookup_key: plan.lookup_key(amount_minor),
            amount_minor,
            currency: "usd".to_owned(),
            product_name: plan.name.clone(),
        };
        let price = self.stripe.find_or_create_monthly_price(&order).await;
        Ok(price.map_err(refusals::refused)?.id)
    }

    /// Stripe's id of a promotion code.
    pub(super) async fn find_promotion(&self, code: &str) -> Result<String, Error> {
        let found = self.stripe.find_promotion_code(code).await;
        let found = found.map_err(refusals::refused)?;
        Ok(found.ok_or_else(|| refusals::no_such_promotion(code))?.id)
    }

    /// The subscriber as a customer of Stripe's, made once.
    pub(super) async fn make_customer(&self, subscriber_id: &str) -> Result<String, Error> {
        let order = CustomerOrder {
            email: None,
            metadata: Metadata::from([("subscriber_id".to_owned(), subscriber_id.to_owned())]),
        };
        let key = format!("customer:{subscriber_id}");
        let made = self
            .stripe
            .create_customer(&order, &key)
            .await
            .map_err(refusals::refused)?;
        self.store.save_customer(subscriber_id, &made.id).await?;
        Ok(made.id)
    }
}
