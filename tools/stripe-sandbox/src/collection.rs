//! The way of an invoice to its money: made final, charged, paid or not.

use serde_json::{Value, json};

use crate::charges::{Bill, Payment};
use crate::store::{PLATFORM, World, id_of};

/// The subscription that an invoice is for.
pub fn subscription_of(invoice: &Value) -> &str {
    let details = &invoice["parent"]["subscription_details"];
    details["subscription"].as_str().unwrap_or_default()
}

impl World {
    /// Finalizes an invoice and charges for it what is due.
    pub fn collect_invoice(&mut self, draft: &Value) -> Value {
        let id = id_of(draft).to_owned();
        let (now, page) = (self.now, format!("{}/i/{id}", self.base));
        self.emit(PLATFORM, "invoice.created", draft);
        let open = self.edit(&id, |invoice| {
            invoice["status"] = json!("open");
            invoice["effective_at"] = json!(now);
            invoice["hosted_invoice_url"] = json!(page);
            invoice["status_transitions"]["finalized_at"] = json!(now);
        });
        self.emit(PLATFORM, "invoice.finalized", &open);
        if open["amount_due"].as_i64().is_some_and(|due| due > 0) {
            let method = self.invoice_method(&open);
            return self.attempt_invoice(&open, method.as_deref());
        }
        let paid = self.edit(&id, |invoice| {
            invoice["attempted"] = json!(true);
            set_paid(invoice, 0, now);
        });
        self.announce_outcome(&paid);
        paid
    }

    /// What an invoice is charged to when nobody says otherwise.
    pub fn invoice_method(&self, invoice: &Value) -> Option<String> {
        let subscription = self.any(subscription_of(invoice));
        let own = subscription.and_then(|it| it["default_payment_method"].as_str());
        let customer = invoice["customer"].as_str().and_then(|id| self.any(id));
        let usual = customer.map(|it| &it["invoice_settings"]["default_payment_method"]);
        own.or_else(|| usual.and_then(Value::as_str))
            .map(str::to_owned)
    }

    /// Charges what is left of an open invoice, and answers what became of it.
    pub fn attempt_invoice(&mut self, invoice: &Value, method: Option<&str>) -> Value {
        let (id, now) = (id_of(invoice).to_owned(), self.now);
        let due = invoice["amount_remaining"].as_i64().unwrap_or(0);
        let link = self.open_payment(&id);
        let payment = self.charge_invoice(invoice, method, due, &link);
        let paid = payment.succeeded;
        let retry = if paid { None } else { self.next_retry(invoice) };
        let invoice = self.edit(&id, |invoice| {
            invoice["attempted"] = json!(true);
            invoice["attempt_count"] = json!(invoice["attempt_count"].as_i64().unwrap_or(0) + 1);
            invoice["next_payment_attempt"] = json!(retry);
            invoice["auto_advance"] = json!(retry.is_some());
            if paid {
                set_paid(invoice, due, now);
            }
        });
        self.plan_retry(&id, retry);
        self.emit_payment(&payment);
        self.link_payment(&invoice, &payment, link);
        self.announce_outcome(&invoice);
        self.follow_invoice(&invoice);
        self.dispute_by_card(&payment);
        invoice
    }

    fn announce_outcome(&mut self, invoice: &Value) {
        if invoice["status"] == "paid" {
            self.emit(PLATFORM, "invoice.paid", invoice);
            self.emit(PLATFORM, "invoice.payment_succeeded", invoice);
        } else {
            self.emit(PLATFORM, "invoice.payment_failed", invoice);
        }
    }

    /// The payment that earlier attempts have left open; `Null` before the first.
    fn open_payment(&self, invoice: &str) -> Value {
        let links = self.list(PLATFORM, "invoice_payment", Some(("/invoice", invoice)));
        let mut links = links.iter().filter_map(|(_, id)| self.any(id));
        let open = links.find(|link| link["status"] == "open");
        open.cloned().unwrap_or_default()
    }

    fn charge_invoice(
        &mut self,
        invoice: &Value,
        method: Option<&str>,
        due: i64,
        link: &Value,
    ) -> Payment {
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
            intent: link["payment"]["payment_intent"].as_str(),
        })
    }

    /// Notes on the invoice's payment what an attempt brought.
    fn link_payment(&mut self, invoice: &Value, payment: &Payment, old: Value) {
        let mut link = old;
        if link.is_null() {
            link = json!({
                "id": self.mint("inpay"), "object": "invoice_payment", "amount_paid": null,
                "amount_requested": invoice["amount_due"], "created": self.now,
                "currency": "usd", "invoice": invoice["id"], "is_default": true,
                "livemode": false, "payment": {
                    "type": "payment_intent", "payment_intent": payment.intent["id"],
                },
                "status": "open", "status_transitions": { "canceled_at": null, "paid_at": null },
            });
        }
        if payment.succeeded {
            link["status"] = json!("paid");
            link["amount_paid"] = invoice["amount_due"].clone();
            link["status_transitions"]["paid_at"] = json!(self.now);
        }
        let link = self.put(PLATFORM, link);
        if payment.succeeded {
            self.emit(PLATFORM, "invoice_payment.paid", &link);
        }
    }

    /// Takes back the payment of an invoice that will not be paid any more.
    pub fn cancel_payment(&mut self, invoice: &str) {
        let (link, now) = (self.open_payment(invoice), self.now);
        self.edit(id_of(&link), |link| {
            link["status"] = json!("canceled");
            link["status_transitions"]["canceled_at"] = json!(now);
        });
        let intent = link["payment"]["payment_intent"]
            .as_str()
            .unwrap_or_default();
        let canceled = self.edit(intent, |intent| {
            intent["status"] = json!("canceled");
            intent["canceled_at"] = json!(now);
            intent["cancellation_reason"] = json!("void_invoice");
        });
        if !canceled.is_null() {
            self.emit(PLATFORM, "payment_intent.canceled", &canceled);
        }
    }
}

fn set_paid(invoice: &mut Value, amount: i64, now: i64) {
    invoice["status"] = json!("paid");
    invoice["auto_advance"] = json!(false);
    invoice["amount_paid"] = json!(amount);
    invoice["amount_remaining"] = json!(0);
    invoice["status_transitions"]["paid_at"] = json!(now);
}
