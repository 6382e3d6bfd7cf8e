//! What follows an invoice that was not paid: the subscription is past due, the card is tried
//! again by a fixed schedule, and at its end the subscription is over.

use serde_json::{Value, json};

use crate::clock::DAY;
use crate::collection::subscription_of;
use crate::store::{PLATFORM, World, id_of};
use crate::subscriptions::changed;

/// Days after the invoice was made final on which its card is tried again. Stripe picks its
/// moments by what it learned of the card; a sandbox needs to be foreseeable.
const RETRY_DAYS: [i64; 3] = [3, 5, 7];

impl World {
    /// When an unpaid invoice is tried next; never for a first invoice, nor when its
    /// subscription is over.
    pub fn next_retry(&self, invoice: &Value) -> Option<i64> {
        let subscription = self.any(subscription_of(invoice))?;
        let tried = invoice["status"] == "open"
            && subscription["status"] != "canceled"
            && invoice["billing_reason"] != "subscription_create";
        let first = invoice["status_transitions"]["finalized_at"].as_i64()?;
        let mut moments = RETRY_DAYS.iter().map(|days| first + days * DAY);
        moments.find(|moment| tried && *moment > self.now)
    }

    /// Sets or drops the timer of an invoice's next attempt.
    pub fn plan_retry(&mut self, invoice: &str, at: Option<i64>) {
        match at {
            Some(at) => self.set_timer("retry", invoice, at),
            None if self.timers.is_set("retry", invoice) => self.drop_timer("retry", invoice),
            None => {}
        }
    }

    /// The moment has come to try an invoice again; after the last one the subscription ends.
    pub fn retry_invoice(&mut self, id: &str) {
        let invoice = self.find(PLATFORM, "invoice", id).cloned();
        let Some(invoice) = invoice.filter(|invoice| invoice["status"] == "open") else {
            return;
        };
        let method = self.invoice_method(&invoice);
        let invoice = self.attempt_invoice(&invoice, method.as_deref());
        let given_up = invoice["status"] == "open" && invoice["next_payment_attempt"].is_null();
        let id = subscription_of(&invoice);
        // An older invoice ends nothing: the latest one says how its subscription is.
        if given_up
            && self
                .any(id)
                .is_some_and(|it| it["latest_invoice"] == invoice["id"])
        {
            self.end_subscription(id, Some("payment_failed"));
        }
    }

    /// Stops trying a subscription's open invoices.
    pub fn stop_retries(&mut self, subscription: &str) {
        let field = "/parent/subscription_details/subscription";
        let invoices = self.list(PLATFORM, "invoice", Some((field, subscription)));
        let tried = |id: &String| self.timers.is_set("retry", id);
        let ids = invoices.iter().map(|(_, id)| id.clone()).filter(tried);
        for id in ids.collect::<Vec<_>>() {
            self.give_up_retry(&id);
        }
    }

    pub fn give_up_retry(&mut self, invoice: &str) {
        self.plan_retry(invoice, None);
        self.edit(invoice, |invoice| {
            invoice["next_payment_attempt"] = Value::Null;
            invoice["auto_advance"] = json!(false);
        });
    }

    /// A subscription is as its latest invoice: past due while that one is open, active again
    /// once it is paid or given up.
    pub fn follow_invoice(&mut self, invoice: &Value) {
        let Some(old) = self.any(subscription_of(invoice)).cloned() else {
            return;
        };
        if old["latest_invoice"] != invoice["id"] {
            return;
        }
        let is_open = invoice["status"] == "open";
        self.set_delinquent(invoice["customer"].as_str().unwrap_or_default(), is_open);
        let (from, to): (&[&str], &str) = if is_open {
            (&["active", "trialing"], "past_due")
        } else {
            (&["past_due"], "active")
        };
        if from.iter().any(|status| old["status"] == *status) {
            self.set_status(&old, to);
        }
    }

    pub fn set_status(&mut self, old: &Value, status: &str) -> Value {
        let new = self.edit(id_of(old), |it| it["status"] = json!(status));
        let before = Some(changed(old, &new));
        self.emit_change(PLATFORM, "customer.subscription.updated", &new, before);
        new
    }

    fn set_delinquent(&mut self, customer: &str, delinquent: bool) {
        let old = self
            .any(customer)
            .map(|customer| customer["delinquent"] == true);
        if old.is_none_or(|old| old == delinquent) {
            return;
        }
        let new = self.edit(customer, |it| it["delinquent"] = json!(delinquent));
        let before = Some(json!({ "delinquent": !delinquent }));
        self.emit_change(PLATFORM, "customer.updated", &new, before);
    }
}
