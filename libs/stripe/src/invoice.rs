//! Invoices, as far as somebody still has to pay them.

use serde::Deserialize;
use stripe_billing::invoice::RetrieveInvoice;
use stripe_client_core::StripeRequest;

use crate::answer::{id_if_any, or_default};
use crate::client::Stripe;
use crate::failure::Failure;

/// An invoice, paid or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invoice {
    pub id: String,
    pub subscription: Option<String>,
    /// Stripe's word: `draft`, `open`, `paid`, `uncollectible`, `void`.
    pub status: String,
    /// Where it can be read and paid; absent for a draft.
    pub hosted_url: Option<String>,
    pub remaining_minor: i64,
}

#[derive(Deserialize)]
struct InvoiceAnswer {
    id: String,
    #[serde(default)]
    parent: Option<Parent>,
    #[serde(default, deserialize_with = "or_default")]
    status: String,
    #[serde(default)]
    hosted_invoice_url: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    amount_remaining: i64,
}

#[derive(Deserialize)]
struct Parent {
    #[serde(default)]
    subscription_details: Option<SubscriptionDetails>,
}

#[derive(Deserialize)]
struct SubscriptionDetails {
    #[serde(default, deserialize_with = "id_if_any")]
    subscription: Option<String>,
}

impl Stripe {
    /// One invoice, as it is now.
    pub async fn retrieve_invoice(&self, invoice: &str) -> Result<Invoice, Failure> {
        let request = RetrieveInvoice::new(invoice).build();
        let answer: InvoiceAnswer = self.ask(request, None).await?;
        Ok(answer.into_invoice())
    }
}

impl InvoiceAnswer {
    fn into_invoice(self) -> Invoice {
        let details = self.parent.and_then(|parent| parent.subscription_details);
        Invoice {
            id: self.id,
            subscription: details.and_then(|details| details.subscription),
            status: self.status,
            hosted_url: self.hosted_invoice_url,
            remaining_minor: self.amount_remaining,
        }
    }
}

impl Invoice {
    /// Where to pay it, if there is something left to pay.
    #[must_use]
    pub fn pay_url(&self) -> Option<&str> {
        let open = self.status == "open" && self.remaining_minor > 0;
        self.hosted_url.as_deref().filter(|_| open)
    }
}
