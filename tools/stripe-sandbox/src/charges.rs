//! Payments: the intent, the charge on a card, and the money that it brings.

use serde_json::{Value, json};

use crate::api::{Call, Endpoint};
use crate::balance::{Movement, charge_fee};
use crate::cards::{Behaviour, Card};
use crate::clock::{DAY, midnight_from};
use crate::customers::billing_details;
use crate::error::Answer;
use crate::store::{PLATFORM, World, id_of};

/// Stripe charges no card with less than this, in cents.
pub const CHARGE_MIN: i64 = 50;

pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint::list(
        "charges",
        &["customer", "payment_intent", "transfer_group"],
        list_charges,
    ),
    Endpoint::get("charges/*", &[], retrieve_charge),
    Endpoint::list("payment_intents", &["customer"], list_intents),
    Endpoint::get("payment_intents/*", &[], retrieve_intent),
];

fn list_charges(world: &mut World, call: &Call) -> Answer {
    let by = ["payment_intent", "customer"]
        .into_iter()
        .find_map(|name| call.params.get(name).map(|id| (format!("/{name}"), id)));
    let by = by.as_ref().map(|(field, id)| (field.as_str(), *id));
    world.page(call, "charge", by, |charge| {
        call.params
            .all_equal(charge, &["payment_intent", "customer", "transfer_group"])
    })
}

fn retrieve_charge(world: &mut World, call: &Call) -> Answer {
    world.get(&call.owner, "charge", &call.id).cloned()
}

fn list_intents(world: &mut World, call: &Call) -> Answer {
    let by = call.params.get("customer").map(|id| ("/customer", id));
    world.page(call, "payment_intent", by, |_| true)
}

fn retrieve_intent(world: &mut World, call: &Call) -> Answer {
    world.get(&call.owner, "payment_intent", &call.id).cloned()
}

/// A card that is to be charged, and why.
pub struct Bill<'a> {
    pub amount: i64,
    pub customer: &'a str,
    pub email: &'a str,
    /// Absent: there is nothing to charge, and the attempt fails.
    pub method: Option<&'a str>,
    pub description: &'a str,
    pub metadata: Value,
    /// The intent of an earlier attempt, which this one goes on with.
    pub intent: Option<&'a str>,
}

/// The objects of one attempt to pay; without a card there is no charge.
pub struct Payment {
    pub intent: Value,
    pub charge: Value,
    pub succeeded: bool,
}

impl World {
    /// Charges a card. The events are left to the caller, who knows their order.
    pub fn charge(&mut self, bill: &Bill<'_>) -> Payment {
        let known = bill.intent.and_then(|id| self.any(id)).cloned();
        let intent = known.as_ref().map(|intent| id_of(intent).to_owned());
        let intent = intent.unwrap_or_else(|| self.mint("pi"));
        let charge = bill.method.map_or(Value::Null, |method| {
            self.charge_card(&intent, bill, method)
        });
        let mut object = intent_object(self.now, &intent, &charge, bill);
        if let Some(known) = known {
            object["created"] = known["created"].clone();
        }
        let succeeded = charge["paid"] == true;
        let intent = self.put(PLATFORM, object);
        Payment {
            intent,
            charge,
            succeeded,
        }
    }

    fn charge_card(&mut self, intent: &str, bill: &Bill<'_>, method: &str) -> Value {
        let (card, id) = (self.card(method), self.mint("ch"));
        let transaction = card.pays().then(|| self.book_charge(&id, bill, &card));
        let transaction = transaction.as_deref();
        let charge = charge_object(self.now, &id, intent, transaction, bill, &card);
        self.put(PLATFORM, charge)
    }

    fn book_charge(&mut self, charge: &str, bill: &Bill<'_>, card: &Card) -> String {
        let available_on = if card.behaviour == Behaviour::PaysAtOnce {
            self.now
        } else {
            midnight_from(self.now + 2 * DAY)
        };
        self.book(
            PLATFORM,
            Movement {
                kind: "charge",
                category: "charge",
                amount: bill.amount,
                fee: charge_fee(bill.amount),
                source: charge,
                available_on,
                description: Some(bill.description.to_owned()),
            },
        )
    }

    pub fn emit_payment(&mut self, payment: &Payment) {
        let outcome = if payment.succeeded {
            "succeeded"
        } else {
            "failed"
        };
        let intent = if payment.succeeded {
            "succeeded"
        } else {
            "payment_failed"
        };
        if !payment.charge.is_null() {
            self.emit(PLATFORM, &format!("charge.{outcome}"), &payment.charge);
        }
        self.emit(
            PLATFORM,
            &format!("payment_intent.{intent}"),
            &payment.intent,
        );
    }
}

fn outcome(succeeded: bool) -> Value {
    let (status, message, kind) = match succeeded {
        true => ("approved_by_network", "Payment complete.", "authorized"),
        false => (
            "declined_by_network",
            "The bank did not return any details.",
            "issuer_declined",
        ),
    };
    json!({
        "advice_code": null, "network_advice_code": null, "network_decline_code": null,
        "network_status": status, "reason": if succeeded { None } else { Some("generic_decline") },
        "risk_level": "normal", "risk_score": 11, "seller_message": message, "type": kind,
    })
}

fn charge_object(
    now: i64,
    id: &str,
    intent: &str,
    transaction: Option<&str>,
    bill: &Bill<'_>,
    card: &Card,
) -> Value {
    let paid = transaction.is_some();
    let failure = |text: &'static str| (!paid).then_some(text);
    json!({
        "id": id, "object": "charge", "amount": bill.amount,
        "amount_captured": if paid { bill.amount } else { 0 }, "amount_refunded": 0,
        "application": null, "application_fee": null, "application_fee_amount": null,
        "balance_transaction": transaction, "billing_details": billing_details(bill.email),
        "calculated_statement_descriptor": "SANDBOX", "captured": paid, "created": now,
        "currency": "usd", "customer": bill.customer, "description": bill.description,
        "disputed": false, "failure_balance_transaction": null,
        "failure_code": failure("card_declined"),
        "failure_message": failure("Your card was declined."), "fraud_details": {},
        "livemode": false, "metadata": bill.metadata, "on_behalf_of": null,
        "outcome": outcome(paid), "paid": paid, "payment_intent": intent,
        "payment_method": bill.method, "payment_method_details": card.charged(bill.amount),
        "presentment_details": null, "radar_options": {}, "receipt_email": null,
        "receipt_number": null, "receipt_url": null, "refunded": false, "review": null,
        "shipping": null, "source": null, "source_transfer": null,
        "statement_descriptor": null, "statement_descriptor_suffix": null,
        "status": if paid { "succeeded" } else { "failed" },
        "transfer_data": null, "transfer_group": null,
    })
}

fn decline(charge: &Value) -> Value {
    json!({
        "type": "card_error", "code": "card_declined", "decline_code": "generic_decline",
        "charge": charge["id"], "message": "Your card was declined.",
        "doc_url": "https://docs.stripe.com/error-codes/card-declined",
    })
}

fn intent_object(now: i64, id: &str, charge: &Value, bill: &Bill<'_>) -> Value {
    let paid = charge["paid"] == true;
    let error = if paid || charge.is_null() {
        Value::Null
    } else {
        decline(charge)
    };
    json!({
        "id": id, "object": "payment_intent", "amount": bill.amount, "amount_capturable": 0,
        "amount_details": { "tip": {} },
        "amount_received": if paid { bill.amount } else { 0 }, "application": null,
        "application_fee_amount": null, "automatic_payment_methods": null, "canceled_at": null,
        "cancellation_reason": null, "capture_method": "automatic",
        "client_secret": format!("{id}_secret_sandbox"), "confirmation_method": "automatic",
        "created": now, "currency": "usd", "customer": bill.customer,
        "description": bill.description, "excluded_payment_method_types": null,
        "last_payment_error": error,
        "latest_charge": charge["id"], "livemode": false, "metadata": bill.metadata,
        "next_action": null, "on_behalf_of": null,
        "payment_method": bill.method.filter(|_| paid),
        "payment_method_configuration_details": null,
        "payment_method_options": { "card": {
            "installments": null, "mandate_options": null, "network": null,
            "request_three_d_secure": "automatic", "setup_future_usage": "off_session",
        } },
        "payment_method_types": ["card"], "presentment_details": null, "processing": null,
        "receipt_email": null, "review": null, "setup_future_usage": "off_session",
        "shipping": null, "source": null, "statement_descriptor": null,
        "statement_descriptor_suffix": null,
        "status": if paid { "succeeded" } else { "requires_payment_method" },
        "transfer_data": null, "transfer_group": null,
    })
}
