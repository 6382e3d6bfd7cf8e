//! Promotion codes: what a subscriber types to pay less.

use serde::{Deserialize, Serialize};
use stripe_client_core::{RequestBuilder, StripeMethod};

use crate::client::Stripe;
use crate::failure::Failure;
use crate::page::Page;

/// A code that can be redeemed now.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PromotionCode {
    /// What an order names: `promo_…`.
    pub id: String,
    /// What people type.
    pub code: String,
}

#[derive(Serialize)]
struct Query<'a> {
    code: &'a str,
    active: bool,
    limit: i64,
}

impl Stripe {
    /// The active promotion code that people know by this text; `None` if there is none.
    pub async fn find_promotion_code(&self, code: &str) -> Result<Option<PromotionCode>, Failure> {
        let query = Query {
            code,
            active: true,
            limit: 1,
        };
        let request = RequestBuilder::new(StripeMethod::Get, "/promotion_codes").query(&query);
        let page: Page<PromotionCode> = self.ask(request, None).await?;
        Ok(page.items.into_iter().next())
    }
}
