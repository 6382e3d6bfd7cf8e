//! Coupons: what may be taken off, for how long and how often.

use serde_json::{Value, json};

use crate::amounts::Off;
use crate::api::{Call, Endpoint};
use crate::error::{Answer, Refusal};
use crate::form::Params;
use crate::percent::Percent;
use crate::store::{PLATFORM, World, id_of};

pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint::post(
        "coupons",
        &[
            "id",
            "name",
            "percent_off",
            "amount_off",
            "currency",
            "duration",
            "duration_in_months",
            "max_redemptions",
            "redeem_by",
            "metadata",
            "metadata[*]",
        ],
        create,
    ),
    Endpoint::list("coupons", &[], list),
    Endpoint::get("coupons/*", &[], retrieve),
    Endpoint::post("coupons/*", &["name", "metadata", "metadata[*]"], update),
    Endpoint::delete("coupons/*", &[], delete),
];

fn create(world: &mut World, call: &Call) -> Answer {
    let params = &call.params;
    let percent = Percent::read(params, "percent_off")?;
    let amount = amount_off(params)?;
    check_off(percent, amount)?;
    let durations = ["once", "repeating", "forever"];
    let duration = params.one_of("duration", &durations)?;
    let duration = duration.unwrap_or_else(|| "once".to_owned());
    let months = months(params, &duration)?;
    let limit = positive(params, "max_redemptions")?;
    let redeem_by = params.int("redeem_by")?;
    if redeem_by.is_some_and(|by| by <= world.now) {
        return Err(Refusal::invalid(
            "redeem_by",
            "redeem_by must be in the future.",
        ));
    }
    if let Some(id) = params.get("id").filter(|id| world.any(id).is_some()) {
        let message = format!("Coupon already exists: {id}");
        return Err(Refusal::param("resource_already_exists", "id", message));
    }
    let id = params.get("id").map(str::to_owned);
    let coupon = json!({
        "id": id.unwrap_or_else(|| crate::mint::word(world.minted + 1, 8)), "object": "coupon",
        "amount_off": amount, "created": world.now, "currency": amount.map(|_| "usd"),
        "duration": duration, "duration_in_months": months, "livemode": false,
        "max_redemptions": limit, "metadata": params.merge_metadata("metadata", &Value::Null),
        "name": params.get("name"), "percent_off": percent.map(Percent::to_json),
        "redeem_by": redeem_by, "times_redeemed": 0, "valid": true,
    });
    world.minted += 1;
    world.put(PLATFORM, coupon.clone());
    world.emit(PLATFORM, "coupon.created", &coupon);
    Ok(coupon)
}

fn amount_off(params: &Params) -> Result<Option<i64>, Refusal> {
    if !params.has("amount_off") {
        return Ok(None);
    }
    params.currency("currency")?;
    params.amount("amount_off").map(Some)
}

fn check_off(percent: Option<Percent>, amount: Option<i64>) -> Result<(), Refusal> {
    match (percent, amount) {
        (Some(_), Some(_)) => {
            let message = "You may only specify one of these parameters: percent_off, amount_off.";
            Err(Refusal::invalid("amount_off", message))
        }
        (None, None) => {
            let message = "You must provide at least one of percent_off or amount_off.";
            Err(Refusal::param("parameter_missing", "percent_off", message))
        }
        (Some(percent), None) if percent.parts() == 0 => {
            let message = "percent_off must be greater than 0.";
            Err(Refusal::invalid("percent_off", message))
        }
        _ => Ok(()),
    }
}

fn months(params: &Params, duration: &str) -> Result<Option<i64>, Refusal> {
    let months = positive(params, "duration_in_months")?;
    match (duration, months) {
        ("repeating", None) => Err(Refusal::missing("duration_in_months")),
        ("repeating", months) => Ok(months),
        (_, Some(_)) => {
            let message = "duration_in_months goes with duration=repeating alone.";
            Err(Refusal::invalid("duration_in_months", message))
        }
        (_, None) => Ok(None),
    }
}

/// A count of at least one.
pub fn positive(params: &Params, name: &str) -> Result<Option<i64>, Refusal> {
    let count = params.int(name)?;
    if count.is_some_and(|count| !(1..=1_000_000).contains(&count)) {
        return Err(Refusal::invalid(
            name,
            "This value must be between 1 and 1000000.",
        ));
    }
    Ok(count)
}

fn list(world: &mut World, call: &Call) -> Answer {
    world.page(call, "coupon", None, |_| true)
}

fn retrieve(world: &mut World, call: &Call) -> Answer {
    world.get(PLATFORM, "coupon", &call.id).cloned()
}

fn update(world: &mut World, call: &Call) -> Answer {
    let old = world.get(PLATFORM, "coupon", &call.id)?;
    let metadata = call.params.merge_metadata("metadata", &old["metadata"]);
    let coupon = world.edit(&call.id, |coupon| {
        coupon["metadata"] = metadata;
        if let Some(name) = call.params.get("name") {
            coupon["name"] = json!(name);
        }
    });
    world.emit(PLATFORM, "coupon.updated", &coupon);
    Ok(coupon)
}

/// Nobody can redeem it any more; discounts made of it stay as they are.
fn delete(world: &mut World, call: &Call) -> Answer {
    let coupon = world.get(PLATFORM, "coupon", &call.id)?.clone();
    let stub = world.remove(&call.id);
    world.emit(PLATFORM, "coupon.deleted", &coupon);
    Ok(stub)
}

/// What a coupon takes off.
pub fn off(coupon: &Value) -> Off {
    match Percent::of(&coupon["percent_off"]) {
        Some(percent) => Off::Percent(percent),
        None => Off::Amount(coupon["amount_off"].as_i64().unwrap_or(0)),
    }
}

/// Whether a coupon or promotion code of this form may still be used, as far as its limit and
/// its last day say.
pub fn is_open(value: &Value, last: &str, now: i64) -> bool {
    let used = value["times_redeemed"].as_i64().unwrap_or(0);
    let left = value["max_redemptions"]
        .as_i64()
        .is_none_or(|limit| used < limit);
    left && value[last].as_i64().is_none_or(|last| now < last)
}

impl World {
    /// A coupon that can be redeemed now.
    ///
    /// # Errors
    /// When there is none of that id, or it is used up or over.
    pub fn open_coupon(&self, param: &str, id: &str) -> Result<Value, Refusal> {
        let coupon = self.named("coupon", param, id)?;
        if is_open(coupon, "redeem_by", self.now) {
            return Ok(coupon.clone());
        }
        let message = format!("Coupon {id} is expired and cannot be applied.");
        Err(Refusal::param("coupon_expired", param, message))
    }

    /// Counts one use of a coupon.
    pub fn redeem_coupon(&mut self, coupon: &Value) {
        let now = self.now;
        self.edit(id_of(coupon), |coupon| {
            coupon["times_redeemed"] = json!(coupon["times_redeemed"].as_i64().unwrap_or(0) + 1);
            coupon["valid"] = json!(is_open(coupon, "redeem_by", now));
        });
    }
}
