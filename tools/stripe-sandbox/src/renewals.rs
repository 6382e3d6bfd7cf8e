//! What the clock does to subscriptions: renewals, the end of trials, ends that were planned.

use serde_json::{Value, json};

use crate::clock::{DAY, month_before, next_anchor};
use crate::lines::Line;
use crate::proration::share;
use crate::store::{PLATFORM, World, id_of};
use crate::subscriptions::{changed, period_end, set_period};

/// A trial's end is announced this long before.
const NOTICE: i64 = 3 * DAY;

impl World {
    /// A period is over: the next one begins and is charged, or the subscription ends.
    pub fn renew(&mut self, id: &str) {
        let Some(old) = self.find(PLATFORM, "subscription", id).cloned() else {
            return;
        };
        if old["status"] == "canceled" || old["status"] == "paused" {
            return;
        }
        let ends = old["cancel_at"].as_i64().is_some_and(|at| at <= self.now);
        if ends || old["cancel_at_period_end"] == true {
            self.end_subscription(id, Some("cancellation_requested"));
        } else if old["status"] != "trialing" || self.may_leave_trial(&old) {
            self.begin_period(&old);
        }
    }

    /// What is done with a trial that ends without anything to pay with; `true` when an invoice
    /// is to be made in any case.
    fn may_leave_trial(&mut self, old: &Value) -> bool {
        if self.subscription_method(old).is_some() {
            return true;
        }
        let behaviour = &old["trial_settings"]["end_behavior"]["missing_payment_method"];
        match behaviour.as_str() {
            Some("cancel") => self.end_subscription(id_of(old), None),
            Some("pause") => {
                let paused = self.set_status(old, "paused");
                self.emit(PLATFORM, "customer.subscription.paused", &paused);
            }
            _ => return true,
        }
        false
    }

    fn begin_period(&mut self, old: &Value) {
        let (id, start) = (id_of(old), period_end(old));
        let anchor = old["billing_cycle_anchor"].as_i64().unwrap_or(start);
        let end = next_anchor(anchor, start);
        let month = month_before(anchor, end);
        let moved = self.edit(id, |subscription| {
            set_period(subscription, start, end);
            if subscription["status"] == "trialing" {
                subscription["status"] = json!("active");
            }
        });
        self.set_timer("renew", id, end);
        // Only the time between a trial and the anchor is less than a month.
        let part = |amount| share(amount, end - start, end - month);
        let mut lines = self.take_pending(id);
        lines.extend(Line::of_period(&moved, part, start != month));
        let invoice = self.draft_invoice(&moved, &lines, "subscription_cycle");
        let latest = invoice["id"].clone();
        let moved = self.edit(id, |subscription| subscription["latest_invoice"] = latest);
        let before = Some(changed(old, &moved));
        self.emit_change(PLATFORM, "customer.subscription.updated", &moved, before);
        self.collect_invoice(&invoice);
    }

    /// What a subscription is charged to.
    pub fn subscription_method(&self, subscription: &Value) -> Option<String> {
        let own = subscription["default_payment_method"].as_str();
        let customer = subscription["customer"]
            .as_str()
            .and_then(|id| self.any(id));
        let usual = customer.map(|it| &it["invoice_settings"]["default_payment_method"]);
        own.or_else(|| usual.and_then(Value::as_str))
            .map(str::to_owned)
    }

    /// Announces the end of a trial three days before it, or now when it is nearer.
    pub fn announce_trial_end(&mut self, id: &str) {
        let Some(subscription) = self.any(id).cloned() else {
            return;
        };
        let end = subscription["trial_end"].as_i64();
        let Some(end) = end.filter(|_| subscription["status"] == "trialing") else {
            return;
        };
        if end - NOTICE > self.now {
            self.set_timer("trial", id, end - NOTICE);
        } else {
            self.emit(
                PLATFORM,
                "customer.subscription.trial_will_end",
                &subscription,
            );
        }
    }

    /// The instant that a subscription was to end at.
    pub fn cancel_as_planned(&mut self, id: &str) {
        let planned = self.any(id).is_some_and(|subscription| {
            subscription["status"] != "canceled" && subscription["cancel_at"] == self.now
        });
        if planned {
            self.end_subscription(id, Some("cancellation_requested"));
        }
    }

    /// Prorations that wait for the next invoice of a subscription.
    pub fn pending(&self, subscription: &str) -> Vec<Line> {
        let lines = self.row("pending", subscription).cloned();
        serde_json::from_value(lines.unwrap_or_default()).unwrap_or_default()
    }

    pub fn take_pending(&mut self, subscription: &str) -> Vec<Line> {
        let lines = self.pending(subscription);
        self.drop_pending(subscription);
        lines
    }

    pub fn drop_pending(&mut self, subscription: &str) {
        if self.row("pending", subscription).is_some() {
            self.set_row("pending", subscription, Value::Null);
        }
    }

    pub fn add_pending(&mut self, subscription: &str, lines: Vec<Line>) {
        let mut all = self.pending(subscription);
        all.extend(lines);
        let all = serde_json::to_value(all).unwrap_or_default();
        self.set_row("pending", subscription, all);
    }
}
