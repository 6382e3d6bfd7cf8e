//! Cards that are kept: made, attached to a customer, detached.

use serde_json::{Value, json};

use crate::api::{Call, Endpoint};
use crate::cards::{Card, number_of};
use crate::customers::billing_details;
use crate::error::{Answer, Refusal};
use crate::form::Params;
use crate::store::{PLATFORM, World, id_of};

pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint::post(
        "payment_methods",
        &[
            "type",
            "card[number]",
            "card[exp_month]",
            "card[exp_year]",
            "card[cvc]",
            "card[token]",
            "billing_details[email]",
            "billing_details[name]",
            "billing_details[phone]",
            "metadata",
            "metadata[*]",
        ],
        create,
    ),
    Endpoint::list("payment_methods", &["customer", "type"], list),
    Endpoint::get("payment_methods/*", &[], retrieve),
    Endpoint::post("payment_methods/*/attach", &["customer"], attach),
    Endpoint::post("payment_methods/*/detach", &[], detach),
    Endpoint::list("customers/*/payment_methods", &["type"], list_of_customer),
];

fn create(world: &mut World, call: &Call) -> Answer {
    let params = &call.params;
    params.need("type")?;
    params.one_of("type", &["card"])?;
    let card = read_card(params)?;
    for name in ["card[exp_month]", "card[exp_year]"] {
        params.int(name)?;
    }
    let mut method = world.keep_card(&card);
    method["metadata"] = params.merge_metadata("metadata", &Value::Null);
    for name in ["email", "name", "phone"] {
        let text = params.get(&format!("billing_details[{name}]"));
        method["billing_details"][name] = json!(text);
    }
    Ok(world.put(PLATFORM, method))
}

fn read_card(params: &Params) -> Result<Card, Refusal> {
    if let Some(token) = params.get("card[token]") {
        let number = number_of(token).filter(|_| token.starts_with("tok_"));
        let number = number.ok_or_else(|| Refusal::no_such_param("token", "card[token]", token))?;
        return Card::read(number);
    }
    Card::read(params.need("card[number]")?)
}

fn list(world: &mut World, call: &Call) -> Answer {
    let by = call
        .params
        .get("customer")
        .map(|customer| ("/customer", customer));
    world.page(call, "payment_method", by, |method| {
        call.params.all_equal(method, &["customer", "type"])
    })
}

fn list_of_customer(world: &mut World, call: &Call) -> Answer {
    world.get(PLATFORM, "customer", &call.id)?;
    world.page(
        call,
        "payment_method",
        Some(("/customer", &call.id)),
        |method| method["customer"] == call.id.as_str() && call.params.all_equal(method, &["type"]),
    )
}

fn retrieve(world: &mut World, call: &Call) -> Answer {
    world.get(PLATFORM, "payment_method", &call.id).cloned()
}

/// Attaches a card; a name like `pm_card_visa` makes a new one each time.
fn attach(world: &mut World, call: &Call) -> Answer {
    let customer = call.params.need("customer")?;
    let email = world.named("customer", "customer", customer)?["email"].clone();
    if let Some(number) = number_of(&call.id).filter(|_| call.id.starts_with("pm_")) {
        let card = Card::read(number)?;
        check_kept(&card)?;
        let id = world.attach_card(customer, email.as_str().unwrap_or_default(), &card);
        return world.get(PLATFORM, "payment_method", &id).cloned();
    }
    let method = world.get(PLATFORM, "payment_method", &call.id)?;
    let owner = &method["customer"];
    if !owner.is_null() && owner != customer {
        let message = "The payment method you provided has already been attached to a customer.";
        return Err(Refusal::rule("payment_method_unexpected_state", message));
    }
    check_kept(&world.card(&call.id))?;
    let method = world.edit(&call.id, |method| method["customer"] = json!(customer));
    world.emit(PLATFORM, "payment_method.attached", &method);
    Ok(method)
}

fn check_kept(card: &Card) -> Result<(), Refusal> {
    if card.can_be_kept() {
        return Ok(());
    }
    Err(Refusal::declined("generic_decline"))
}

/// Nothing is charged to a detached card any more, wherever it was the one to charge.
fn detach(world: &mut World, call: &Call) -> Answer {
    let old = world.get(PLATFORM, "payment_method", &call.id)?.clone();
    let Some(customer) = old["customer"].as_str() else {
        let message = "The payment method you provided is not attached to a customer.";
        return Err(Refusal::rule("payment_method_unexpected_state", message));
    };
    let method = world.edit(&call.id, |method| method["customer"] = Value::Null);
    world.forget_card(customer, &call.id);
    let before = Some(json!({ "customer": customer }));
    world.emit_change(PLATFORM, "payment_method.detached", &method, before);
    Ok(method)
}

impl World {
    /// A card without a customer yet.
    fn keep_card(&mut self, card: &Card) -> Value {
        let id = self.mint("pm");
        self.set_row("card", &id, json!(card.number));
        json!({
            "id": id, "object": "payment_method", "type": "card", "created": self.now,
            "livemode": false, "customer": null, "metadata": {}, "allow_redisplay": "limited",
            "billing_details": billing_details(Value::Null), "card": card.details(),
        })
    }

    /// Keeps a card for a customer, for this payment and later ones.
    pub fn attach_card(&mut self, customer: &str, email: &str, card: &Card) -> String {
        let mut method = self.keep_card(card);
        method["customer"] = json!(customer);
        method["billing_details"] = billing_details(json!(email));
        self.put(PLATFORM, method.clone());
        self.emit(PLATFORM, "payment_method.attached", &method);
        id_of(&method).to_owned()
    }

    /// The card behind a payment method.
    pub fn card(&self, method: &str) -> Card {
        let number = self.row("card", method).and_then(Value::as_str);
        Card::read(number.unwrap_or(crate::cards::GOOD)).unwrap_or_default()
    }

    fn forget_card(&mut self, customer: &str, method: &str) {
        let settings = "/invoice_settings/default_payment_method";
        if self
            .any(customer)
            .and_then(|it| it.pointer(settings))
            .is_some_and(|own| own == method)
        {
            self.edit(customer, |it| {
                it["invoice_settings"]["default_payment_method"] = Value::Null
            });
        }
        let subscriptions = self.list(PLATFORM, "subscription", Some(("/customer", customer)));
        let charged = |id: &String| {
            self.any(id)
                .is_some_and(|it| it["default_payment_method"] == method)
        };
        let ids = subscriptions
            .iter()
            .map(|(_, id)| id.clone())
            .filter(charged);
        for id in ids.collect::<Vec<_>>() {
            self.edit(&id, |it| it["default_payment_method"] = Value::Null);
        }
    }
}
