//! Customers.

use serde_json::{Value, json};

use crate::api::{Call, Endpoint, no_address};
use crate::error::{Answer, Refusal};
use crate::form::Params;
use crate::store::{PLATFORM, World};
use crate::subscriptions::changed;

const DEFAULT_CARD: &str = "invoice_settings[default_payment_method]";

const WRITTEN: &[&str] = &[
    "email",
    "name",
    "description",
    "phone",
    "metadata",
    "metadata[*]",
    "balance",
    "address",
    "address[*]",
    "shipping",
    "shipping[name]",
    "shipping[phone]",
    "shipping[address][*]",
    "preferred_locales[]",
    "tax_exempt",
    "invoice_settings[default_payment_method]",
];

pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint::post("customers", WRITTEN, create),
    Endpoint::list("customers", &["email"], list),
    Endpoint::get("customers/*", &[], retrieve),
    Endpoint::post("customers/*", WRITTEN, update),
];

const ADDRESS: &[&str] = &["city", "country", "line1", "line2", "postal_code", "state"];

fn create(world: &mut World, call: &Call) -> Answer {
    let params = &call.params;
    check(params)?;
    if let Some(card) = params.get(DEFAULT_CARD) {
        let message = format!("The payment method {card} does not belong to this customer.");
        return Err(Refusal::invalid(DEFAULT_CARD, message));
    }
    let balance = params.int("balance")?.unwrap_or(0);
    let mut details = json!({ "balance": balance });
    write(params, &mut details, &Value::Null);
    Ok(world.create_customer(params.get("email"), details))
}

/// Refuses values that no customer can have.
fn check(params: &Params) -> Result<(), Refusal> {
    params.one_of("tax_exempt", &["exempt", "none", "reverse"])?;
    let known = |name: &String| ADDRESS.contains(&name.as_str());
    for part in ["address", "shipping[address]"] {
        if let Some(name) = params.map(part).keys().find(|name| !known(name)) {
            return Err(Refusal::unknown(&format!("{part}[{name}]")));
        }
    }
    Ok(())
}

/// Writes what a request says of a customer.
fn write(params: &Params, customer: &mut Value, old: &Value) {
    customer["metadata"] = params.merge_metadata("metadata", &old["metadata"]);
    // An empty text takes away what was there.
    for name in ["email", "name", "description", "phone"] {
        if params.has(name) {
            customer[name] = json!(params.get(name));
        }
    }
    if let Some(exempt) = params.get("tax_exempt") {
        customer["tax_exempt"] = json!(exempt);
    }
    if params.is_cleared("address") {
        customer["address"] = Value::Null;
    } else if params.has("address") {
        customer["address"] = address(params, "address");
    }
    if params.is_cleared("shipping") {
        customer["shipping"] = Value::Null;
    } else if params.has("shipping") {
        let text = |name: &str| params.get(&format!("shipping[{name}]"));
        customer["shipping"] = json!({
            "address": address(params, "shipping[address]"), "name": text("name"),
            "phone": text("phone"),
        });
    }
    if params.has("preferred_locales") {
        customer["preferred_locales"] = json!(params.list("preferred_locales"));
    }
}

fn address(params: &Params, name: &str) -> Value {
    let mut address = no_address();
    for (part, value) in params.map(name) {
        address[part] = value;
    }
    address
}

fn list(world: &mut World, call: &Call) -> Answer {
    let by = call.params.get("email").map(|email| ("/email", email));
    world.page(call, "customer", by, |customer| {
        call.params.all_equal(customer, &["email"])
    })
}

fn retrieve(world: &mut World, call: &Call) -> Answer {
    world.get(PLATFORM, "customer", &call.id).cloned()
}

fn update(world: &mut World, call: &Call) -> Answer {
    let old = world.get(PLATFORM, "customer", &call.id)?.clone();
    check(&call.params)?;
    let balance = call.params.int("balance")?;
    let card = match call.params.get(DEFAULT_CARD) {
        Some(card) => Some(world.own_method(&call.id, DEFAULT_CARD, card)?),
        None => None,
    };
    let customer = world.edit(&call.id, |customer| {
        write(&call.params, customer, &old);
        if let Some(balance) = balance {
            customer["balance"] = json!(balance);
        }
        if call.params.has(DEFAULT_CARD) {
            customer["invoice_settings"]["default_payment_method"] = json!(card);
        }
    });
    let before = Some(changed(&old, &customer));
    world.emit_change(PLATFORM, "customer.updated", &customer, before);
    Ok(customer)
}

impl World {
    pub fn create_customer(&mut self, email: Option<&str>, details: Value) -> Value {
        let id = self.mint("cus");
        let prefix = id
            .trim_start_matches("cus_")
            .get(..8)
            .unwrap_or("SANDBOX1")
            .to_uppercase();
        let mut customer = json!({
            "id": id, "object": "customer", "created": self.now, "livemode": false,
            "email": email, "address": null, "balance": 0, "currency": null,
            "default_source": null, "delinquent": false, "description": null,
            "discount": null, "invoice_prefix": prefix, "metadata": {}, "name": null,
            "next_invoice_sequence": 1, "phone": null, "preferred_locales": [],
            "shipping": null, "tax_exempt": "none", "test_clock": null,
            "invoice_settings": {
                "custom_fields": null, "default_payment_method": null, "footer": null,
                "rendering_options": null,
            },
        });
        for (name, value) in details.as_object().into_iter().flatten() {
            customer[name] = value.clone();
        }
        self.put(PLATFORM, customer.clone());
        self.emit(PLATFORM, "customer.created", &customer);
        customer
    }
}

pub fn billing_details(email: impl Into<Value>) -> Value {
    json!({
        "address": no_address(), "email": email.into(), "name": null, "phone": null,
        "tax_id": null,
    })
}
