//! Invoices: what a period costs, and how it was paid.

use serde_json::{Value, json};

use crate::api::{Call, Endpoint};
use crate::charges::{Bill, CHARGE_MIN, Payment};
use crate::clock::show_day;
use crate::error::Answer;
use crate::lists::whole_list;
use crate::store::{PLATFORM, World, id_of};

pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint::list("invoices", &["subscription", "customer", "status"], list),
    Endpoint::get("invoices/*", &[], retrieve),
    Endpoint::list("invoice_payments", &["invoice", "status"], list_payments),
    Endpoint::get("invoice_payments/*", &[], retrieve_payment),
];

fn list(world: &mut World, call: &Call) -> Answer {
    let subscription = call.params.get("subscription");
    let by = subscription.map(|id| ("/parent/subscription_details/subscription", id));
    let by = by.or(call.params.get("customer").map(|id| ("/customer", id)));
    let status = call.params.get("status");
    world.page(call, "invoice", by, |invoice| {
        status.is_none_or(|status| invoice["status"] == status)
    })
}

fn retrieve(world: &mut World, call: &Call) -> Answer {
    world.get(PLATFORM, "invoice", &call.id).cloned()
}

fn list_payments(world: &mut World, call: &Call) -> Answer {
    let by = call.params.get("invoice").map(|id| ("/invoice", id));
    let status = call.params.get("status");
    world.page(call, "invoice_payment", by, |payment| {
        status.is_none_or(|status| payment["status"] == status)
    })
}

fn retrieve_payment(world: &mut World, call: &Call) -> Answer {
    world.get(PLATFORM, "invoice_payment", &call.id).cloned()
}

/// What one item of a subscription costs for one period.
pub struct Line {
    item: Value,
    amount: i64,
    prorated: bool,
}

impl Line {
    /// One line per item, for the item's current period.
    pub fn of_subscription(subscription: &Value, share: impl Fn(i64) -> i64) -> Vec<Self> {
        let items = subscription["items"]["data"]
            .as_array()
            .into_iter()
            .flatten();
        let full = |item: &Value| {
            let quantity = item["quantity"].as_i64().unwrap_or(1);
            item["price"]["unit_amount"].as_i64().unwrap_or(0) * quantity
        };
        let line = |item: &Value| Self {
            item: item.clone(),
            amount: share(full(item)),
            prorated: false,
        };
        items.map(line).collect()
    }

    pub fn prorated(self, prorated: bool) -> Self {
        Self { prorated, ..self }
    }

    fn object(&self, id: &str, invoice: &str, subscription: &Value) -> Value {
        let (price, quantity) = (&self.item["price"], &self.item["quantity"]);
        let (start, end) = (
            &self.item["current_period_start"],
            &self.item["current_period_end"],
        );
        let until = end.as_i64().map(show_day).unwrap_or_default();
        let what = if self.prorated {
            "Remaining time"
        } else {
            "Subscription"
        };
        json!({
            "id": id, "object": "line_item", "amount": self.amount, "currency": "usd",
            "description": format!("{what} until {until}"), "discount_amounts": [],
            "discountable": true, "discounts": [], "invoice": invoice, "livemode": false,
            "metadata": subscription["metadata"], "parent": {
                "invoice_item_details": null, "type": "subscription_item_details",
                "subscription_item_details": {
                    "invoice_item": null, "proration": self.prorated,
                    "proration_details": { "credited_items": null },
                    "subscription": subscription["id"], "subscription_item": self.item["id"],
                },
            },
            "period": { "start": start, "end": end }, "pretax_credit_amounts": [],
            "pricing": {
                "price_details": { "price": price["id"], "product": price["product"] },
                "type": "price_details", "unit_amount_decimal": price["unit_amount_decimal"],
            },
            "quantity": quantity, "subscription": subscription["id"],
            "subtotal": self.amount, "taxes": [],
        })
    }
}

impl World {
    /// Writes an invoice over some lines. What it asks for takes the customer's balance into
    /// account; an amount too small for a card goes onto that balance instead.
    pub fn draft_invoice(&mut self, subscription: &Value, lines: Vec<Line>, reason: &str) -> Value {
        let id = self.mint("in");
        let customer_id = subscription["customer"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let customer = self.any(&customer_id).cloned().unwrap_or_default();
        let total: i64 = lines.iter().map(|line| line.amount).sum();
        let starting = customer["balance"].as_i64().unwrap_or(0);
        let asked = (total + starting).max(0);
        let due = if asked < CHARGE_MIN { 0 } else { asked };
        let ending = total + starting - due;
        let sequence = customer["next_invoice_sequence"].as_i64().unwrap_or(1);
        self.edit(&customer_id, |customer| {
            customer["next_invoice_sequence"] = json!(sequence + 1);
            customer["balance"] = json!(ending);
        });
        let object =
            |line: &Line, id: String, invoice: &str| line.object(&id, invoice, subscription);
        let lines = lines
            .iter()
            .map(|line| object(line, self.mint("il"), &id))
            .collect();
        let mut invoice = invoice_object(self.now, &id, &customer, subscription);
        invoice["number"] = json!(format!(
            "{}-{sequence:04}",
            customer["invoice_prefix"].as_str().unwrap_or("SBX")
        ));
        invoice["lines"] = whole_list(&format!("/v1/invoices/{id}/lines"), lines);
        invoice["billing_reason"] = json!(reason);
        for (name, amount) in [
            ("subtotal", total),
            ("subtotal_excluding_tax", total),
            ("total", total),
            ("total_excluding_tax", total),
            ("starting_balance", starting),
            ("ending_balance", ending),
            ("amount_due", due),
            ("amount_remaining", due),
        ] {
            invoice[name] = json!(amount);
        }
        self.put(PLATFORM, invoice)
    }

    /// Finalizes an invoice and charges the card for what is due.
    pub fn collect_invoice(&mut self, draft: Value, method: &str) -> Value {
        let id = id_of(&draft).to_owned();
        let now = self.now;
        self.emit(PLATFORM, "invoice.created", &draft);
        let open = self.edit(&id, |invoice| {
            invoice["status"] = json!("open");
            invoice["auto_advance"] = json!(false);
            invoice["effective_at"] = json!(now);
            invoice["status_transitions"]["finalized_at"] = json!(now);
        });
        self.emit(PLATFORM, "invoice.finalized", &open);
        let due = open["amount_due"].as_i64().unwrap_or(0);
        let payment = (due > 0).then(|| self.charge_invoice(&open, method, due));
        let paid = payment.as_ref().is_none_or(|payment| payment.succeeded);
        let invoice = self.edit(&id, |invoice| settle(invoice, now, due, paid));
        if let Some(payment) = &payment {
            self.emit_payment(payment);
            self.pay_invoice(&invoice, payment);
        }
        if paid {
            self.emit(PLATFORM, "invoice.paid", &invoice);
            self.emit(PLATFORM, "invoice.payment_succeeded", &invoice);
        } else {
            self.emit(PLATFORM, "invoice.payment_failed", &invoice);
        }
        invoice
    }

    fn charge_invoice(&mut self, invoice: &Value, method: &str, due: i64) -> Payment {
        let first = invoice["billing_reason"] == "subscription_create";
        self.charge(&Bill {
            amount: due,
            customer: invoice["customer"].as_str().unwrap_or_default(),
            email: invoice["customer_email"].as_str().unwrap_or_default(),
            method,
            description: if first {
                "Subscription creation"
            } else {
                "Subscription update"
            },
            metadata: json!({}),
        })
    }

    fn pay_invoice(&mut self, invoice: &Value, payment: &Payment) {
        let (status, now) = if payment.succeeded {
            ("paid", Some(self.now))
        } else {
            ("open", None)
        };
        let link = json!({
            "id": self.mint("inpay"), "object": "invoice_payment",
            "amount_paid": now.map(|_| &invoice["amount_due"]),
            "amount_requested": invoice["amount_due"], "created": self.now, "currency": "usd",
            "invoice": invoice["id"], "is_default": true, "livemode": false,
            "payment": { "type": "payment_intent", "payment_intent": payment.intent["id"] },
            "status": status, "status_transitions": { "canceled_at": null, "paid_at": now },
        });
        let link = self.put(PLATFORM, link);
        if payment.succeeded {
            self.emit(PLATFORM, "invoice_payment.paid", &link);
        }
    }
}

fn settle(invoice: &mut Value, now: i64, due: i64, paid: bool) {
    invoice["attempted"] = json!(true);
    invoice["attempt_count"] = json!(u8::from(due > 0));
    if paid {
        invoice["status"] = json!("paid");
        invoice["amount_paid"] = json!(due);
        invoice["amount_remaining"] = json!(0);
        invoice["status_transitions"]["paid_at"] = json!(now);
    }
}

/// An invoice with everything but its lines, amounts and number.
fn invoice_object(now: i64, id: &str, customer: &Value, subscription: &Value) -> Value {
    let item = &subscription["items"]["data"][0];
    let start = &item["current_period_start"];
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
        "default_payment_method": null, "default_source": null, "default_tax_rates": [],
        "description": null, "discounts": [], "due_date": null, "effective_at": null,
        "ending_balance": null, "footer": null, "from_invoice": null,
        "hosted_invoice_url": null, "invoice_pdf": null, "issuer": { "type": "self" },
        "last_finalization_error": null, "latest_revision": null, "lines": null,
        "livemode": false, "metadata": {}, "next_payment_attempt": null, "number": null,
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
