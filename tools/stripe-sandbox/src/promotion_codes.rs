//! Promotion codes: words that customers type to redeem a coupon.

use serde_json::{Value, json};

use crate::api::{Call, Endpoint};
use crate::coupons::{is_open, positive};
use crate::error::{Answer, Refusal};
use crate::form::Params;
use crate::store::{PLATFORM, World, id_of};

pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint::post(
        "promotion_codes",
        &[
            "promotion[type]",
            "promotion[coupon]",
            "code",
            "active",
            "customer",
            "expires_at",
            "max_redemptions",
            "restrictions[first_time_transaction]",
            "restrictions[minimum_amount]",
            "restrictions[minimum_amount_currency]",
            "metadata",
            "metadata[*]",
        ],
        create,
    ),
    Endpoint::list(
        "promotion_codes",
        &["active", "code", "coupon", "customer"],
        list,
    ),
    Endpoint::get("promotion_codes/*", &[], retrieve),
    Endpoint::post(
        "promotion_codes/*",
        &["active", "metadata", "metadata[*]"],
        update,
    ),
];

fn create(world: &mut World, call: &Call) -> Answer {
    let params = &call.params;
    params.one_of("promotion[type]", &["coupon"])?;
    params.need("promotion[type]")?;
    let coupon = params.need("promotion[coupon]")?;
    world.open_coupon("promotion[coupon]", coupon)?;
    if let Some(customer) = params.get("customer") {
        world.named("customer", "customer", customer)?;
    }
    let active = params.flag("active")?.unwrap_or(true);
    let limit = positive(params, "max_redemptions")?;
    let expires_at = params.int("expires_at")?;
    let restrictions = restrictions(params)?;
    if let Some(code) = params
        .get("code")
        .filter(|code| world.active_code(code).is_some())
    {
        let message = format!("An active promotion code with `code: {code}` already exists.");
        return Err(Refusal::param("resource_already_exists", "code", message));
    }
    let id = world.mint("promo");
    let code = params.get("code").map(str::to_owned);
    let code = code.unwrap_or_else(|| crate::mint::word(world.minted, 8).to_uppercase());
    let promotion_code = json!({
        "id": id, "object": "promotion_code", "active": active, "code": code,
        "created": world.now, "customer": params.get("customer"), "customer_account": null,
        "expires_at": expires_at, "livemode": false, "max_redemptions": limit,
        "metadata": params.merge_metadata("metadata", &Value::Null),
        "promotion": { "coupon": coupon, "type": "coupon" }, "restrictions": restrictions,
        "times_redeemed": 0,
    });
    world.put(PLATFORM, promotion_code.clone());
    world.emit(PLATFORM, "promotion_code.created", &promotion_code);
    Ok(promotion_code)
}

fn restrictions(params: &Params) -> Answer {
    let first = params
        .flag("restrictions[first_time_transaction]")?
        .unwrap_or(false);
    let name = "restrictions[minimum_amount]";
    let minimum = if params.has(name) {
        params.currency("restrictions[minimum_amount_currency]")?;
        Some(params.amount(name)?)
    } else {
        None
    };
    Ok(json!({
        "first_time_transaction": first, "minimum_amount": minimum,
        "minimum_amount_currency": minimum.map(|_| "usd"),
    }))
}

fn list(world: &mut World, call: &Call) -> Answer {
    let active = call.params.flag("active")?;
    let text = |name: &str| call.params.get(name);
    let (code, coupon, customer) = (text("code"), text("coupon"), text("customer"));
    world.page(call, "promotion_code", None, |it| {
        active.is_none_or(|active| it["active"] == active)
            && code.is_none_or(|code| is_code(it, code))
            && coupon.is_none_or(|coupon| it["promotion"]["coupon"] == coupon)
            && customer.is_none_or(|customer| it["customer"] == customer)
    })
}

fn retrieve(world: &mut World, call: &Call) -> Answer {
    world.get(PLATFORM, "promotion_code", &call.id).cloned()
}

fn update(world: &mut World, call: &Call) -> Answer {
    let old = world.get(PLATFORM, "promotion_code", &call.id)?;
    let metadata = call.params.merge_metadata("metadata", &old["metadata"]);
    let active = call.params.flag("active")?;
    let promotion_code = world.edit(&call.id, |it| {
        it["metadata"] = metadata;
        if let Some(active) = active {
            it["active"] = json!(active);
        }
    });
    world.emit(PLATFORM, "promotion_code.updated", &promotion_code);
    Ok(promotion_code)
}

/// Codes are compared without regard to case.
fn is_code(promotion_code: &Value, code: &str) -> bool {
    let own = promotion_code["code"].as_str().unwrap_or_default();
    own.eq_ignore_ascii_case(code)
}

impl World {
    fn active_code(&self, code: &str) -> Option<&Value> {
        let all = self.list(PLATFORM, "promotion_code", None).iter();
        let mut codes = all.filter_map(|(_, id)| self.any(id));
        codes.find(|it| it["active"] == true && is_code(it, code))
    }

    /// The promotion code that somebody typed, or whose id was given, if it can be redeemed now
    /// by this customer for this amount. A new customer has no id yet.
    pub fn open_promotion_code(
        &self,
        param: &str,
        code: &str,
        customer: Option<&str>,
        amount: i64,
    ) -> Answer {
        let by_id = self.find(PLATFORM, "promotion_code", code);
        let found = by_id.or_else(|| self.active_code(code));
        let it = found.ok_or_else(|| Refusal::no_such_param("promotion_code", param, code))?;
        let restrictions = &it["restrictions"];
        let minimum = restrictions["minimum_amount"].as_i64().unwrap_or(0);
        let knows = |customer: &str| {
            !self
                .list(PLATFORM, "charge", Some(("/customer", customer)))
                .is_empty()
        };
        let is_new = !customer.is_some_and(knows);
        let fits = it["active"] == true
            && is_open(it, "expires_at", self.now)
            && it["customer"]
                .as_str()
                .is_none_or(|own| Some(own) == customer)
            && (is_new || restrictions["first_time_transaction"] != true)
            && amount >= minimum;
        if fits {
            return Ok(it.clone());
        }
        let message = "This promotion code cannot be redeemed: it is inactive, used up, expired \
                       or restricted to others.";
        Err(Refusal::param("coupon_expired", param, message))
    }

    /// Counts one use of a promotion code; at its limit it becomes inactive.
    pub fn redeem_promotion_code(&mut self, id: &str) {
        let now = self.now;
        let Some(old) = self.find(PLATFORM, "promotion_code", id).cloned() else {
            return;
        };
        self.edit(id_of(&old), |it| {
            it["times_redeemed"] = json!(it["times_redeemed"].as_i64().unwrap_or(0) + 1);
            it["active"] = json!(is_open(it, "expires_at", now));
        });
    }
}
