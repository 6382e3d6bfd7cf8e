//! Starting a checkout: what was asked is written down, and the order for Stripe before it is sent,
//! so that a call that broke off can be made again without a second page.

use kit::Error;
use ledger::SubscriberId;
use money::Asset;
use stripe::{CheckoutOrder, Discount, Failure, FirstMonth, Metadata, Proration};

use super::{Usecases, refusals};
use crate::domain::plan::Plan;
use crate::domain::start::{Begins, start};
use crate::domain::subscription::whole_label;
use crate::store::{Checkout, CheckoutSent, CheckoutTurn};

/// What a subscriber wants to buy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    pub subscriber: SubscriberId,
    pub plan_id: String,
    /// Zero for a plan that has one price.
    pub amount_minor: i64,
    pub success_url: String,
    pub cancel_url: String,
    /// Empty: none was given.
    pub promotion_code: String,
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
    /// `PLAN_UNKNOWN`, `AMOUNT_OUT_OF_BOUNDS`, `PROMOTION_UNKNOWN`, `ALREADY_SUBSCRIBED`,
    /// `IDEMPOTENCY_KEY_REUSED` when the key came with another order before,
    /// `CHECKOUT_IN_PROGRESS` while another checkout for the program is being made, `Unavailable`
    /// when Stripe does not answer.
    pub async fn start_checkout(&self, order: Order) -> Result<Page, Error> {
        let (plan, amount_minor) = self.priced(&order.plan_id, order.amount_minor)?;
        let wanted = self.intent(&order, plan, amount_minor);
        if let Some(page) = self.note(&wanted).await?.0.page() {
            return Ok(page);
        }
        let turn = self.take_turn(&wanted).await?;
        let page = tokio::select! {
            page = self.make_page(&turn, &wanted, plan) => page,
            () = self.keep_turn(&turn) => Err(Error::bug("a turn was kept for ever")),
        };
        self.end_turn(&turn).await;
        page
    }

    async fn make_page(
        &self,
        turn: &CheckoutTurn,
        wanted: &Checkout,
        plan: &Plan,
    ) -> Result<Page, Error> {
        self.settle_orders(turn).await?;
        // Looked at again: there may be a page by now.
        let (mut checkout, customer) = self.note(wanted).await?;
        if let Some(page) = checkout.page() {
            return Ok(page);
        }
        self.refuse_a_second(&checkout, customer.as_deref()).await?;
        self.settle_promotion(&mut checkout).await?;
        let customer = match customer {
            Some(known) => known,
            None => self.make_customer(&checkout.subscriber_id).await?,
        };
        let price = self.find_price(plan, checkout.amount_minor).await?;
        // The subscription begins by what time it is now, not by when it was asked for first.
        checkout.start = start(plan, checkout.amount_minor, self.clock.now());
        let order = self.stripe_order(&checkout, plan, customer, price);
        let Some(sent) = self.write_order(turn, &checkout, &order).await? else {
            let page = self.note(wanted).await?.0.page();
            return page.ok_or_else(|| refusals::starting(&checkout.program));
        };
        let made = self.send_order(&sent).await?;
        made.map_err(|failure| refused(failure, &checkout))
    }

    /// Writes an order down, unless the turn was lost or there is a page by now. Whoever takes the
    /// turn after this finds the order.
    async fn write_order(
        &self,
        turn: &CheckoutTurn,
        checkout: &Checkout,
        order: &CheckoutOrder,
    ) -> Result<Option<CheckoutSent>, Error> {
        let sent = CheckoutSent {
            checkout_id: checkout.checkout_id.clone(),
            order_key: format!("checkout:{}", kit::ids::fresh("order")),
            stripe_order: serde_json::to_string(order).map_err(|error| Error::Bug(error.into()))?,
        };
        let closes_at = order.expires_at.unwrap_or(checkout.start.anchor_at);
        let mut tx = self.store.begin().await?;
        let written = self.store.lock_turn_in_tx(&mut tx, turn).await?
            && self
                .store
                .save_order_in_tx(&mut tx, &sent, checkout.start, closes_at)
                .await?;
        tx.commit().await?;
        Ok(written.then_some(sent))
    }

    fn intent(&self, order: &Order, plan: &Plan, amount_minor: i64) -> Checkout {
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
            program: plan.program.to_string(),
            plan_id: order.plan_id.clone(),
            amount_minor,
            currency: Asset::Usd.code().to_owned(),
            success_url: order.success_url.clone(),
            cancel_url: order.cancel_url.clone(),
            promotion_code: order.promotion_code.clone(),
            promotion_id: None,
            start: start(plan, amount_minor, now),
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
        let checkout = self.store.save_checkout_in_tx(&mut tx, wanted).await?;
        if !checkout.is_for_the_same(wanted) {
            return Err(refusals::reused());
        }
        tx.commit().await?;
        Ok((checkout, customer))
    }

    /// Found once and written down: a second send must be the same.
    async fn settle_promotion(&self, checkout: &mut Checkout) -> Result<(), Error> {
        if checkout.promotion_code.is_empty() || checkout.promotion_id.is_some() {
            return Ok(());
        }
        let found = self.find_promotion(&checkout.promotion_code).await?;
        let kept = self
            .store
            .save_promotion(&checkout.checkout_id, &found)
            .await?;
        checkout.promotion_id = Some(kept);
        Ok(())
    }

    fn stripe_order(
        &self,
        checkout: &Checkout,
        plan: &Plan,
        customer: String,
        price: String,
    ) -> CheckoutOrder {
        let labels = Metadata::from([
            ("subscriber_id".to_owned(), checkout.subscriber_id.clone()),
            ("program".to_owned(), checkout.program.clone()),
            ("plan_id".to_owned(), plan.plan_id.clone()),
        ]);
        let mut subscription_labels = labels.clone();
        if checkout.start.begins == Begins::Full {
            let anchor = checkout.start.anchor_at.unix_timestamp();
            subscription_labels.extend([whole_label(anchor)]);
        }
        let discount = match &checkout.promotion_id {
            Some(id) => Discount::Given(id.clone()),
            None if self.offer.allow_promotion_codes => Discount::Asked,
            None => Discount::None,
        };
        let order = CheckoutOrder {
            customer,
            price,
            success_url: checkout.success_url.clone(),
            cancel_url: checkout.cancel_url.clone(),
            client_reference_id: Some(checkout.subscriber_id.clone()),
            metadata: labels,
            subscription_metadata: subscription_labels,
            expires_at: Some(checkout.start.page_closes_at(self.clock.now())),
            discount,
            tax_rates: self.offer.tax_rates.clone(),
            ..CheckoutOrder::default()
        };
        checkout.begin(order, &plan.name)
    }
}

impl Checkout {
    fn page(&self) -> Option<Page> {
        let (session_id, url) = (self.session_id.clone()?, self.url.clone()?);
        Some(Page { session_id, url })
    }

    fn is_for_the_same(&self, other: &Self) -> bool {
        let order = |it: &Self| {
            let urls = (it.success_url.clone(), it.cancel_url.clone());
            let codes = it.promotion_code.clone();
            (it.plan_id.clone(), it.amount_minor, urls, codes)
        };
        order(self) == order(other)
    }

    /// The part of an order that says how the subscription begins.
    fn begin(&self, order: CheckoutOrder, plan_name: &str) -> CheckoutOrder {
        let anchor = Some(self.start.anchor_at);
        let (billing_cycle_anchor, trial_end, proration) = match self.start.begins {
            Begins::Trial => (None, anchor, None),
            Begins::Prorated => (anchor, None, Some(Proration::Charge)),
            Begins::Full | Begins::Free => (anchor, None, Some(Proration::Free)),
        };
        let first_month = (self.start.begins == Begins::Full).then(|| FirstMonth {
            amount_minor: self.amount_minor,
            currency: self.currency.to_ascii_lowercase(),
            name: format!("{plan_name}, first month"),
        });
        CheckoutOrder {
            billing_cycle_anchor,
            trial_end,
            proration,
            first_month,
            ..order
        }
    }
}

/// An order that Stripe did not carry out. It may not like the discount that it was given.
fn refused(failure: Failure, checkout: &Checkout) -> Error {
    if let Failure::Refused {
        param: Some(field), ..
    } = &failure
        && field.starts_with("discounts")
    {
        return refusals::no_such_promotion(&checkout.promotion_code);
    }
    refusals::refused(failure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::start::Start;
    use time::OffsetDateTime;

    #[test]
    fn each_beginning_is_told_to_stripe_in_its_own_way() {
        let anchor_at = OffsetDateTime::UNIX_EPOCH;
        for (begins, anchored, tried, proration, first_month) in [
            (Begins::Trial, false, true, None, None),
            (Begins::Prorated, true, false, Some(Proration::Charge), None),
            (Begins::Free, true, false, Some(Proration::Free), None),
            (
                Begins::Full,
                true,
                false,
                Some(Proration::Free),
                Some(1_000),
            ),
        ] {
            let start = Start { begins, anchor_at };
            let order = order_for(start).begin(CheckoutOrder::default(), "Ten");
            let at = |there: bool| there.then_some(anchor_at);
            assert_eq!(order.billing_cycle_anchor, at(anchored), "{begins:?}");
            assert_eq!(
                (order.trial_end, order.proration),
                (at(tried), proration),
                "{begins:?}"
            );
            let charged = order.first_month.map(|first| first.amount_minor);
            assert_eq!(charged, first_month, "{begins:?}");
        }
    }

    fn order_for(start: Start) -> Checkout {
        let text = String::new;
        Checkout {
            checkout_id: text(),
            subscriber_id: text(),
            request_key: text(),
            program: text(),
            plan_id: text(),
            amount_minor: 1_000,
            currency: "USD".into(),
            success_url: text(),
            cancel_url: text(),
            promotion_code: text(),
            promotion_id: None,
            start,
            session_id: None,
            url: None,
            started_at: OffsetDateTime::UNIX_EPOCH,
        }
    }
}
