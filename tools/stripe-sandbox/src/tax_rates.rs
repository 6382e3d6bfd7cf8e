//! Tax rates: a percentage on top of prices, or within them.

use serde_json::{Value, json};

use crate::amounts::{Rate, Tax};
use crate::api::{Call, Endpoint};
use crate::error::{Answer, Refusal};
use crate::form::Params;
use crate::percent::Percent;
use crate::store::{PLATFORM, World, id_of};

pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint::post(
        "tax_rates",
        &[
            "display_name",
            "percentage",
            "inclusive",
            "active",
            "country",
            "state",
            "jurisdiction",
            "description",
            "tax_type",
            "metadata",
            "metadata[*]",
        ],
        create,
    ),
    Endpoint::list("tax_rates", &["active", "inclusive"], list),
    Endpoint::get("tax_rates/*", &[], retrieve),
    Endpoint::post(
        "tax_rates/*",
        &[
            "display_name",
            "active",
            "country",
            "state",
            "jurisdiction",
            "description",
            "tax_type",
            "metadata",
            "metadata[*]",
        ],
        update,
    ),
];

const TEXTS: &[&str] = &[
    "display_name",
    "country",
    "state",
    "jurisdiction",
    "description",
];
const TYPES: &[&str] = &[
    "amusement_tax",
    "communications_tax",
    "gst",
    "hst",
    "igst",
    "jct",
    "lease_tax",
    "pst",
    "qst",
    "retail_delivery_fee",
    "rst",
    "sales_tax",
    "service_tax",
    "vat",
];

fn create(world: &mut World, call: &Call) -> Answer {
    let params = &call.params;
    params.need("display_name")?;
    let percent = Percent::read(params, "percentage")?;
    let percent = percent.ok_or_else(|| Refusal::missing("percentage"))?;
    let inclusive = params.flag("inclusive")?;
    let inclusive = inclusive.ok_or_else(|| Refusal::missing("inclusive"))?;
    let active = params.flag("active")?.unwrap_or(true);
    let tax_type = params.one_of("tax_type", TYPES)?;
    let mut rate = json!({
        "id": world.mint("txr"), "object": "tax_rate", "active": active, "country": null,
        "created": world.now, "description": null, "display_name": null,
        "effective_percentage": percent.to_json(), "flat_amount": null, "inclusive": inclusive,
        "jurisdiction": null, "jurisdiction_level": null, "livemode": false,
        "metadata": params.merge_metadata("metadata", &Value::Null),
        "percentage": percent.to_json(), "rate_type": "percentage", "state": null,
        "tax_type": tax_type,
    });
    set_texts(&mut rate, params);
    world.put(PLATFORM, rate.clone());
    world.emit(PLATFORM, "tax_rate.created", &rate);
    Ok(rate)
}

fn set_texts(rate: &mut Value, params: &Params) {
    for name in TEXTS {
        if let Some(text) = params.get(name) {
            rate[*name] = json!(text);
        }
    }
}

fn list(world: &mut World, call: &Call) -> Answer {
    let (active, inclusive) = (call.params.flag("active")?, call.params.flag("inclusive")?);
    world.page(call, "tax_rate", None, |rate| {
        active.is_none_or(|active| rate["active"] == active)
            && inclusive.is_none_or(|inclusive| rate["inclusive"] == inclusive)
    })
}

fn retrieve(world: &mut World, call: &Call) -> Answer {
    world.get(PLATFORM, "tax_rate", &call.id).cloned()
}

fn update(world: &mut World, call: &Call) -> Answer {
    let old = world.get(PLATFORM, "tax_rate", &call.id)?;
    let metadata = call.params.merge_metadata("metadata", &old["metadata"]);
    let active = call.params.flag("active")?;
    let tax_type = call.params.one_of("tax_type", TYPES)?;
    let rate = world.edit(&call.id, |rate| {
        rate["metadata"] = metadata;
        set_texts(rate, &call.params);
        if let Some(active) = active {
            rate["active"] = json!(active);
        }
        if let Some(tax_type) = tax_type {
            rate["tax_type"] = json!(tax_type);
        }
    });
    world.emit(PLATFORM, "tax_rate.updated", &rate);
    Ok(rate)
}

impl World {
    /// The tax rates that a list of ids names; `None` when the parameter is absent. An empty
    /// one names none.
    ///
    /// # Errors
    /// For an id that names no active tax rate.
    pub fn tax_rates(&self, params: &Params, name: &str) -> Result<Option<Vec<Value>>, Refusal> {
        if !params.has(name) {
            return Ok(None);
        }
        let rates = params.list(name).into_iter().map(|id| {
            let rate = self.named("tax_rate", name, &id)?.clone();
            if rate["active"] == true {
                return Ok(rate);
            }
            Err(Refusal::invalid(
                name,
                format!("The tax rate {id} is archived."),
            ))
        });
        rates.collect::<Result<_, _>>().map(Some)
    }
}

/// The rates that a line is subject to: its own, or else those of the whole.
pub fn applied(own: &Value, fallback: &Value) -> Vec<Rate> {
    let is_empty = own.as_array().is_none_or(Vec::is_empty);
    let rates = if is_empty { fallback } else { own };
    rates
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(rate)
        .collect()
}

fn rate(value: &Value) -> Option<Rate> {
    Some(Rate {
        id: id_of(value).to_owned(),
        percent: Percent::of(&value["percentage"])?,
        inclusive: value["inclusive"] == true,
    })
}

/// Taxes as invoices and their lines show them.
pub fn shown(taxes: &[Tax]) -> Value {
    let entry = |tax: &Tax| {
        json!({
            "amount": tax.amount,
            "tax_behavior": if tax.inclusive { "inclusive" } else { "exclusive" },
            "tax_rate_details": { "tax_rate": tax.rate }, "taxability_reason": "not_available",
            "taxable_amount": tax.taxable, "type": "tax_rate_details",
        })
    };
    taxes.iter().map(entry).collect()
}
