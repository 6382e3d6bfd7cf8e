//! Subscriptions: their items, their renewal by the clock, their end.

use serde_json::{Value, json};

use crate::api::{Call, Endpoint};
use crate::clock::next_anchor;
use crate::completion::Setup;
use crate::error::{Answer, Refusal};
use crate::invoices::Line;
use crate::lists::whole_list;
use crate::store::{PLATFORM, World, id_of};

pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint::list("subscriptions", &["customer", "price", "status"], list),
    Endpoint::get("subscriptions/*", &[], retrieve),
    Endpoint::post(
        "subscriptions/*",
        &[
            "cancel_at_period_end",
            "metadata",
            "metadata[*]",
            "default_payment_method",
            "description",
            "cancellation_details[comment]",
            "cancellation_details[feedback]",
        ],
        update,
    ),
    Endpoint::delete(
        "subscriptions/*",
        &[
            "cancellation_details[comment]",
            "cancellation_details[feedback]",
            "invoice_now",
            "prorate",
        ],
        cancel,
    ),
];

fn list(world: &mut World, call: &Call) -> Answer {
    let by = call.params.get("customer").map(|id| ("/customer", id));
    let (status, price) = (call.params.get("status"), call.params.get("price"));
    world.page(call, "subscription", by, |subscription| {
        // Canceled ones are shown only to who asks for them.
        let shown = match status {
            None => subscription["status"] != "canceled",
            Some("all") => true,
            Some("ended") => subscription["status"] == "canceled",
            Some(status) => subscription["status"] == status,
        };
        let items = subscription["items"]["data"]
            .as_array()
            .into_iter()
            .flatten();
        shown && price.is_none_or(|price| items.clone().any(|item| item["price"]["id"] == price))
    })
}

fn retrieve(world: &mut World, call: &Call) -> Answer {
    world.get(PLATFORM, "subscription", &call.id).cloned()
}

fn update(world: &mut World, call: &Call) -> Answer {
    let old = world.get(PLATFORM, "subscription", &call.id)?.clone();
    let metadata = call.params.merge_metadata("metadata", &old["metadata"]);
    let ends = call.params.flag("cancel_at_period_end")?;
    if ends.is_some() && old["status"] == "canceled" {
        let message =
            "A canceled subscription can only update its cancellation_details and metadata.";
        return Err(Refusal::rule("resource_missing", message));
    }
    let method = call.params.get("default_payment_method");
    if let Some(method) = method {
        world.named("payment_method", "default_payment_method", method)?;
    }
    let (now, end) = (world.now, period_end(&old));
    let new = world.edit(&call.id, |subscription| {
        subscription["metadata"] = metadata;
        if let Some(method) = method {
            subscription["default_payment_method"] = json!(method);
        }
        if let Some(ends) = ends {
            subscription["cancel_at_period_end"] = json!(ends);
            subscription["cancel_at"] = if ends { json!(end) } else { Value::Null };
            subscription["canceled_at"] = if ends { json!(now) } else { Value::Null };
            subscription["cancellation_details"]["reason"] = if ends {
                json!("cancellation_requested")
            } else {
                Value::Null
            };
        }
    });
    let before = changed(&old, &new);
    world.emit_change(
        PLATFORM,
        "customer.subscription.updated",
        &new,
        Some(before),
    );
    Ok(new)
}

fn cancel(world: &mut World, call: &Call) -> Answer {
    let subscription = world.get(PLATFORM, "subscription", &call.id)?;
    if subscription["status"] == "canceled" {
        return Err(Refusal::no_such("subscription", "id", &call.id));
    }
    world.end_subscription(&call.id);
    world.get(PLATFORM, "subscription", &call.id).cloned()
}

/// The top-level fields of `old` that `new` has otherwise.
pub fn changed(old: &Value, new: &Value) -> Value {
    let fields = old.as_object().into_iter().flatten();
    fields
        .filter(|(name, value)| new[name.as_str()] != **value)
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

fn period_end(subscription: &Value) -> i64 {
    subscription["items"]["data"][0]["current_period_end"]
        .as_i64()
        .unwrap_or(0)
}

impl World {
    pub fn create_subscription(&mut self, setup: &Setup<'_>, lines: &[Value]) -> Value {
        let id = self.mint("sub");
        let items = lines
            .iter()
            .map(|line| self.item(&id, setup, line))
            .collect();
        let url = format!("/v1/subscription_items?subscription={id}");
        let plan = lines
            .first()
            .map_or(Value::Null, |line| plan(&line["price"]));
        let subscription = json!({
            "id": id, "object": "subscription", "application": null,
            "application_fee_percent": null, "automatic_tax": {
                "disabled_reason": null, "enabled": false, "liability": null,
            },
            "billing_cycle_anchor": setup.first.anchor,
            "billing_cycle_anchor_config": null, "billing_mode": { "type": "flexible",
                "flexible": { "proration_discounts": "included" } },
            "billing_schedules": [],
            "billing_thresholds": null, "cancel_at": null, "cancel_at_period_end": false,
            "canceled_at": null, "cancellation_details": {
                "comment": null, "feedback": null, "reason": null,
            },
            "collection_method": "charge_automatically", "created": self.now,
            "currency": "usd", "customer": setup.customer["id"], "customer_account": null,
            "days_until_due": null, "default_payment_method": setup.method,
            "default_source": null, "default_tax_rates": [], "description": null,
            "discounts": [], "ended_at": null, "invoice_settings": {
                "account_tax_ids": null, "issuer": { "type": "self" },
            },
            "items": whole_list(&url, items), "latest_invoice": null, "livemode": false,
            "metadata": setup.metadata, "next_pending_invoice_item_invoice": null,
            "on_behalf_of": null, "pause_collection": null, "payment_settings": {
                "payment_method_options": null, "payment_method_types": null,
                "save_default_payment_method": "off",
            },
            "pending_invoice_item_interval": null, "pending_setup_intent": null,
            "pending_update": null, "plan": plan, "quantity": 1, "schedule": null,
            "start_date": self.now, "status": "active", "test_clock": null,
            "transfer_data": null, "trial_end": null, "trial_settings": {
                "end_behavior": { "missing_payment_method": "create_invoice" },
            },
            "trial_start": null,
        });
        self.set_timer("renew", &id, setup.first.end);
        self.put(PLATFORM, subscription)
    }

    fn item(&mut self, subscription: &str, setup: &Setup<'_>, line: &Value) -> Value {
        json!({
            "id": self.mint("si"), "object": "subscription_item", "billed_until": null,
            "billing_thresholds": null, "created": self.now,
            "current_period_start": setup.first.start, "current_period_end": setup.first.end,
            "discounts": [], "metadata": {}, "plan": plan(&line["price"]),
            "price": line["price"], "quantity": line["quantity"],
            "subscription": subscription, "tax_rates": [],
        })
    }

    /// The anchor is reached: the next month begins and is charged, or the subscription ends.
    pub fn renew(&mut self, id: &str) {
        let Some(old) = self.find(PLATFORM, "subscription", id).cloned() else {
            return;
        };
        if old["status"] == "canceled" {
            return;
        }
        if old["cancel_at_period_end"] == true {
            self.end_subscription(id);
            return;
        }
        let start = period_end(&old);
        let anchor = old["billing_cycle_anchor"].as_i64().unwrap_or(start);
        let end = next_anchor(anchor, start);
        let moved = self.edit(id, |subscription| set_period(subscription, start, end));
        self.set_timer("renew", id, end);
        let lines = Line::of_subscription(&moved, |amount| amount);
        let invoice = self.draft_invoice(&moved, lines, "subscription_cycle");
        let latest = invoice["id"].clone();
        let moved = self.edit(id, |subscription| subscription["latest_invoice"] = latest);
        let before = changed(&old, &moved);
        self.emit_change(
            PLATFORM,
            "customer.subscription.updated",
            &moved,
            Some(before),
        );
        let method = old["default_payment_method"].as_str().unwrap_or_default();
        let invoice = self.collect_invoice(invoice, method);
        self.follow_payment(&moved, invoice["status"] == "paid");
    }

    /// A renewal that was paid keeps a subscription active, one that failed leaves it past due.
    fn follow_payment(&mut self, old: &Value, paid: bool) {
        let status = if paid { "active" } else { "past_due" };
        if old["status"] == status {
            return;
        }
        let new = self.edit(id_of(old), |subscription| {
            subscription["status"] = json!(status)
        });
        let before = changed(old, &new);
        self.emit_change(
            PLATFORM,
            "customer.subscription.updated",
            &new,
            Some(before),
        );
    }

    fn end_subscription(&mut self, id: &str) {
        let now = self.now;
        self.drop_timer("renew", id);
        let ended = self.edit(id, |subscription| {
            subscription["status"] = json!("canceled");
            subscription["ended_at"] = json!(now);
            if subscription["canceled_at"].is_null() {
                subscription["canceled_at"] = json!(now);
            }
            subscription["cancellation_details"]["reason"] = json!("cancellation_requested");
        });
        self.emit(PLATFORM, "customer.subscription.deleted", &ended);
    }
}

fn set_period(subscription: &mut Value, start: i64, end: i64) {
    let items = subscription["items"]["data"].as_array_mut();
    for item in items.into_iter().flatten() {
        item["current_period_start"] = json!(start);
        item["current_period_end"] = json!(end);
    }
}

/// The price in the older shape that subscriptions still carry beside it.
fn plan(price: &Value) -> Value {
    json!({
        "id": price["id"], "object": "plan", "active": true, "amount": price["unit_amount"],
        "amount_decimal": price["unit_amount_decimal"], "billing_scheme": "per_unit",
        "created": price["created"], "currency": "usd", "interval": "month",
        "interval_count": 1, "livemode": false, "metadata": {}, "meter": null,
        "nickname": null, "product": price["product"], "tiers_mode": null,
        "transform_usage": null, "trial_period_days": null, "usage_type": "licensed",
    })
}
