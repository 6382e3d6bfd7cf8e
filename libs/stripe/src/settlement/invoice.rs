//! The parts of an invoice that a settlement is made of.

use serde::Deserialize;
use time::OffsetDateTime;

use crate::Metadata;
use crate::answer::{id_if_any, or_default};
use crate::failure::Failure;

#[derive(Deserialize)]
pub(super) struct InvoiceAnswer {
    pub id: String,
    pub currency: String,
    #[serde(default, deserialize_with = "id_if_any")]
    pub customer: Option<String>,
    #[serde(default)]
    parent: Option<Parent>,
    #[serde(default, deserialize_with = "or_default")]
    total_taxes: Vec<Tax>,
    #[serde(default, deserialize_with = "or_default")]
    lines: Items<Line>,
    #[serde(default, deserialize_with = "or_default")]
    payments: Items<Payment>,
    #[serde(with = "time::serde::timestamp")]
    period_start: OffsetDateTime,
    #[serde(with = "time::serde::timestamp")]
    period_end: OffsetDateTime,
}

/// What an invoice was paid by.
#[derive(Debug)]
pub(super) enum Paid {
    Intent(String),
    Charge(String),
}

#[derive(Deserialize)]
struct Items<T> {
    data: Vec<T>,
}

impl<T> Default for Items<T> {
    fn default() -> Self {
        Self { data: Vec::new() }
    }
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
    #[serde(default, deserialize_with = "or_default")]
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Tax {
    amount: i64,
}

#[derive(Deserialize)]
struct Line {
    amount: i64,
    period: Period,
    #[serde(default)]
    parent: Option<LineParent>,
}

#[derive(Deserialize)]
struct Period {
    #[serde(with = "time::serde::timestamp")]
    start: OffsetDateTime,
    #[serde(with = "time::serde::timestamp")]
    end: OffsetDateTime,
}

#[derive(Deserialize)]
struct LineParent {
    #[serde(default)]
    subscription_item_details: Option<ItemDetails>,
    #[serde(default)]
    invoice_item_details: Option<ItemDetails>,
}

#[derive(Deserialize)]
struct ItemDetails {
    #[serde(default, deserialize_with = "or_default")]
    proration: bool,
}

#[derive(Deserialize)]
struct Payment {
    /// `open`, `paid` or `canceled`.
    status: String,
    payment: AssociatedPayment,
}

#[derive(Deserialize)]
struct AssociatedPayment {
    #[serde(default, deserialize_with = "id_if_any")]
    payment_intent: Option<String>,
    #[serde(default, deserialize_with = "id_if_any")]
    charge: Option<String>,
}

impl InvoiceAnswer {
    /// The one payment that paid the invoice; `None` if nobody was charged.
    ///
    /// Two would need two settlements. We ask for no such invoice, so one is a surprise to
    /// look at, not to add up.
    pub(super) fn paid_by(&self) -> Result<Option<Paid>, Failure> {
        let paid: Vec<_> = self
            .payments
            .data
            .iter()
            .filter(|it| it.status == "paid")
            .collect();
        if paid.len() > 1 {
            Failure::unless_same(&self.id, "number of payments", &1, &paid.len())?;
        }
        Ok(paid.first().and_then(|it| it.payment.paid_by()))
    }

    pub(super) fn subscription(&self) -> Option<String> {
        self.details()
            .and_then(|details| details.subscription.clone())
    }

    pub(super) fn subscription_metadata(&self) -> Metadata {
        self.details()
            .map(|details| details.metadata.clone())
            .unwrap_or_default()
    }

    fn details(&self) -> Option<&SubscriptionDetails> {
        self.parent.as_ref()?.subscription_details.as_ref()
    }

    /// All of the tax, whether on top of the price or within it; `None` beyond 64 bits.
    pub(super) fn tax_minor(&self) -> Option<i64> {
        self.total_taxes
            .iter()
            .try_fold(0_i64, |sum, tax| sum.checked_add(tax.amount))
    }

    pub(super) fn has_proration(&self) -> bool {
        self.lines.data.iter().any(Line::is_proration)
    }

    /// The period that starts last among the lines that cost something; among all lines, if
    /// none does; of the invoice, if it has no line.
    pub(super) fn period(&self) -> (OffsetDateTime, OffsetDateTime) {
        let latest = |charged: bool| {
            let lines = self.lines.data.iter();
            lines
                .filter(|line| !charged || line.amount > 0)
                .map(|line| &line.period)
                .max_by_key(|period| period.start)
        };
        match latest(true).or_else(|| latest(false)) {
            Some(period) => (period.start, period.end),
            None => (self.period_start, self.period_end),
        }
    }
}

impl AssociatedPayment {
    /// `None` for money that never passed through Stripe.
    fn paid_by(&self) -> Option<Paid> {
        let intent = self.payment_intent.clone().map(Paid::Intent);
        intent.or_else(|| self.charge.clone().map(Paid::Charge))
    }
}

impl Line {
    fn is_proration(&self) -> bool {
        let Some(parent) = &self.parent else {
            return false;
        };
        [
            &parent.subscription_item_details,
            &parent.invoice_item_details,
        ]
        .into_iter()
        .flatten()
        .any(|details| details.proration)
    }
}
