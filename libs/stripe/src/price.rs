//! Prices: what a subscription costs each month.

use serde::Deserialize;
use stripe_client_core::StripeRequest;
use stripe_product::price::{
    CreatePrice, CreatePriceProductData, CreatePriceRecurring, CreatePriceRecurringInterval,
    ListPrice,
};

use crate::client::Stripe;
use crate::failure::Failure;
use crate::page::Page;
use crate::transfer::currency;

/// A monthly price, wanted once per `lookup_key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MonthlyPriceOrder {
    /// Our name for the price; Stripe keeps it unique among active prices.
    pub lookup_key: String,
    pub amount_minor: i64,
    /// Lower case: `usd`.
    pub currency: String,
    /// What the subscriber reads on the bill.
    pub product_name: String,
}

/// A price that exists.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Price {
    pub id: String,
    /// Absent where a price is no whole number of cents, or has tiers.
    #[serde(default, rename = "unit_amount")]
    pub amount_minor: Option<i64>,
    pub currency: String,
    #[serde(default)]
    pub lookup_key: Option<String>,
}

impl Stripe {
    /// The price of this name, made if there is none.
    ///
    /// The name is what makes it once: Stripe refuses a second price of the same one, so two
    /// who create at the same time both end up with the first. No idempotency key is needed.
    ///
    /// # Errors
    /// [`Failure::Mismatch`] if the name is taken by another amount or currency.
    pub async fn find_or_create_monthly_price(
        &self,
        order: &MonthlyPriceOrder,
    ) -> Result<Price, Failure> {
        if let Some(price) = self.find_price(&order.lookup_key).await? {
            return order.accept(price);
        }
        match self.order::<Price>(order.request(), None, None).await {
            Ok(price) => order.accept(price),
            Err(failure) => match self.find_price(&order.lookup_key).await? {
                Some(price) => order.accept(price),
                None => Err(failure),
            },
        }
    }

    async fn find_price(&self, lookup_key: &str) -> Result<Option<Price>, Failure> {
        let list = ListPrice::new()
            .lookup_keys([lookup_key.to_owned()])
            .active(true)
            .limit(1);
        let page: Page<Price> = self.ask(list.build(), None).await?;
        Ok(page.items.into_iter().next())
    }
}

impl MonthlyPriceOrder {
    fn request(&self) -> stripe_client_core::RequestBuilder {
        CreatePrice::new(currency(&self.currency))
            .unit_amount(self.amount_minor)
            .lookup_key(&self.lookup_key)
            .recurring(CreatePriceRecurring::new(
                CreatePriceRecurringInterval::Month,
            ))
            .product_data(CreatePriceProductData::new(&self.product_name))
            .build()
    }

    fn accept(&self, price: Price) -> Result<Price, Failure> {
        let answered = price.amount_minor.unwrap_or_default();
        Failure::unless_same(&price.id, "amount", &self.amount_minor, &answered)?;
        let asked = self.currency.to_ascii_lowercase();
        Failure::unless_same(&price.id, "currency", &asked, &price.currency)?;
        Ok(price)
    }
}
