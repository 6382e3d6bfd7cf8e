//! The moment somebody pays a checkout session: all that Stripe makes of it, in its order.

use serde_json::{Value, json};

use crate::api::no_address;
use crate::cards::{Behaviour, Card};
use crate::charges::{Bill, CHARGE_MIN};
use crate::error::{Answer, Refusal};
use crate::invoices::Line;
use crate::store::{PLATFORM, World, id_of};
use crate::terms::First;

impl World {
    /// Pays a session with a card, and answers the session as it then is.
    ///
    /// # Errors
    /// When the session is not open, or the card is declined: then nothing has changed.
    pub fn complete_session(&mut self, id: &str, card: &Card) -> Answer {
        let (session, plan) = self.open_session(id)?;
        let subscribes = session["mode"] == "subscription";
        let lines = plan["line_items"].as_array().cloned().unwrap_or_default();
        let full: i64 = lines
            .iter()
            .filter_map(|line| line["amount_total"].as_i64())
            .sum();
        let free = plan["free"] == true;
        // A session may be paid after the anchor that it was opened with; then the month is whole.
        let anchor = plan["anchor"].as_i64().filter(|anchor| *anchor > self.now);
        let first = First::plan(self.now, anchor, free)?;
        let total = if subscribes {
            first.share_of(full)
        } else {
            full
        };
        check_card(card, total)?;
        let customer = self.payer(&session);
        let email = customer["email"].as_str().unwrap_or_default().to_owned();
        let method = self.attach_card(id_of(&customer), &email, card);
        let mut done = json!({ "amount_subtotal": total, "amount_total": total });
        let paid = if subscribes {
            let setup = Setup {
                customer: &customer,
                method: &method,
                first,
                metadata: &plan["metadata"],
            };
            self.start(&setup, &lines, &mut done)
        } else {
            self.pay_once(
                &customer,
                &method,
                total,
                &plan["payment_metadata"],
                &mut done,
            )
        };
        done["payment_status"] = json!(if paid { "paid" } else { "no_payment_required" });
        Ok(self.close_session(id, &customer, &done))
    }

    /// The session's customer; a new one when it has none yet.
    fn payer(&mut self, session: &Value) -> Value {
        let known = session["customer"]
            .as_str()
            .and_then(|id| self.any(id))
            .cloned();
        known.unwrap_or_else(|| {
            let email = session["customer_email"]
                .as_str()
                .unwrap_or("buyer@example.com");
            self.create_customer(Some(email), json!({}))
        })
    }

    fn start(&mut self, setup: &Setup<'_>, lines: &[Value], done: &mut Value) -> bool {
        let subscription = self.create_subscription(setup, lines);
        done["subscription"] = json!(id_of(&subscription));
        if setup.first.free {
            self.emit(PLATFORM, "customer.subscription.created", &subscription);
            return false;
        }
        let billed = Line::of_subscription(&subscription, |amount| setup.first.share_of(amount));
        let billed = billed
            .into_iter()
            .map(|line| line.prorated(setup.first.is_prorated()));
        let invoice = self.draft_invoice(&subscription, billed.collect(), "subscription_create");
        done["invoice"] = json!(id_of(&invoice));
        let latest = invoice["id"].clone();
        let subscription = self.edit(id_of(&subscription), |sub| sub["latest_invoice"] = latest);
        self.emit(PLATFORM, "customer.subscription.created", &subscription);
        let invoice = self.collect_invoice(invoice, setup.method);
        invoice["amount_paid"].as_i64().is_some_and(|paid| paid > 0)
    }

    fn pay_once(
        &mut self,
        customer: &Value,
        method: &str,
        amount: i64,
        metadata: &Value,
        done: &mut Value,
    ) -> bool {
        let payment = self.charge(&Bill {
            amount,
            customer: id_of(customer),
            email: customer["email"].as_str().unwrap_or_default(),
            method,
            description: "Payment",
            metadata: metadata.clone(),
        });
        self.emit_payment(&payment);
        done["payment_intent"] = payment.intent["id"].clone();
        true
    }

    fn close_session(&mut self, id: &str, customer: &Value, done: &Value) -> Value {
        self.drop_timer("expire", id);
        let session = self.edit(id, |session| {
            for (name, value) in done.as_object().into_iter().flatten() {
                session[name] = value.clone();
            }
            session["status"] = json!("complete");
            session["url"] = Value::Null;
            session["customer"] = customer["id"].clone();
            session["customer_details"] = json!({
                "address": no_address(), "email": customer["email"], "name": null,
                "phone": null, "tax_exempt": "none", "tax_ids": [], "business_name": null,
                "individual_name": null,
            });
        });
        self.emit(PLATFORM, "checkout.session.completed", &session);
        session
    }
}

/// What a new subscription starts from.
pub struct Setup<'a> {
    pub customer: &'a Value,
    pub method: &'a str,
    pub first: First,
    pub metadata: &'a Value,
}

fn check_card(card: &Card, total: i64) -> Result<(), Refusal> {
    let charged = total >= CHARGE_MIN;
    match card.behaviour {
        Behaviour::Declines => Err(Refusal::declined("generic_decline")),
        Behaviour::AttachesThenDeclines if charged => Err(Refusal::declined("generic_decline")),
        Behaviour::AttachesThenDeclines | Behaviour::Pays | Behaviour::PaysAtOnce => Ok(()),
    }
}
