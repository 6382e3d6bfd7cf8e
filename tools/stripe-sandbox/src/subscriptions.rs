//! Subscriptions: what they are, their lists, their end by request.

use serde_json::{Value, json};

use crate::api::{Call, Endpoint};
use crate::completion::Setup;
use crate::error::{Answer, Refusal};
use crate::form::Params;
use crate::lists::whole_list;
use crate::offers::recurs;
use crate::store::{PLATFORM, World, id_of};

pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint::list("subscriptions", &["customer", "price", "status"], list),
    Endpoint::get("subscriptions/*", &[], retrieve),
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

const FEEDBACK: &[&str] = &[
    "customer_service",
    "low_quality",
    "missing_features",
    "other",
    "switched_service",
    "too_complex",
    "too_expensive",
    "unused",
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

fn cancel(world: &mut World, call: &Call) -> Answer {
    let subscription = world.get(PLATFORM, "subscription", &call.id)?;
    if subscription["status"] == "canceled" {
        return Err(Refusal::no_such("subscription", "id", &call.id));
    }
    for name in ["invoice_now", "prorate"] {
        if call.params.flag(name)? == Some(true) {
            return Err(Refusal::invalid(name, "Only `false` is known here."));
        }
    }
    let details = cancellation(&call.params, &subscription["cancellation_details"])?;
    world.edit(&call.id, |it| it["cancellation_details"] = details);
    world.end_subscription(&call.id, Some("cancellation_requested"));
    world.get(PLATFORM, "subscription", &call.id).cloned()
}

/// What a request says of why a subscription ends, over what was said before.
pub fn cancellation(params: &Params, old: &Value) -> Answer {
    let mut details = old.clone();
    let feedback = params.one_of("cancellation_details[feedback]", FEEDBACK)?;
    if let Some(feedback) = feedback {
        details["feedback"] = json!(feedback);
    }
    if let Some(comment) = params.get("cancellation_details[comment]") {
        details["comment"] = json!(comment);
    }
    Ok(details)
}

/// The top-level fields of `old` that `new` has otherwise.
pub fn changed(old: &Value, new: &Value) -> Value {
    let fields = old.as_object().into_iter().flatten();
    fields
        .filter(|(name, value)| new[name.as_str()] != **value)
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

pub fn period_end(subscription: &Value) -> i64 {
    subscription["items"]["data"][0]["current_period_end"]
        .as_i64()
        .unwrap_or(0)
}

pub fn set_period(subscription: &mut Value, start: i64, end: i64) {
    let items = subscription["items"]["data"].as_array_mut();
    for item in items.into_iter().flatten() {
        item["current_period_start"] = json!(start);
        item["current_period_end"] = json!(end);
    }
}

impl World {
    pub fn create_subscription(&mut self, setup: &Setup<'_>) -> Value {
        let id = self.mint("sub");
        let offers = setup.plan["offers"].as_array().into_iter().flatten();
        let offers = offers.filter(|offer| recurs(offer));
        let items: Vec<Value> = offers.map(|offer| self.item(&id, setup, offer)).collect();
        let first = items.first().cloned().unwrap_or_default();
        let items = whole_list(&format!("/v1/subscription_items?subscription={id}"), items);
        let mut subscription = subscription_object(self.now, &id, setup);
        subscription["items"] = items;
        subscription["plan"] = first["plan"].clone();
        subscription["quantity"] = first["quantity"].clone();
        self.put(PLATFORM, subscription.clone());
        let discounts = self.redeem(setup.coupons, &subscription, Some(setup.session));
        self.set_timer("renew", &id, setup.first.span.end);
        self.edit(&id, |it| it["discounts"] = json!(discounts))
    }

    fn item(&mut self, subscription: &str, setup: &Setup<'_>, offer: &Value) -> Value {
        let span = setup.first.span;
        json!({
            "id": self.mint("si"), "object": "subscription_item", "billed_until": null,
            "billing_thresholds": null, "created": self.now,
            "current_period_start": span.start, "current_period_end": span.end,
            "discounts": [], "metadata": {}, "plan": plan(&offer["price"]),
            "price": offer["price"], "quantity": offer["quantity"],
            "subscription": subscription, "tax_rates": offer["tax_rates"],
        })
    }

    /// Ends a subscription now. Its open invoices stay open, and are not tried any more.
    pub fn end_subscription(&mut self, id: &str, reason: Option<&str>) {
        let now = self.now;
        for job in ["renew", "cancel", "trial"] {
            if self.timers.is_set(job, id) {
                self.drop_timer(job, id);
            }
        }
        self.stop_retries(id);
        self.drop_pending(id);
        let ended = self.edit(id, |subscription| {
            subscription["status"] = json!("canceled");
            subscription["ended_at"] = json!(now);
            if subscription["canceled_at"].is_null() {
                subscription["canceled_at"] = json!(now);
            }
            if let Some(reason) = reason {
                subscription["cancellation_details"]["reason"] = json!(reason);
            }
        });
        self.emit(PLATFORM, "customer.subscription.deleted", &ended);
    }
}

/// A subscription with everything but its items.
fn subscription_object(now: i64, id: &str, setup: &Setup<'_>) -> Value {
    let (plan, trial_end) = (setup.plan, setup.first.trial_end);
    json!({
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
            "comment": null, "feedback": null, "feedback_option": null, "reason": null,
        },
        "collection_method": "charge_automatically", "created": now,
        "currency": "usd", "customer": id_of(setup.customer), "customer_account": null,
        "days_until_due": null, "default_payment_method": setup.method,
        "default_source": null, "default_tax_rates": plan["default_tax_rates"],
        "description": plan["description"], "discounts": [], "ended_at": null,
        "invoice_settings": { "account_tax_ids": null, "issuer": { "type": "self" } },
        "items": null, "latest_invoice": null, "livemode": false,
        "metadata": plan["metadata"], "next_pending_invoice_item_invoice": null,
        "on_behalf_of": null, "pause_collection": null, "payment_settings": {
            "payment_method_options": null, "payment_method_types": null,
            "save_default_payment_method": "off",
        },
        "pending_invoice_item_interval": null, "pending_setup_intent": null,
        "pending_update": null, "plan": null, "quantity": 1, "schedule": null,
        "start_date": now, "status": if trial_end.is_some() { "trialing" } else { "active" },
        "test_clock": null, "transfer_data": null, "trial_end": trial_end,
        "trial_settings": {
            "end_behavior": {
                "billing_cycle_anchor": null, "missing_payment_method": plan["missing"],
            },
        },
        "trial_start": trial_end.map(|_| now),
    })
}

/// The price in the older shape that subscriptions still carry beside it.
pub fn plan(price: &Value) -> Value {
    json!({
        "id": price["id"], "object": "plan", "active": true, "amount": price["unit_amount"],
        "amount_decimal": price["unit_amount_decimal"], "billing_scheme": "per_unit",
        "created": price["created"], "currency": "usd", "interval": "month",
        "interval_count": 1, "livemode": false, "metadata": {}, "meter": null,
        "nickname": null, "product": price["product"], "tiers_mode": null,
        "transform_usage": null, "trial_period_days": null, "usage_type": "licensed",
    })
}
