//! What a request wants to have changed about a subscription, read and checked, before
//! anything is written.

use serde_json::{Map, Value, json};

use crate::amounts::Off;
use crate::clock::{DAY, next_anchor};
use crate::coupons;
use crate::discounts::{Order, Place};
use crate::error::Refusal;
use crate::form::Params;
use crate::lines::{full_amount, items};
use crate::offers::{Priced, TOTAL_MAX, quantity};
use crate::store::{World, id_of};
use crate::subscriptions::{cancellation, period_end, plan, set_period};

pub const PARAMS: &[&str] = &[
    "items[][id]",
    "items[][price]",
    "items[][quantity]",
    "items[][tax_rates][]",
    "items[][tax_rates]",
    "items[][metadata][*]",
    "items[][price_data][currency]",
    "items[][price_data][unit_amount]",
    "items[][price_data][product]",
    "items[][price_data][recurring][interval]",
    "items[][price_data][recurring][interval_count]",
    "proration_behavior",
    "proration_date",
    "payment_behavior",
    "billing_cycle_anchor",
    "cancel_at_period_end",
    "cancel_at",
    "cancellation_details[comment]",
    "cancellation_details[feedback]",
    "default_payment_method",
    "default_tax_rates",
    "default_tax_rates[]",
    "description",
    "discounts",
    "discounts[][coupon]",
    "discounts[][promotion_code]",
    "discounts[][discount]",
    "metadata",
    "metadata[*]",
    "off_session",
    "trial_end",
    "trial_settings[end_behavior][missing_payment_method]",
];

/// What is done with the time that was paid at the old price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proration {
    /// It goes onto the next invoice.
    Pending,
    /// It is invoiced at once.
    Invoiced,
    /// Nothing: the new price counts from the next renewal.
    Skipped,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trial {
    EndsNow,
    Until(i64),
}

/// A change of one item, by its place among the subscription's items.
pub struct ItemOrder {
    place: usize,
    pub price: Option<Priced>,
    quantity: Option<i64>,
    tax_rates: Option<Vec<Value>>,
    metadata: Option<Value>,
}

pub struct ChangeOrder {
    pub items: Vec<ItemOrder>,
    pub proration: Proration,
    /// Nothing is to change unless what it costs can be charged.
    pub strict: bool,
    /// The instant from which the new price counts.
    pub at: i64,
    pub trial: Option<Trial>,
    pub discounts: Order,
    /// Fields that are written as they are.
    fields: Map<String, Value>,
}

impl ChangeOrder {
    /// # Errors
    /// For whatever Stripe would refuse of the request, whatever the card.
    pub fn read(world: &World, params: &Params, old: &Value) -> Result<Self, Refusal> {
        check_fixed(params)?;
        let order = Self {
            items: read_items(world, params, old)?,
            proration: read_proration(params)?,
            strict: read_strict(params)?,
            at: read_date(world.now, params, old)?,
            trial: read_trial(world.now, params, old)?,
            discounts: world.read_discounts(
                params,
                &old["discounts"],
                old["customer"].as_str(),
                i64::MAX,
            )?,
            fields: read_fields(world, params, old)?,
        };
        let new = order.applied(old, &order.preview_prices(), world.now);
        let total = items(&new).map(full_amount).fold(0, i64::saturating_add);
        if total > TOTAL_MAX {
            let message = "The total amount must be at most $999,999.99.";
            return Err(Refusal::param("amount_too_large", "items", message));
        }
        Ok(order)
    }

    /// The discounts that count after the change. New ones have no id yet.
    pub fn discounts_after(&self, world: &World, old: &Value) -> Vec<(String, Off)> {
        let known = world.discounts_of(old);
        let Order::Set(places) = &self.discounts else {
            return known;
        };
        let off = |place: &Place| match place {
            Place::Kept(id) => known.iter().find(|(known, _)| known == id).cloned(),
            Place::New(wanted) => Some((String::new(), coupons::off(&wanted.coupon))),
        };
        places.iter().filter_map(off).collect()
    }

    /// The prices as they will be; those that do not exist yet have no id.
    pub fn preview_prices(&self) -> Vec<Option<Value>> {
        let preview = |item: &ItemOrder| match item.price.as_ref()? {
            Priced::Known(price) => Some(price.clone()),
            Priced::New(terms, _) => Some(json!({ "id": null, "unit_amount": terms.amount })),
        };
        self.items.iter().map(preview).collect()
    }

    /// The subscription after the change, but for its discounts.
    pub fn applied(&self, old: &Value, prices: &[Option<Value>], now: i64) -> Value {
        let mut new = old.clone();
        for (name, value) in &self.fields {
            new[name] = value.clone();
        }
        for (order, price) in self.items.iter().zip(prices) {
            order.apply(&mut new["items"]["data"][order.place], price.as_ref());
        }
        let first = new["items"]["data"][0].clone();
        new["plan"] = first["plan"].clone();
        new["quantity"] = first["quantity"].clone();
        if let Some(trial) = self.trial {
            apply_trial(&mut new, old, trial, now);
        }
        if new["cancel_at_period_end"] == true {
            new["cancel_at"] = json!(period_end(&new));
        }
        new
    }
}

impl ItemOrder {
    fn apply(&self, item: &mut Value, price: Option<&Value>) {
        if let Some(price) = price {
            item["price"] = price.clone();
            item["plan"] = plan(price);
        }
        if let Some(quantity) = self.quantity {
            item["quantity"] = json!(quantity);
        }
        if let Some(rates) = &self.tax_rates {
            item["tax_rates"] = json!(rates);
        }
        if let Some(metadata) = &self.metadata {
            item["metadata"] = metadata.clone();
        }
    }
}

fn apply_trial(new: &mut Value, old: &Value, trial: Trial, now: i64) {
    let was_trial = old["status"] == "trialing";
    match trial {
        Trial::EndsNow => {
            new["status"] = json!("active");
            new["trial_end"] = json!(now);
            new["billing_cycle_anchor"] = json!(now);
            set_period(new, now, next_anchor(now, now));
        }
        Trial::Until(end) => {
            let start = if was_trial {
                &old["items"]["data"][0]["current_period_start"]
            } else {
                &json!(now)
            };
            new["status"] = json!("trialing");
            new["trial_end"] = json!(end);
            new["trial_start"] = start.clone();
            new["billing_cycle_anchor"] = json!(end);
            set_period(new, start.as_i64().unwrap_or(now), end);
        }
    }
}

/// Parameters that are known here with one value only.
fn check_fixed(params: &Params) -> Result<(), Refusal> {
    params.flag("off_session")?;
    params.one_of("billing_cycle_anchor", &["unchanged"])?;
    if params.has("cancel_at") && params.has("cancel_at_period_end") {
        let message = "You may only specify one of these parameters: \
                       cancel_at, cancel_at_period_end.";
        return Err(Refusal::invalid("cancel_at", message));
    }
    Ok(())
}

fn read_items(world: &World, params: &Params, old: &Value) -> Result<Vec<ItemOrder>, Refusal> {
    let one = |index| read_item(world, params, old, &format!("items[{index}]"));
    (0..params.count("items")).map(one).collect()
}

fn read_item(
    world: &World,
    params: &Params,
    old: &Value,
    name: &str,
) -> Result<ItemOrder, Refusal> {
    let field = |part: &str| format!("{name}[{part}]");
    // Stripe would add an item; one more price would need one more anchor here.
    let id = params.need(&field("id"))?;
    let place = items(old).position(|item| id_of(item) == id);
    let place =
        place.ok_or_else(|| Refusal::no_such_param("subscription_item", &field("id"), id))?;
    let price = Priced::read(world, params, name)?;
    if price.as_ref().is_some_and(|price| !price.recurs()) {
        let message = "The price must be a recurring one.";
        return Err(Refusal::invalid(&field("price"), message));
    }
    let metadata =
        params.merge_metadata(&field("metadata"), &old["items"]["data"][place]["metadata"]);
    Ok(ItemOrder {
        place,
        price,
        quantity: quantity(params, &field("quantity"))?,
        tax_rates: world.tax_rates(params, &field("tax_rates"))?,
        metadata: params.has(&field("metadata")).then_some(metadata),
    })
}

fn read_proration(params: &Params) -> Result<Proration, Refusal> {
    let known = ["create_prorations", "always_invoice", "none"];
    Ok(
        match params.one_of("proration_behavior", &known)?.as_deref() {
            Some("always_invoice") => Proration::Invoiced,
            Some("none") => Proration::Skipped,
            _ => Proration::Pending,
        },
    )
}

fn read_strict(params: &Params) -> Result<bool, Refusal> {
    let known = ["error_if_incomplete", "allow_incomplete"];
    let behaviour = params.one_of("payment_behavior", &known)?;
    Ok(behaviour.as_deref() == Some("error_if_incomplete"))
}

fn read_date(now: i64, params: &Params, old: &Value) -> Result<i64, Refusal> {
    let date = params.int("proration_date")?.unwrap_or(now);
    let start = old["items"]["data"][0]["current_period_start"].as_i64();
    if start.unwrap_or(date) <= date && date < period_end(old).max(now + 1) {
        return Ok(date);
    }
    let message = "The proration date must be within the current period.";
    Err(Refusal::invalid("proration_date", message))
}

fn read_trial(now: i64, params: &Params, old: &Value) -> Result<Option<Trial>, Refusal> {
    if params.get("trial_end") == Some("now") {
        // Without a trial there is nothing to end.
        return Ok((old["status"] == "trialing").then_some(Trial::EndsNow));
    }
    let Some(end) = params.int("trial_end")? else {
        return Ok(None);
    };
    if end <= now || end > now + 730 * DAY {
        let message = "trial_end must be in the future, and at most two years ahead.";
        return Err(Refusal::invalid("trial_end", message));
    }
    Ok(Some(Trial::Until(end)))
}

fn read_fields(world: &World, params: &Params, old: &Value) -> Result<Map<String, Value>, Refusal> {
    let mut fields = read_end(world.now, params, old)?;
    let mut set = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    set(
        "metadata",
        params.merge_metadata("metadata", &old["metadata"]),
    );
    let (name, customer) = ("default_payment_method", old["customer"].as_str());
    if let Some(method) = params.get(name) {
        let method = world.own_method(customer.unwrap_or_default(), name, method)?;
        set(name, json!(method));
    } else if params.is_cleared(name) {
        set(name, Value::Null);
    }
    if let Some(rates) = world.tax_rates(params, "default_tax_rates")? {
        set("default_tax_rates", json!(rates));
    }
    if params.has("description") {
        set("description", json!(params.get("description")));
    }
    let name = "trial_settings[end_behavior][missing_payment_method]";
    if let Some(behaviour) = params.one_of(name, crate::quotes::MISSING_CARD)? {
        let mut settings = old["trial_settings"].clone();
        settings["end_behavior"]["missing_payment_method"] = json!(behaviour);
        set("trial_settings", settings);
    }
    Ok(fields)
}

/// When the subscription is to end, if the request says anything of it.
fn read_end(now: i64, params: &Params, old: &Value) -> Result<Map<String, Value>, Refusal> {
    let mut details = cancellation(params, &old["cancellation_details"])?;
    let with_period = params.flag("cancel_at_period_end")?;
    let at = match params.get("cancel_at") {
        Some("min_period_end" | "max_period_end") => Some(period_end(old)),
        _ => params.int("cancel_at")?,
    };
    if at.is_some_and(|at| at <= now) {
        return Err(Refusal::invalid(
            "cancel_at",
            "cancel_at must be in the future.",
        ));
    }
    let mut fields = Map::new();
    let cleared = with_period == Some(false) || params.is_cleared("cancel_at");
    if cleared || with_period == Some(true) || at.is_some() {
        let at = if with_period == Some(true) {
            Some(period_end(old))
        } else {
            at
        };
        details["reason"] = json!(at.map(|_| "cancellation_requested"));
        fields.insert("cancel_at".to_owned(), json!(at));
        fields.insert(
            "cancel_at_period_end".to_owned(),
            json!(with_period == Some(true)),
        );
        fields.insert("canceled_at".to_owned(), json!(at.map(|_| now)));
    }
    fields.insert("cancellation_details".to_owned(), details);
    Ok(fields)
}
