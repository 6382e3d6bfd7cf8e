//! Customers, and the cards that they pay with.

use serde_json::{Value, json};

use crate::api::{Call, Endpoint, no_address};
use crate::cards::Card;
use crate::error::Answer;
use crate::store::{PLATFORM, World};

const WRITTEN: &[&str] = &[
    "email",
    "name",
    "description",
    "phone",
    "metadata",
    "metadata[*]",
    "balance",
    "address[*]",
    "shipping[*]",
    "preferred_locales[]",
    "tax_exempt",
    "invoice_settings[default_payment_method]",
];

pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint::post("customers", WRITTEN, create),
    Endpoint::list("customers", &["email"], list),
    Endpoint::get("customers/*", &[], retrieve),
    Endpoint::post("customers/*", WRITTEN, update),
    Endpoint::list("payment_methods", &["customer", "type"], list_cards),
    Endpoint::get("payment_methods/*", &[], retrieve_card),
];

fn create(world: &mut World, call: &Call) -> Answer {
    let metadata = call.params.merge_metadata("metadata", &Value::Null);
    let balance = call.params.int("balance")?.unwrap_or(0);
    let text = |name: &str| call.params.get(name).map(str::to_owned);
    let details = json!({
        "name": text("name"), "description": text("description"), "phone": text("phone"),
        "metadata": metadata, "balance": balance,
    });
    Ok(world.create_customer(text("email").as_deref(), details))
}

fn list(world: &mut World, call: &Call) -> Answer {
    let by = call.params.get("email").map(|email| ("/email", email));
    world.page(call, "customer", by, |_| true)
}

fn retrieve(world: &mut World, call: &Call) -> Answer {
    world.get(PLATFORM, "customer", &call.id).cloned()
}

fn update(world: &mut World, call: &Call) -> Answer {
    let old = world.get(PLATFORM, "customer", &call.id)?;
    let metadata = call.params.merge_metadata("metadata", &old["metadata"]);
    let balance = call.params.int("balance")?;
    let card = call.params.get("invoice_settings[default_payment_method]");
    if let Some(card) = card {
        world.named(
            "payment_method",
            "invoice_settings[default_payment_method]",
            card,
        )?;
    }
    let customer = world.edit(&call.id, |customer| {
        customer["metadata"] = metadata;
        for name in ["email", "name", "description", "phone"] {
            if let Some(value) = call.params.get(name) {
                customer[name] = json!(value);
            }
        }
        if let Some(balance) = balance {
            customer["balance"] = json!(balance);
        }
        if let Some(card) = card {
            customer["invoice_settings"]["default_payment_method"] = json!(card);
        }
    });
    world.emit(PLATFORM, "customer.updated", &customer);
    Ok(customer)
}

fn list_cards(world: &mut World, call: &Call) -> Answer {
    let by = call
        .params
        .get("customer")
        .map(|customer| ("/customer", customer));
    world.page(call, "payment_method", by, |_| true)
}

fn retrieve_card(world: &mut World, call: &Call) -> Answer {
    world.get(PLATFORM, "payment_method", &call.id).cloned()
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

    /// Keeps a card for a customer, for this payment and later ones.
    pub fn attach_card(&mut self, customer: &str, email: &str, card: &Card) -> String {
        let id = self.mint("pm");
        self.set_row("card", &id, json!(card.number));
        let method = json!({
            "id": id, "object": "payment_method", "type": "card", "created": self.now,
            "livemode": false, "customer": customer, "metadata": {},
            "allow_redisplay": "limited",
            "billing_details": billing_details(email),
            "card": card.details(),
        });
        self.put(PLATFORM, method.clone());
        self.emit(PLATFORM, "payment_method.attached", &method);
        id
    }

    /// The card behind a payment method.
    pub fn card(&self, method: &str) -> Card {
        let number = self.row("card", method).and_then(Value::as_str);
        Card::read(number.unwrap_or(crate::cards::GOOD)).unwrap_or_default()
    }
}

pub fn billing_details(email: &str) -> Value {
    json!({
        "address": no_address(), "email": email, "name": null, "phone": null, "tax_id": null,
    })
}
