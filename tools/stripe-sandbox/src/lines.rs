//! Lines of invoices: a period of a subscription's item, or what a change of price in the
//! middle of one costs and gives back.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::amounts::{Outcome, Part};
use crate::clock::show_day;
use crate::tax_rates::{applied, shown};

/// The line of an earlier invoice that a credit gives back.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Credited {
    /// Absent while that line is not on an invoice yet.
    pub invoice: Option<String>,
    pub line: String,
}

/// A line before it is on an invoice.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Line {
    /// The subscription's item, with the price that this line is about.
    pub item: Value,
    pub amount: i64,
    pub what: String,
    pub start: i64,
    pub end: i64,
    pub prorated: bool,
    /// The invoice item that stands for a proration made between two invoices, or for what is
    /// paid once.
    pub invoice_item: Option<String>,
    /// Paid once: of no item of the subscription.
    pub once: bool,
    pub credited: Option<Credited>,
}

/// What an item costs for a whole month.
pub fn full_amount(item: &Value) -> i64 {
    let quantity = item["quantity"].as_i64().unwrap_or(1);
    item["price"]["unit_amount"].as_i64().unwrap_or(0) * quantity
}

pub fn items(subscription: &Value) -> impl Iterator<Item = &Value> {
    subscription["items"]["data"]
        .as_array()
        .into_iter()
        .flatten()
}

impl Line {
    /// One line per item, for the item's current period.
    pub fn of_period(
        subscription: &Value,
        share: impl Fn(i64) -> i64,
        prorated: bool,
    ) -> Vec<Self> {
        let is_trial = subscription["status"] == "trialing";
        let what = match (is_trial, prorated) {
            (true, _) => "Trial period",
            (false, true) => "Remaining time",
            (false, false) => "Subscription",
        };
        let line = |item: &Value| {
            let end = item["current_period_end"].as_i64().unwrap_or(0);
            Self {
                item: item.clone(),
                amount: share(full_amount(item)),
                what: format!("{what} until {}", show_day(end)),
                start: item["current_period_start"].as_i64().unwrap_or(0),
                end,
                prorated: prorated && !is_trial,
                invoice_item: None,
                once: false,
                credited: None,
            }
        };
        items(subscription).map(line).collect()
    }

    /// What is paid once, at the beginning of a subscription.
    pub fn once(offer: &Value, invoice_item: String, what: &str, now: i64) -> Self {
        Self {
            item: offer.clone(),
            amount: full_amount(offer),
            what: what.to_owned(),
            start: now,
            end: now,
            prorated: false,
            invoice_item: Some(invoice_item),
            once: true,
            credited: None,
        }
    }

    /// Prorations between invoices have their discounts within them.
    fn is_discountable(&self) -> bool {
        self.once || self.invoice_item.is_none()
    }

    /// As it is reckoned. The subscription's tax rates are for its items alone.
    pub fn part(&self, subscription: &Value) -> Part {
        let none = Value::Null;
        let fallback = if self.once {
            &none
        } else {
            &subscription["default_tax_rates"]
        };
        Part {
            amount: self.amount,
            discountable: self.is_discountable(),
            rates: applied(&self.item["tax_rates"], fallback),
        }
    }

    /// As an invoice shows it. `discounts` are the ids of the discounts, in their order.
    pub fn object(
        &self,
        id: &str,
        invoice: &str,
        subscription: &Value,
        discounts: &[String],
        line: &Outcome,
    ) -> Value {
        let price = &self.item["price"];
        let pairs = discounts.iter().zip(&line.discounts);
        let cuts: Vec<Value> = pairs
            .filter(|(_, amount)| **amount > 0)
            .map(|(discount, amount)| json!({ "amount": amount, "discount": discount }))
            .collect();
        json!({
            "id": id, "object": "line_item", "amount": self.amount, "currency": "usd",
            "description": self.what, "discount_amounts": cuts,
            "discountable": self.is_discountable(), "discounts": [], "invoice": invoice,
            "livemode": false, "metadata": subscription["metadata"],
            "parent": self.parent(subscription),
            "period": { "start": self.start, "end": self.end },
            "pretax_credit_amounts": pretax(&cuts),
            "pricing": {
                "price_details": { "price": price["id"], "product": price["product"] },
                "type": "price_details", "unit_amount_decimal": price["unit_amount_decimal"],
            },
            "quantity": self.item["quantity"], "subscription": subscription["id"],
            "subtotal": self.amount, "taxes": shown(&line.taxes),
        })
    }

    fn parent(&self, subscription: &Value) -> Value {
        if self.once {
            return json!({
                "invoice_item_details": {
                    "invoice_item": self.invoice_item, "proration": false,
                    "proration_details": { "credited_items": null },
                    "subscription": subscription["id"],
                },
                "subscription_item_details": null, "type": "invoice_item_details",
            });
        }
        let credited = self
            .credited
            .as_ref()
            .filter(|credited| credited.invoice.is_some());
        let credited = credited.map(|credited| {
            json!({ "invoice": credited.invoice, "invoice_line_items": [credited.line] })
        });
        json!({
            "invoice_item_details": null, "type": "subscription_item_details",
            "subscription_item_details": {
                "invoice_item": self.invoice_item, "proration": self.prorated,
                "proration_details": { "credited_items": credited },
                "subscription": subscription["id"], "subscription_item": self.item["id"],
            },
        })
    }
}

/// Discounts once more, in the form that also knows credits of other kinds.
pub fn pretax(cuts: &[Value]) -> Value {
    let entry = |cut: &Value| json!({ "amount": cut["amount"], "discount": cut["discount"], "type": "discount" });
    cuts.iter().map(entry).collect()
}
