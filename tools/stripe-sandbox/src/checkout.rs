//! Checkout sessions: an offer with a page, until somebody pays, or a day has passed.

use serde_json::{Map, Value, json};

use crate::api::{Call, Endpoint};
use crate::clock::DAY;
use crate::error::{Answer, Refusal};
use crate::form::Params;
use crate::prices::{Terms, Wanted, part_name};
use crate::store::{PLATFORM, World};
use crate::terms::First;

const CREATE: &[&str] = &[
    "mode",
    "customer",
    "customer_email",
    "success_url",
    "cancel_url",
    "client_reference_id",
    "metadata",
    "metadata[*]",
    "line_items[][price]",
    "line_items[][quantity]",
    "line_items[][price_data][currency]",
    "line_items[][price_data][unit_amount]",
    "line_items[][price_data][product]",
    "line_items[][price_data][product_data][name]",
    "line_items[][price_data][product_data][metadata][*]",
    "line_items[][price_data][product_data][description]",
    "line_items[][price_data][recurring][interval]",
    "line_items[][price_data][recurring][interval_count]",
    "subscription_data[metadata][*]",
    "subscription_data[description]",
    "subscription_data[billing_cycle_anchor]",
    "subscription_data[proration_behavior]",
    "payment_intent_data[metadata][*]",
    "payment_intent_data[description]",
    "payment_method_types[]",
    "allow_promotion_codes",
    "expires_at",
    "customer_creation",
    "payment_method_collection",
    "locale",
    "ui_mode",
];

pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint::post("checkout/sessions", CREATE, create),
    Endpoint::list(
        "checkout/sessions",
        &["subscription", "customer", "payment_intent", "status"],
        list,
    ),
    Endpoint::get("checkout/sessions/*", &[], retrieve),
    Endpoint::get("checkout/sessions/*/line_items", &["limit"], line_items),
    Endpoint::post("checkout/sessions/*/expire", &[], expire),
];

/// One line of an offer, before its price exists.
struct Offer {
    price: Priced,
    quantity: i64,
}

enum Priced {
    Known(Value),
    New(Terms, Wanted),
}

fn create(world: &mut World, call: &Call) -> Answer {
    let params = &call.params;
    let modes = ["subscription", "payment"];
    let mode = params
        .one_of("mode", &modes)?
        .ok_or_else(|| Refusal::missing("mode"))?;
    params.need("success_url")?;
    check_customer(world, params)?;
    let anchor = params.int("subscription_data[billing_cycle_anchor]")?;
    let prorated = params.one_of(
        "subscription_data[proration_behavior]",
        &["create_prorations", "none"],
    )?;
    let free = prorated.as_deref() == Some("none");
    let first = First::plan(world.now, anchor, free)?;
    let expires_at = params.int("expires_at")?.unwrap_or(world.now + DAY);
    if expires_at <= world.now {
        return Err(Refusal::invalid(
            "expires_at",
            "The session must expire in the future.",
        ));
    }
    let offers = offers(world, params, mode == "subscription")?;
    let lines: Vec<Value> = offers.into_iter().map(|offer| line(world, offer)).collect();
    let full: i64 = lines
        .iter()
        .filter_map(|line| line["amount_total"].as_i64())
        .sum();
    let total = if mode == "payment" {
        full
    } else {
        first.share_of(full)
    };
    let id = world.mint("cs_test");
    let plan = json!({
        "line_items": lines, "anchor": anchor, "free": free,
        "metadata": params.map("subscription_data[metadata]"),
        "payment_metadata": params.map("payment_intent_data[metadata]"),
    });
    world.set_row("plan", &id, plan);
    world.set_timer("expire", &id, expires_at);
    let session = session(world.now, call, &id, &mode, total, expires_at);
    Ok(world.put(PLATFORM, session))
}

fn check_customer(world: &World, params: &Params) -> Result<(), Refusal> {
    match (params.get("customer"), params.get("customer_email")) {
        (Some(_), Some(_)) => {
            let message = "You may only specify one of these parameters: customer, customer_email.";
            Err(Refusal::invalid("customer", message))
        }
        (Some(id), None) => world.named("customer", "customer", id).map(|_| ()),
        _ => Ok(()),
    }
}

fn offers(world: &World, params: &Params, recurring: bool) -> Result<Vec<Offer>, Refusal> {
    let count = params.count("line_items");
    if count == 0 {
        return Err(Refusal::missing("line_items"));
    }
    (0..count)
        .map(|index| offer(world, params, &format!("line_items[{index}]"), recurring))
        .collect()
}

fn offer(world: &World, params: &Params, name: &str, recurring: bool) -> Result<Offer, Refusal> {
    let quantity = params.int(&format!("{name}[quantity]"))?.unwrap_or(1);
    if !(1..=999_999).contains(&quantity) {
        return Err(Refusal::invalid(
            &format!("{name}[quantity]"),
            "Invalid quantity.",
        ));
    }
    let field = format!("{name}[price]");
    let price = match params.get(&field) {
        Some(id) => Priced::Known(world.named("price", &field, id)?.clone()),
        None => {
            let data = part_name(name, "price_data");
            if !params.has(&data) {
                return Err(Refusal::missing(&field));
            }
            Priced::New(
                Terms::read(params, &data)?,
                world.product_of(params, &data)?,
            )
        }
    };
    let recurs = match &price {
        Priced::Known(price) => price["type"] == "recurring",
        Priced::New(terms, _) => terms.interval.is_some(),
    };
    if recurs != recurring {
        let wanted = if recurring { "recurring" } else { "one-time" };
        let message = format!("You must provide {wanted} prices in this mode.");
        return Err(Refusal::invalid(&field, message));
    }
    Ok(Offer { price, quantity })
}

fn line(world: &mut World, offer: Offer) -> Value {
    let price = match offer.price {
        Priced::Known(price) => price,
        Priced::New(terms, product) => {
            let product = product.create(world);
            world.create_price(&terms, &product)
        }
    };
    let amount = price["unit_amount"].as_i64().unwrap_or(0) * offer.quantity;
    let product = price["product"].as_str().and_then(|id| world.any(id));
    let description = product.map_or(Value::Null, |product| product["name"].clone());
    json!({
        "id": world.mint("li"), "object": "item", "amount_discount": 0,
        "amount_subtotal": amount, "amount_tax": 0, "amount_total": amount,
        "currency": "usd", "description": description, "price": price,
        "quantity": offer.quantity, "metadata": {},
    })
}

fn session(now: i64, call: &Call, id: &str, mode: &str, total: i64, expires_at: i64) -> Value {
    let params = &call.params;
    let text = |name: &str| params.get(name).map(str::to_owned);
    let creation = if mode == "subscription" {
        "always"
    } else {
        "if_required"
    };
    json!({
        "id": id, "object": "checkout.session", "adaptive_pricing": { "enabled": false },
        "after_expiration": null, "allow_promotion_codes": null, "amount_subtotal": total,
        "amount_total": total, "automatic_tax": {
            "enabled": false, "liability": null, "provider": null, "status": null,
        },
        "billing_address_collection": null, "cancel_url": text("cancel_url"),
        "client_reference_id": text("client_reference_id"), "client_secret": null,
        "collected_information": null, "consent": null, "consent_collection": null,
        "created": now, "currency": "usd", "currency_conversion": null, "custom_fields": [],
        "custom_text": {
            "after_submit": null, "shipping_address": null, "submit": null,
            "terms_of_service_acceptance": null,
        },
        "customer": text("customer"),
        "customer_creation": if params.has("customer") { None } else { Some(creation) },
        "customer_details": null, "customer_email": text("customer_email"), "discounts": [],
        "expires_at": expires_at, "invoice": null, "invoice_creation": null,
        "livemode": false, "locale": text("locale"),
        "metadata": params.merge_metadata("metadata", &Value::Null), "mode": mode,
        "origin_context": null, "payment_intent": null, "payment_link": null,
        "payment_method_collection": "always", "payment_method_configuration_details": null,
        "payment_method_options": { "card": { "request_three_d_secure": "automatic" } },
        "payment_method_types": ["card"], "payment_status": "unpaid", "permissions": null,
        "phone_number_collection": { "enabled": false }, "recovered_from": null,
        "saved_payment_method_options": null, "setup_intent": null,
        "shipping_address_collection": null, "shipping_cost": null, "shipping_options": [],
        "status": "open", "submit_type": null, "subscription": null,
        "success_url": text("success_url"),
        "total_details": { "amount_discount": 0, "amount_shipping": 0, "amount_tax": 0 },
        "ui_mode": "hosted_page", "url": format!("{}/c/pay/{id}", call.base),
        "wallet_options": null,
    })
}

fn list(world: &mut World, call: &Call) -> Answer {
    let by = ["subscription", "payment_intent", "customer"]
        .into_iter()
        .find_map(|name| call.params.get(name).map(|id| (format!("/{name}"), id)));
    let by = by.as_ref().map(|(field, id)| (field.as_str(), *id));
    let status = call.params.get("status");
    world.page(call, "checkout.session", by, |session| {
        status.is_none_or(|status| session["status"] == status)
    })
}

fn retrieve(world: &mut World, call: &Call) -> Answer {
    world.get(PLATFORM, "checkout.session", &call.id).cloned()
}

fn line_items(world: &mut World, call: &Call) -> Answer {
    let mut session = world.get(PLATFORM, "checkout.session", &call.id)?.clone();
    world.expand(&mut session, "line_items")?;
    Ok(session["line_items"].take())
}

fn expire(world: &mut World, call: &Call) -> Answer {
    let session = world.get(PLATFORM, "checkout.session", &call.id)?;
    if session["status"] != "open" {
        let message = "Only Checkout Sessions with a status in [\"open\"] can be expired.";
        return Err(Refusal::rule("resource_state_invalid", message));
    }
    world.drop_timer("expire", &call.id);
    world.expire_session(&call.id);
    world.get(PLATFORM, "checkout.session", &call.id).cloned()
}

impl World {
    pub fn expire_session(&mut self, id: &str) {
        let open = self
            .any(id)
            .is_some_and(|session| session["status"] == "open");
        if open {
            let session = self.edit(id, |session| {
                session["status"] = json!("expired");
                session["url"] = Value::Null;
            });
            self.emit(PLATFORM, "checkout.session.expired", &session);
        }
    }

    /// The session and its plan, while it can be paid.
    pub fn open_session(&self, id: &str) -> Result<(Value, Value), Refusal> {
        let session = self.get(PLATFORM, "checkout.session", id)?;
        if session["status"] != "open" {
            let status = session["status"].as_str().unwrap_or_default();
            let message = format!("This Checkout Session is {status} and cannot be completed.");
            return Err(Refusal::rule("resource_state_invalid", message));
        }
        let plan = self
            .row("plan", id)
            .cloned()
            .unwrap_or(Value::Object(Map::new()));
        Ok((session.clone(), plan))
    }
}
