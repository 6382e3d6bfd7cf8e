//! Products and their prices.

use serde_json::{Map, Value, json};

use crate::api::{Call, Endpoint};
use crate::error::{Answer, Refusal};
use crate::form::Params;
use crate::store::{PLATFORM, World, id_of};

const PRODUCT: &[&str] = &[
    "name",
    "description",
    "active",
    "metadata",
    "metadata[*]",
    "id",
    "unit_label",
    "url",
];
const PRICE: &[&str] = &[
    "currency",
    "unit_amount",
    "product",
    "product_data[name]",
    "product_data[metadata][*]",
    "product_data[active]",
    "recurring[interval]",
    "recurring[interval_count]",
    "recurring[usage_type]",
    "lookup_key",
    "transfer_lookup_key",
    "nickname",
    "active",
    "metadata",
    "metadata[*]",
    "billing_scheme",
    "tax_behavior",
];

pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint::post("products", PRODUCT, create_product),
    Endpoint::list("products", &["active", "ids[]"], list_products),
    Endpoint::get("products/*", &[], retrieve_product),
    Endpoint::post("products/*", PRODUCT, update_product),
    Endpoint::post("prices", PRICE, create_price),
    Endpoint::list(
        "prices",
        &["active", "product", "lookup_keys[]", "type", "currency"],
        list_prices,
    ),
    Endpoint::get("prices/*", &[], retrieve_price),
    Endpoint::post(
        "prices/*",
        &[
            "active",
            "nickname",
            "lookup_key",
            "transfer_lookup_key",
            "metadata",
            "metadata[*]",
        ],
        update_price,
    ),
];

fn create_product(world: &mut World, call: &Call) -> Answer {
    let name = call.params.need("name")?.to_owned();
    let id = call.params.get("id").map(str::to_owned);
    if let Some(id) = id.as_ref().filter(|id| world.any(id).is_some()) {
        let message = format!("Product already exists: {id}");
        return Err(Refusal::param("resource_already_exists", "id", message));
    }
    let active = call.params.flag("active")?;
    let mut details = json!({ "name": name, "metadata": call.params.map("metadata") });
    write_product(&call.params, &mut details, active);
    Ok(world.create_product(id, details))
}

/// Writes what a request says of a product; an empty text takes away what was there.
fn write_product(params: &Params, product: &mut Value, active: Option<bool>) {
    for name in ["name", "description", "unit_label", "url"] {
        if params.has(name) {
            product[name] = json!(params.get(name));
        }
    }
    if let Some(active) = active {
        product["active"] = json!(active);
    }
}

fn list_products(world: &mut World, call: &Call) -> Answer {
    let active = call.params.flag("active")?;
    let ids = call.params.list("ids");
    world.page(call, "product", None, |product| {
        active.is_none_or(|active| product["active"] == active)
            && (ids.is_empty() || ids.iter().any(|id| id == id_of(product)))
    })
}

fn retrieve_product(world: &mut World, call: &Call) -> Answer {
    world.get(PLATFORM, "product", &call.id).cloned()
}

fn update_product(world: &mut World, call: &Call) -> Answer {
    let old = world.get(PLATFORM, "product", &call.id)?;
    let metadata = call.params.merge_metadata("metadata", &old["metadata"]);
    let active = call.params.flag("active")?;
    let now = world.now;
    let product = world.edit(&call.id, |product| {
        product["metadata"] = metadata;
        product["updated"] = json!(now);
        write_product(&call.params, product, active);
    });
    world.emit(PLATFORM, "product.updated", &product);
    Ok(product)
}

fn create_price(world: &mut World, call: &Call) -> Answer {
    let terms = Terms::read(&call.params, "")?;
    call.params.one_of("billing_scheme", &["per_unit"])?;
    call.params.one_of("recurring[usage_type]", &["licensed"])?;
    let behaviours = ["exclusive", "inclusive", "unspecified"];
    let behaviour = call.params.one_of("tax_behavior", &behaviours)?;
    let active = call.params.flag("active")?.unwrap_or(true);
    let key = call.params.get("lookup_key").map(str::to_owned);
    let transfer = call.params.flag("transfer_lookup_key")?.unwrap_or(false);
    let product = world.product_of(&call.params, "")?;
    world.free_lookup_key(key.as_deref(), transfer)?;
    let product = product.create(world);
    let price = world.create_price(&terms, &product);
    let price = world.edit(id_of(&price), |price| {
        price["active"] = json!(active);
        price["lookup_key"] = json!(key);
        price["nickname"] = json!(call.params.get("nickname"));
        price["metadata"] = call.params.merge_metadata("metadata", &Value::Null);
        price["tax_behavior"] = json!(behaviour.as_deref().unwrap_or("unspecified"));
    });
    world.emit(PLATFORM, "price.created", &price);
    Ok(price)
}

fn list_prices(world: &mut World, call: &Call) -> Answer {
    let keys = call.params.list("lookup_keys");
    let active = call.params.flag("active")?;
    let (product, kind) = (call.params.get("product"), call.params.get("type"));
    world.page(call, "price", None, |price| {
        let key = price["lookup_key"].as_str();
        (keys.is_empty() || keys.iter().any(|wanted| Some(wanted.as_str()) == key))
            && active.is_none_or(|active| price["active"] == active)
            && product.is_none_or(|product| price["product"] == product)
            && kind.is_none_or(|kind| price["type"] == kind)
    })
}

fn retrieve_price(world: &mut World, call: &Call) -> Answer {
    world.get(PLATFORM, "price", &call.id).cloned()
}

fn update_price(world: &mut World, call: &Call) -> Answer {
    let old = world.get(PLATFORM, "price", &call.id)?;
    let metadata = call.params.merge_metadata("metadata", &old["metadata"]);
    let active = call.params.flag("active")?;
    let key = call
        .params
        .get("lookup_key")
        .filter(|key| old["lookup_key"] != *key);
    let transfer = call.params.flag("transfer_lookup_key")?.unwrap_or(false);
    world.free_lookup_key(key, transfer)?;
    let price = world.edit(&call.id, |price| {
        price["metadata"] = metadata;
        for (name, value) in [
            ("lookup_key", key),
            ("nickname", call.params.get("nickname")),
        ] {
            if let Some(value) = value {
                price[name] = json!(value);
            }
        }
        if let Some(active) = active {
            price["active"] = json!(active);
        }
    });
    world.emit(PLATFORM, "price.updated", &price);
    Ok(price)
}

/// What a price asks for.
#[derive(Clone)]
pub struct Terms {
    pub amount: i64,
    pub interval: Option<String>,
}

impl Terms {
    /// Reads the terms of a price, or of the `price_data` whose name is given as prefix.
    pub fn read(params: &Params, prefix: &str) -> Result<Self, Refusal> {
        let name = |part: &str| part_name(prefix, part);
        params.currency(&name("currency"))?;
        let amount = params.price(&name("unit_amount"))?;
        let field = name("recurring[interval]");
        let interval = params.one_of(&field, &["month", "day", "week", "year"])?;
        if interval
            .as_ref()
            .is_some_and(|interval| interval != "month")
        {
            return Err(Refusal::invalid(
                &field,
                "Only monthly prices are known here.",
            ));
        }
        if params
            .int(&name("recurring[interval_count]"))?
            .is_some_and(|count| count != 1)
        {
            let field = name("recurring[interval_count]");
            return Err(Refusal::invalid(&field, "Only a count of 1 is known here."));
        }
        if interval.is_none() && params.has(&name("recurring")) {
            return Err(Refusal::missing(&field));
        }
        Ok(Self { amount, interval })
    }
}

/// `part_name("a[0]", "b[c]")` is `a[0][b][c]`; without a prefix the part itself.
pub fn part_name(prefix: &str, part: &str) -> String {
    if prefix.is_empty() {
        return part.to_owned();
    }
    match part.split_once('[') {
        Some((head, tail)) => format!("{prefix}[{head}][{tail}"),
        None => format!("{prefix}[{part}]"),
    }
}

/// The product that a request names, or describes so that it can be made.
#[derive(Clone)]
pub enum Wanted {
    Known(String),
    New(String, Map<String, Value>),
}

impl Wanted {
    pub fn create(self, world: &mut World) -> String {
        match self {
            Self::Known(id) => id,
            Self::New(name, metadata) => {
                let details = json!({ "name": name, "metadata": metadata });
                id_of(&world.create_product(None, details)).to_owned()
            }
        }
    }
}

impl World {
    pub fn product_of(&self, params: &Params, prefix: &str) -> Result<Wanted, Refusal> {
        let field = part_name(prefix, "product");
        if let Some(id) = params.get(&field) {
            self.named("product", &field, id)?;
            return Ok(Wanted::Known(id.to_owned()));
        }
        let name = params.get(&part_name(prefix, "product_data[name]"));
        let name = name.ok_or_else(|| Refusal::missing(&field))?;
        let metadata = params.map(&part_name(prefix, "product_data[metadata]"));
        Ok(Wanted::New(name.to_owned(), metadata))
    }

    fn create_product(&mut self, id: Option<String>, details: Value) -> Value {
        let id = id.unwrap_or_else(|| self.mint("prod"));
        let mut product = json!({
            "id": id, "object": "product", "active": true, "created": self.now,
            "updated": self.now, "default_price": null, "description": null, "images": [],
            "livemode": false, "marketing_features": [], "metadata": {}, "name": null,
            "package_dimensions": null, "shippable": null, "statement_descriptor": null,
            "tax_code": null, "type": "service", "unit_label": null, "url": null,
        });
        for (name, value) in details.as_object().into_iter().flatten() {
            product[name] = value.clone();
        }
        self.put(PLATFORM, product.clone());
        self.emit(PLATFORM, "product.created", &product);
        product
    }

    pub fn create_price(&mut self, terms: &Terms, product: &str) -> Value {
        let id = self.mint("price");
        let recurring = terms.interval.as_ref().map(|interval| {
            json!({
                "interval": interval, "interval_count": 1, "meter": null,
                "trial_period_days": null, "usage_type": "licensed",
            })
        });
        let kind = if recurring.is_some() {
            "recurring"
        } else {
            "one_time"
        };
        let price = json!({
            "id": id, "object": "price", "active": true, "billing_scheme": "per_unit",
            "created": self.now, "currency": "usd", "custom_unit_amount": null,
            "livemode": false, "lookup_key": null, "metadata": {}, "nickname": null,
            "product": product, "recurring": recurring, "tax_behavior": "unspecified",
            "tiers_mode": null, "transform_quantity": null, "type": kind,
            "unit_amount": terms.amount, "unit_amount_decimal": terms.amount.to_string(),
        });
        self.put(PLATFORM, price)
    }

    /// Makes sure that no other active price holds a lookup key, or takes it from that one.
    fn free_lookup_key(&mut self, key: Option<&str>, transfer: bool) -> Result<(), Refusal> {
        let Some(key) = key else { return Ok(()) };
        let all = self.list(PLATFORM, "price", None).iter();
        let mut prices = all.filter_map(|(_, id)| self.any(id));
        let holder = prices.find(|price| price["lookup_key"] == key).map(id_of);
        match holder.map(str::to_owned) {
            Some(holder) if transfer => {
                self.edit(&holder, |price| price["lookup_key"] = Value::Null);
                Ok(())
            }
            Some(holder) => {
                let message = format!(
                    "A price (`{holder}`) already uses that lookup key. \
                     You may use `transfer_lookup_key=true` to transfer it."
                );
                Err(Refusal::param(
                    "resource_already_exists",
                    "lookup_key",
                    message,
                ))
            }
            None => Ok(()),
        }
    }
}
