//! The moment somebody pays a checkout session: all that Stripe makes of it, in its order.

use serde_json::{Value, json};

use crate::api::no_address;
use crate::cards::{Card, GOOD};
use crate::charges::Bill;
use crate::discounts::Wanted;
use crate::error::{Answer, Refusal};
use crate::invoices::dues;
use crate::lines::Line;
use crate::offers::recurs;
use crate::quotes::Quote;
use crate::store::{PLATFORM, World, id_of};
use crate::terms::First;

/// What a buyer puts into the form.
#[derive(Default)]
pub struct Payer {
    /// Absent: none was typed.
    pub card: Option<Card>,
    pub promotion_code: Option<String>,
}

/// What a new subscription starts from.
pub struct Setup<'a> {
    pub customer: &'a Value,
    pub method: Option<&'a str>,
    pub first: First,
    /// The session's plan: offers, metadata, tax rates.
    pub plan: &'a Value,
    pub coupons: &'a [Wanted],
    pub session: &'a str,
}

impl World {
    /// Pays a session, and answers the session as it then is.
    ///
    /// # Errors
    /// When the session is not open, the code cannot be redeemed or the card is declined: then
    /// nothing has changed.
    pub fn complete_session(&mut self, id: &str, payer: &Payer) -> Answer {
        let (session, mut plan) = self.open_session(id)?;
        let coupons = self.session_coupons(&session, &plan, payer)?;
        let quote = Quote::of(self, &plan, session["mode"] == "subscription", &coupons);
        let total = quote.sums.total;
        let due = if quote.first.is_some() {
            self.session_due(&session, total)
        } else {
            total
        };
        let card = card_for(&plan, payer, due)?;
        let customer = self.payer(&session);
        let email = customer["email"].as_str().unwrap_or_default().to_owned();
        let method = card.map(|card| self.attach_card(id_of(&customer), &email, &card));
        plan["line_items"] = quote.line_items(self, &plan);
        self.set_row("plan", id, plan.clone());
        let mut done =
            json!({ "discounts": coupons.iter().map(Wanted::to_json).collect::<Vec<_>>() });
        quote.show(&mut done);
        let method = method.as_deref();
        let paid = match quote.first {
            Some(first) => {
                let (customer, plan, coupons) = (&customer, &plan, &coupons[..]);
                let setup = Setup {
                    customer,
                    method,
                    first,
                    plan,
                    coupons,
                    session: id,
                };
                self.start(&setup, &mut done)
            }
            None => {
                coupons.iter().for_each(|wanted| self.count_use(wanted));
                self.pay_once(&customer, method, total, &plan, &mut done)
            }
        };
        done["payment_status"] = json!(if paid { "paid" } else { "no_payment_required" });
        Ok(self.close_session(id, &customer, &done))
    }

    /// The coupons that a session redeems; all are looked at again, since it may have been
    /// open for a day.
    fn session_coupons(
        &self,
        session: &Value,
        plan: &Value,
        payer: &Payer,
    ) -> Result<Vec<Wanted>, Refusal> {
        let customer = session["customer"].as_str();
        let offers = plan["offers"].as_array().into_iter().flatten();
        let amount = offers.map(crate::offers::full_amount).sum();
        let mut coupons = Vec::new();
        for kept in plan["discounts"].as_array().into_iter().flatten() {
            coupons.push(match kept["promotion_code"].as_str() {
                Some(code) => self.by_code("promotion_code", code, customer, amount)?,
                None => {
                    let id = kept["coupon"].as_str().unwrap_or_default();
                    Wanted {
                        coupon: self.open_coupon("discounts", id)?,
                        promotion_code: None,
                    }
                }
            });
        }
        if let Some(code) = &payer.promotion_code {
            if session["allow_promotion_codes"] != true {
                let message = "This session takes no promotion codes.";
                return Err(Refusal::invalid("promotion_code", message));
            }
            coupons.push(self.by_code("promotion_code", code, customer, amount)?);
        }
        Ok(coupons)
    }

    /// What is charged for a first invoice, with the customer's balance.
    fn session_due(&self, session: &Value, total: i64) -> i64 {
        let customer = session["customer"].as_str().and_then(|id| self.any(id));
        let balance = customer.and_then(|customer| customer["balance"].as_i64());
        dues(total, balance.unwrap_or(0)).0
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

    fn start(&mut self, setup: &Setup<'_>, done: &mut Value) -> bool {
        let subscription = self.create_subscription(setup);
        let id = id_of(&subscription).to_owned();
        done["subscription"] = json!(id);
        let mut billed = self.once_lines(setup.plan);
        if setup.first.free && billed.is_empty() {
            self.emit(PLATFORM, "customer.subscription.created", &subscription);
            return false;
        }
        if !setup.first.free {
            let share = |amount| setup.first.share_of(amount);
            let prorated = setup.first.is_prorated();
            billed.extend(Line::of_period(&subscription, share, prorated));
        }
        let invoice = self.draft_invoice(&subscription, &billed, "subscription_create");
        done["invoice"] = json!(id_of(&invoice));
        let latest = invoice["id"].clone();
        let subscription = self.edit(&id, |sub| sub["latest_invoice"] = latest);
        self.emit(PLATFORM, "customer.subscription.created", &subscription);
        let invoice = self.collect_invoice(&invoice);
        self.announce_trial_end(&id);
        invoice["amount_paid"].as_i64().is_some_and(|paid| paid > 0)
    }

    /// The lines of a session's plan that are paid once.
    fn once_lines(&mut self, plan: &Value) -> Vec<Line> {
        let offers = plan["offers"].as_array().into_iter().flatten();
        let once = offers.filter(|offer| !recurs(offer));
        once.map(|offer| {
            let product = offer["price"]["product"]
                .as_str()
                .and_then(|id| self.any(id));
            let name = product.and_then(|product| product["name"].as_str());
            let what = name.unwrap_or("One-time payment").to_owned();
            Line::once(offer, self.mint("ii"), &what, self.now)
        })
        .collect()
    }

    fn pay_once(
        &mut self,
        customer: &Value,
        method: Option<&str>,
        amount: i64,
        plan: &Value,
        done: &mut Value,
    ) -> bool {
        if amount == 0 {
            return false;
        }
        let payment = self.charge(&Bill {
            amount,
            customer: id_of(customer),
            email: customer["email"].as_str().unwrap_or_default(),
            method,
            description: plan["payment_description"].as_str().unwrap_or("Payment"),
            metadata: plan["payment_metadata"].clone(),
            intent: None,
        });
        self.emit_payment(&payment);
        self.dispute_by_card(&payment);
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

/// The card that is kept and charged; none only where none is needed and none was typed.
fn card_for(plan: &Value, payer: &Payer, due: i64) -> Result<Option<Card>, Refusal> {
    let needed = due > 0 || plan["collects"] != "if_required";
    let card = match &payer.card {
        Some(card) => card.clone(),
        None if needed => Card::read(GOOD)?,
        None => return Ok(None),
    };
    if card.can_be_kept() && (due == 0 || card.pays()) {
        return Ok(Some(card));
    }
    Err(Refusal::declined("generic_decline"))
}
