//! Invoices: what a period costs.

use serde_json::{Value, json};

use crate::amounts::{Off, Part, Sums};
use crate::api::{Call, Endpoint};
use crate::charges::CHARGE_MIN;
use crate::error::Answer;
use crate::lines::{Line, pretax};
use crate::lists::whole_list;
use crate::store::{PLATFORM, World, id_of};
use crate::tax_rates::shown;

pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint::list("invoices", &["subscription", "customer", "status"], list),
    Endpoint::get("invoices/*", &[], retrieve),
    Endpoint::list(
        "invoice_payments",
        &[
            "invoice",
            "status",
            "payment[type]",
            "payment[payment_intent]",
        ],
        list_payments,
    ),
    Endpoint::get("invoice_payments/*", &[], retrieve_payment),
];

fn list(world: &mut World, call: &Call) -> Answer {
    let subscription = call.params.get("subscription");
    let field = "/parent/subscription_details/subscription";
    let by = subscription.map(|id| (field, id));
    let by = by.or(call.params.get("customer").map(|id| ("/customer", id)));
    world.page(call, "invoice", by, |invoice| {
        call.params.all_equal(invoice, &["customer", "status"])
    })
}

fn retrieve(world: &mut World, call: &Call) -> Answer {
    world.get(PLATFORM, "invoice", &call.id).cloned()
}

fn list_payments(world: &mut World, call: &Call) -> Answer {
    call.params.one_of("payment[type]", &["payment_intent"])?;
    let by = call.params.get("invoice").map(|id| ("/invoice", id));
    let intent = call.params.get("payment[payment_intent]");
    world.page(call, "invoice_payment", by, |payment| {
        call.params.all_equal(payment, &["status"])
            && intent.is_none_or(|intent| payment["payment"]["payment_intent"] == intent)
    })
}

fn retrieve_payment(world: &mut World, call: &Call) -> Answer {
    world.get(PLATFORM, "invoice_payment", &call.id).cloned()
}

/// What is charged for a total, and the customer's balance after it (below zero it is credit).
/// An amount too small for a card goes onto the balance.
pub fn dues(total: i64, balance: i64) -> (i64, i64) {
    let asked = (total + balance).max(0);
    let due = if asked < CHARGE_MIN { 0 } else { asked };
    (due, total + balance - due)
}

/// What some lines of a subscription come to at this instant.
pub struct Reckoning {
    pub sums: Sums,
    /// The discounts' ids, in the order of the sums.
    pub discounts: Vec<String>,
    pub due: i64,
    starting: i64,
    ending: i64,
}

impl World {
    pub fn reckon(&self, subscription: &Value, lines: &[Line]) -> Reckoning {
        self.reckon_with(subscription, lines, self.discounts_of(subscription))
    }

    pub fn reckon_with(
        &self,
        subscription: &Value,
        lines: &[Line],
        discounts: Vec<(String, Off)>,
    ) -> Reckoning {
        let (discounts, offs): (Vec<String>, Vec<Off>) = discounts.into_iter().unzip();
        let parts: Vec<Part> = lines.iter().map(|line| line.part(subscription)).collect();
        let sums = Sums::of(&parts, &offs);
        let customer = subscription["customer"]
            .as_str()
            .and_then(|id| self.any(id));
        let starting = customer
            .and_then(|customer| customer["balance"].as_i64())
            .unwrap_or(0);
        let (due, ending) = dues(sums.total, starting);
        Reckoning {
            sums,
            discounts,
            due,
            starting,
            ending,
        }
    }

    /// Writes an invoice over some lines. What it asks for takes the customer's balance into
    /// account; discounts for one invoice alone are used up by it.
    pub fn draft_invoice(&mut self, subscription: &Value, lines: &[Line], reason: &str) -> Value {
        let id = self.mint("in");
        let reckoning = self.reckon(subscription, lines);
        let customer = subscription["customer"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let customer = self.bill_customer(&customer, &reckoning);
        let mut invoice = invoice_object(self.now, &id, &customer, subscription);
        let pairs = lines.iter().zip(&reckoning.sums.lines);
        let lines = pairs
            .map(|(line, sums)| {
                let own = self.mint("il");
                line.object(&own, &id, subscription, &reckoning.discounts, sums)
            })
            .collect();
        invoice["lines"] = whole_list(&format!("/v1/invoices/{id}/lines"), lines);
        invoice["billing_reason"] = json!(reason);
        reckoning.show(&mut invoice);
        let invoice = self.put(PLATFORM, invoice);
        self.drop_discounts(id_of(subscription), &reckoning.used());
        invoice
    }

    /// Gives an invoice its number, and the customer the balance that is left after it. The
    /// customer is answered as before, for its number and address are what the invoice shows.
    fn bill_customer(&mut self, id: &str, reckoning: &Reckoning) -> Value {
        let old = self.any(id).cloned().unwrap_or_default();
        let next = old["next_invoice_sequence"].as_i64().unwrap_or(1) + 1;
        let new = self.edit(id, |customer| {
            customer["next_invoice_sequence"] = json!(next);
            customer["balance"] = json!(reckoning.ending);
        });
        if old["balance"] != new["balance"] {
            let before = json!({ "balance": old["balance"] });
            self.emit_change(PLATFORM, "customer.updated", &new, Some(before));
        }
        old
    }
}

impl Reckoning {
    /// The discounts that took something off.
    fn used(&self) -> Vec<String> {
        let pairs = self.discounts.iter().zip(&self.sums.discounts);
        let used = pairs.filter(|(_, amount)| **amount > 0);
        used.map(|(id, _)| id.clone()).collect()
    }

    fn show(&self, invoice: &mut Value) {
        let (sums, tax) = (&self.sums, self.sums.tax());
        for (name, amount) in [
            ("subtotal", sums.subtotal),
            ("subtotal_excluding_tax", sums.subtotal_excluding_tax),
            ("total", sums.total),
            ("total_excluding_tax", sums.total - tax),
            ("starting_balance", self.starting),
            ("ending_balance", self.ending),
            ("amount_due", self.due),
            ("amount_remaining", self.due),
        ] {
            invoice[name] = json!(amount);
        }
        let pairs = self.discounts.iter().zip(&sums.discounts);
        let cuts: Vec<Value> = pairs
            .map(|(id, amount)| json!({ "amount": amount, "discount": id }))
            .collect();
        invoice["discounts"] = json!(self.discounts);
        invoice["total_pretax_credit_amounts"] = pretax(&cuts);
        invoice["total_discount_amounts"] = json!(cuts);
        invoice["total_taxes"] = shown(&sums.taxes);
    }
}

/// An invoice with everything but its lines, amounts and number.
fn invoice_object(now: i64, id: &str, customer: &Value, subscription: &Value) -> Value {
    let item = &subscription["items"]["data"][0];
    let start = &item["current_period_start"];
    let number = format!(
        "{}-{:04}",
        customer["invoice_prefix"].as_str().unwrap_or("SBX"),
        customer["next_invoice_sequence"].as_i64().unwrap_or(1)
    );
    json!({
        "id": id, "object": "invoice", "account_country": "US", "account_name": "Sandbox",
        "account_tax_ids": null, "amount_due": 0, "amount_overpaid": 0, "amount_paid": 0,
        "amount_remaining": 0, "amount_shipping": 0, "application": null, "attempt_count": 0,
        "attempted": false, "auto_advance": true, "automatic_tax": {
            "disabled_reason": null, "enabled": false, "liability": null, "provider": null,
            "status": null,
        },
        "automatically_finalizes_at": null, "billing_reason": null,
        "collection_method": "charge_automatically", "created": now, "currency": "usd",
        "custom_fields": null, "customer": customer["id"], "customer_account": null,
        "customer_address": null, "customer_email": customer["email"],
        "customer_name": customer["name"], "customer_phone": null, "customer_shipping": null,
        "customer_tax_exempt": "none", "customer_tax_ids": [],
        "default_payment_method": null, "default_source": null,
        "default_tax_rates": subscription["default_tax_rates"], "description": null, "discounts": [], "due_date": null, "effective_at": null,
        "ending_balance": null, "footer": null, "from_invoice": null,
        "hosted_invoice_url": null, "invoice_pdf": null, "issuer": { "type": "self" },
        "last_finalization_error": null, "latest_revision": null, "lines": null,
        "livemode": false, "metadata": {}, "next_payment_attempt": null, "number": number,
        "on_behalf_of": null, "parent": {
            "quote_details": null, "type": "subscription_details", "subscription_details": {
                "metadata": subscription["metadata"], "subscription": subscription["id"],
            },
        },
        "payment_settings": {
            "default_mandate": null, "payment_method_options": null,
            "payment_method_types": null,
        },
        "period_start": start, "period_end": start,
        "post_payment_credit_notes_amount": 0, "pre_payment_credit_notes_amount": 0,
        "receipt_number": null, "rendering": null, "shipping_cost": null,
        "shipping_details": null, "starting_balance": 0, "statement_descriptor": null,
        "status": "draft", "status_transitions": {
            "finalized_at": null, "marked_uncollectible_at": null, "paid_at": null,
            "voided_at": null,
        },
        "subtotal": 0, "subtotal_excluding_tax": 0, "test_clock": null, "total": 0,
        "total_discount_amounts": [], "total_excluding_tax": 0,
        "total_pretax_credit_amounts": [], "total_taxes": [], "webhooks_delivered_at": null,
    })
}
