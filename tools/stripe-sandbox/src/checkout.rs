//! Checkout sessions: an offer with a page, until somebody pays, or a day has passed.

use serde_json::{Map, Value, json};

use crate::api::{Call, Endpoint};
use crate::charges::CHARGE_MIN;
use crate::clock::{DAY, HOUR};
use crate::discounts::{Order, Place, Wanted};
use crate::error::{Answer, Refusal};
use crate::form::Params;
use crate::offers::{Offer, check_total, full_total};
use crate::quotes::{Quote, Start};
use crate::store::{PLATFORM, World};

/// Seconds that a session is open at least, unless it is expired by hand.
const OPEN_MIN: i64 = HOUR / 2;

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
    "line_items[][tax_rates][]",
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
    "subscription_data[default_tax_rates][]",
    "subscription_data[trial_period_days]",
    "subscription_data[trial_end]",
    "subscription_data[trial_settings][end_behavior][missing_payment_method]",
    "payment_intent_data[metadata][*]",
    "payment_intent_data[description]",
    "payment_method_types[]",
    "allow_promotion_codes",
    "discounts[][coupon]",
    "discounts[][promotion_code]",
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

fn create(world: &mut World, call: &Call) -> Answer {
    let params = &call.params;
    let modes = ["subscription", "payment"];
    let mode = params
        .one_of("mode", &modes)?
        .ok_or_else(|| Refusal::missing("mode"))?;
    let recurring = mode == "subscription";
    params.need("success_url")?;
    check_customer(world, params)?;
    check_fixed(params, recurring)?;
    let start = Start::read(world.now, params, recurring)?;
    let expires_at = params.int("expires_at")?.unwrap_or(world.now + DAY);
    if !(world.now + OPEN_MIN..=world.now + DAY).contains(&expires_at) {
        let message = "The session must expire at least 30 minutes and at most 24 hours from now.";
        return Err(Refusal::invalid("expires_at", message));
    }
    let offers = world.read_offers(params, recurring)?;
    check_total(&offers)?;
    let default_rates = world.tax_rates(params, "subscription_data[default_tax_rates]")?;
    let coupons = read_coupons(world, params, &offers)?;
    let collects = params.one_of("payment_method_collection", &["always", "if_required"])?;
    if mode == "payment" {
        check_smallest(&offers)?;
    }
    let offers: Vec<Value> = offers
        .into_iter()
        .map(|offer| world.make_offer(offer))
        .collect();
    let id = world.mint("cs_test");
    let mut plan = json!({
        "offers": offers, "default_tax_rates": default_rates.unwrap_or_default(),
        "discounts": coupons.iter().map(Wanted::to_json).collect::<Vec<_>>(),
        "collects": collects.unwrap_or_else(|| "always".to_owned()),
        "metadata": params.map("subscription_data[metadata]"),
        "description": params.get("subscription_data[description]"),
        "payment_metadata": params.map("payment_intent_data[metadata]"),
        "payment_description": params.get("payment_intent_data[description]"),
    });
    start.keep(&mut plan);
    let quote = Quote::of(world, &plan, recurring, &coupons);
    plan["line_items"] = quote.line_items(world, &plan);
    let mut session = session(world.now, call, &id, &mode, expires_at);
    session["payment_method_collection"] = plan["collects"].clone();
    session["discounts"] = plan["discounts"].clone();
    quote.show(&mut session);
    world.set_row("plan", &id, plan);
    world.set_timer("expire", &id, expires_at);
    Ok(world.put(PLATFORM, session))
}

/// Parameters that are known here with one value only.
fn check_fixed(params: &Params, recurring: bool) -> Result<(), Refusal> {
    params.one_of("ui_mode", &["hosted", "hosted_page"])?;
    params.one_of("customer_creation", &["always", "if_required"])?;
    if params
        .list("payment_method_types")
        .iter()
        .any(|kind| kind != "card")
    {
        let message = "Only payments by card are known here.";
        return Err(Refusal::invalid("payment_method_types", message));
    }
    let misplaced = if recurring {
        ["payment_intent_data", "customer_creation"].as_slice()
    } else {
        ["subscription_data", "payment_method_collection"].as_slice()
    };
    match misplaced.iter().find(|name| params.has(name)) {
        Some(name) => {
            let message = format!("You can not pass `{name}` in this mode.");
            Err(Refusal::invalid(name, message))
        }
        None => Ok(()),
    }
}

/// A payment of this little cannot be charged, and has no later invoice to go onto.
fn check_smallest(offers: &[Offer]) -> Result<(), Refusal> {
    if full_total(offers) >= CHARGE_MIN {
        return Ok(());
    }
    let message = "The total amount must be at least $0.50.";
    Err(Refusal::param("amount_too_small", "line_items", message))
}

fn read_coupons(world: &World, params: &Params, offers: &[Offer]) -> Result<Vec<Wanted>, Refusal> {
    let order = world.read_discounts(
        params,
        &Value::Null,
        params.get("customer"),
        full_total(offers),
    )?;
    let Order::Set(places) = order else {
        return Ok(Vec::new());
    };
    if params.has("allow_promotion_codes") {
        let message = "You may only specify one of these parameters: \
                       allow_promotion_codes, discounts.";
        return Err(Refusal::invalid("discounts", message));
    }
    let new = |place| match place {
        Place::New(wanted) => Some(wanted),
        Place::Kept(_) => None,
    };
    Ok(places.into_iter().filter_map(new).collect())
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

fn session(now: i64, call: &Call, id: &str, mode: &str, expires_at: i64) -> Value {
    let params = &call.params;
    let text = |name: &str| params.get(name).map(str::to_owned);
    let creation = if mode == "subscription" {
        "always"
    } else {
        "if_required"
    };
    json!({
        "id": id, "object": "checkout.session", "adaptive_pricing": { "enabled": false },
        "after_expiration": null,
        "allow_promotion_codes": params.flag("allow_promotion_codes").ok().flatten(),
        "amount_subtotal": 0, "amount_total": 0, "automatic_tax": {
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
    let names = ["subscription", "payment_intent", "customer", "status"];
    world.page(call, "checkout.session", by, |session| {
        call.params.all_equal(session, &names)
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
