//! What may be done to an invoice that is not paid: pay it, void it, give it up.

use serde_json::{Value, json};

use crate::api::{Call, Endpoint};
use crate::cards::Card;
use crate::error::{Answer, Refusal};
use crate::store::{PLATFORM, World, id_of};

pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint::post("invoices/*/pay", &["payment_method", "off_session"], pay),
    Endpoint::post("invoices/*/void", &[], void),
    Endpoint::post("invoices/*/mark_uncollectible", &[], mark_uncollectible),
];

/// Charges now. A card that declines leaves the invoice open, one attempt richer.
fn pay(world: &mut World, call: &Call) -> Answer {
    call.params.flag("off_session")?;
    let invoice = world.unpaid_invoice(&call.id)?;
    let customer = invoice["customer"].as_str().unwrap_or_default();
    let method = match call.params.get("payment_method") {
        Some(method) => Some(world.own_method(customer, "payment_method", method)?),
        None => world.invoice_method(&invoice),
    };
    let Some(method) = method else {
        let message = "There is no `default_payment_method` set on this Customer or Invoice. \
                       Please set a `default_payment_method`.";
        return Err(Refusal::rule("resource_missing", message));
    };
    world.pay_invoice(&invoice, &method)
}

fn void(world: &mut World, call: &Call) -> Answer {
    let invoice = world.unpaid_invoice(&call.id)?;
    let now = world.now;
    world.give_up_retry(&call.id);
    world.cancel_payment(&call.id);
    let voided = world.edit(&call.id, |invoice| {
        invoice["status"] = json!("void");
        invoice["amount_remaining"] = json!(0);
        invoice["status_transitions"]["voided_at"] = json!(now);
    });
    world.give_balance_back(&invoice);
    world.emit(PLATFORM, "invoice.voided", &voided);
    world.follow_invoice(&voided);
    Ok(voided)
}

fn mark_uncollectible(world: &mut World, call: &Call) -> Answer {
    let invoice = world.get(PLATFORM, "invoice", &call.id)?;
    if invoice["status"] != "open" {
        return Err(closed(invoice));
    }
    let now = world.now;
    world.give_up_retry(&call.id);
    let marked = world.edit(&call.id, |invoice| {
        invoice["status"] = json!("uncollectible");
        invoice["status_transitions"]["marked_uncollectible_at"] = json!(now);
    });
    world.emit(PLATFORM, "invoice.marked_uncollectible", &marked);
    world.follow_invoice(&marked);
    Ok(marked)
}

fn closed(invoice: &Value) -> Refusal {
    let status = invoice["status"].as_str().unwrap_or_default();
    let message = format!("This invoice is {status} and can no longer be changed like this.");
    Refusal::rule("invoice_not_editable", message)
}

impl World {
    /// An invoice that money may still come in for.
    pub fn unpaid_invoice(&self, id: &str) -> Answer {
        let invoice = self.get(PLATFORM, "invoice", id)?;
        if invoice["status"] == "open" || invoice["status"] == "uncollectible" {
            return Ok(invoice.clone());
        }
        Err(closed(invoice))
    }

    fn pay_invoice(&mut self, invoice: &Value, method: &str) -> Answer {
        let invoice = self.attempt_invoice(invoice, Some(method));
        if invoice["status"] == "paid" {
            return Ok(invoice);
        }
        Err(Refusal::declined("generic_decline"))
    }

    /// Pays an invoice with a card, as its page does; the card is kept, and used once.
    ///
    /// # Errors
    /// When the invoice is not open, or the card is declined.
    pub fn complete_invoice(&mut self, id: &str, card: &Card) -> Answer {
        let invoice = self.unpaid_invoice(id)?;
        if !card.can_be_kept() {
            return Err(Refusal::declined("generic_decline"));
        }
        let text = |name: &str| invoice[name].as_str().unwrap_or_default();
        let method = self.attach_card(text("customer"), text("customer_email"), card);
        self.pay_invoice(&invoice, &method)
    }

    /// What an invoice took from the customer's balance, or put onto it, is undone.
    fn give_balance_back(&mut self, invoice: &Value) {
        let amount = |name: &str| invoice[name].as_i64().unwrap_or(0);
        let taken = amount("ending_balance") - amount("starting_balance");
        let customer = invoice["customer"].as_str().unwrap_or_default();
        let old = self.any(customer).and_then(|it| it["balance"].as_i64());
        let Some(old) = old.filter(|_| taken != 0) else {
            return;
        };
        let new = self.edit(customer, |it| it["balance"] = json!(old - taken));
        let before = Some(json!({ "balance": old }));
        self.emit_change(PLATFORM, "customer.updated", &new, before);
    }

    /// The id of a payment method, if it is this customer's.
    pub fn own_method(&self, customer: &str, param: &str, id: &str) -> Result<String, Refusal> {
        let method = self.named("payment_method", param, id)?;
        if method["customer"] == customer {
            return Ok(id_of(method).to_owned());
        }
        let message = format!("The payment method {id} does not belong to this customer.");
        Err(Refusal::invalid(param, message))
    }
}
