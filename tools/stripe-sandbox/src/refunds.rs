//! Refunds: money that goes back to a card. Stripe keeps the fee of the charge.

use serde_json::{Value, json};

use crate::api::{Call, Endpoint};
use crate::balance::Movement;
use crate::cards::Behaviour;
use crate::clock::DAY;
use crate::error::{Answer, Refusal};
use crate::form::Params;
use crate::store::{PLATFORM, World, id_of};

pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint::post(
        "refunds",
        &[
            "charge",
            "payment_intent",
            "amount",
            "reason",
            "metadata",
            "metadata[*]",
        ],
        create,
    ),
    Endpoint::list("refunds", &["charge", "payment_intent"], list),
    Endpoint::get("refunds/*", &[], retrieve),
    Endpoint::post("refunds/*", &["metadata", "metadata[*]"], update),
    Endpoint::post("refunds/*/cancel", &[], cancel),
    Endpoint::list("charges/*/refunds", &[], list_of_charge),
];

const REASONS: &[&str] = &["duplicate", "fraudulent", "requested_by_customer"];

fn create(world: &mut World, call: &Call) -> Answer {
    let charge = world.refunded_charge(&call.params)?;
    let reason = call.params.one_of("reason", REASONS)?;
    let amount = refund_amount(&call.params, &charge)?;
    let metadata = call.params.merge_metadata("metadata", &Value::Null);
    Ok(world.refund(&charge, amount, reason.as_deref(), metadata))
}

/// What is to be refunded: all that is left of the charge, or less.
fn refund_amount(params: &Params, charge: &Value) -> Result<i64, Refusal> {
    let cents = |name: &str| charge[name].as_i64().unwrap_or(0);
    let left = cents("amount") - cents("amount_refunded");
    if left == 0 {
        let message = format!("Charge {} has already been refunded.", id_of(charge));
        return Err(Refusal::rule("charge_already_refunded", message));
    }
    if !params.has("amount") {
        return Ok(left);
    }
    let amount = params.amount("amount")?;
    if amount <= left {
        return Ok(amount);
    }
    let message = format!(
        "Refund amount ({amount}) is greater than unrefunded amount on charge ({left}), in cents."
    );
    Err(Refusal::invalid("amount", message))
}

fn list(world: &mut World, call: &Call) -> Answer {
    let names = ["charge", "payment_intent"];
    let by = names
        .into_iter()
        .find_map(|name| Some((format!("/{name}"), call.params.get(name)?)));
    let by = by.as_ref().map(|(field, id)| (field.as_str(), *id));
    world.page(call, "refund", by, |refund| {
        call.params.all_equal(refund, &names)
    })
}

fn list_of_charge(world: &mut World, call: &Call) -> Answer {
    world.get(PLATFORM, "charge", &call.id)?;
    world.page(call, "refund", Some(("/charge", &call.id)), |_| true)
}

fn retrieve(world: &mut World, call: &Call) -> Answer {
    world.get(PLATFORM, "refund", &call.id).cloned()
}

fn update(world: &mut World, call: &Call) -> Answer {
    let old = world.get(PLATFORM, "refund", &call.id)?;
    let metadata = call.params.merge_metadata("metadata", &old["metadata"]);
    let refund = world.edit(&call.id, |refund| refund["metadata"] = metadata);
    world.announce_refund(&refund);
    Ok(refund)
}

/// Stripe cancels refunds only while they wait for the customer, which cards never do.
fn cancel(world: &mut World, call: &Call) -> Answer {
    let refund = world.get(PLATFORM, "refund", &call.id)?;
    let status = refund["status"].as_str().unwrap_or_default();
    let message =
        format!("Only refunds that require action can be canceled; this one is {status}.");
    Err(Refusal::said(message))
}

impl World {
    /// The charge that a request wants refunded.
    ///
    /// # Errors
    /// When it names none, or one whose money is not there to give back.
    fn refunded_charge(&self, params: &Params) -> Answer {
        let charge = match (params.get("charge"), params.get("payment_intent")) {
            (Some(charge), None) => self.named("charge", "charge", charge)?,
            (None, Some(intent)) => {
                let intent = self.named("payment_intent", "payment_intent", intent)?;
                let charge = intent["latest_charge"].as_str().unwrap_or_default();
                self.named("charge", "payment_intent", charge)?
            }
            (Some(_), Some(_)) => {
                let message =
                    "You may only specify one of these parameters: charge, payment_intent.";
                return Err(Refusal::invalid("charge", message));
            }
            (None, None) => return Err(Refusal::missing("charge")),
        };
        if charge["paid"] != true {
            let message = "This charge did not succeed and cannot be refunded.";
            return Err(Refusal::rule("charge_not_refundable", message));
        }
        if self.is_under_dispute(id_of(charge)) {
            let message = format!(
                "Charge {} has been charged back; cannot issue a refund.",
                id_of(charge)
            );
            return Err(Refusal::rule("charge_disputed", message));
        }
        Ok(charge.clone())
    }

    /// When money that goes out for a charge goes out: not before the charge's own came in.
    pub fn matures_with(&self, charge: &Value) -> i64 {
        let transaction = charge["balance_transaction"]
            .as_str()
            .and_then(|id| self.any(id));
        let available_on = transaction.and_then(|txn| txn["available_on"].as_i64());
        available_on.unwrap_or(self.now).max(self.now)
    }

    fn refund(
        &mut self,
        charge: &Value,
        amount: i64,
        reason: Option<&str>,
        metadata: Value,
    ) -> Value {
        let id = self.mint("re");
        let behaviour = self
            .card(charge["payment_method"].as_str().unwrap_or_default())
            .behaviour;
        let transaction = self.book_refund("refund", &id, charge, -amount);
        let slow = behaviour == Behaviour::RefundIsSlow;
        let refund = self.put(
            PLATFORM,
            json!({
                "id": id, "object": "refund", "amount": amount,
                "balance_transaction": transaction, "charge": charge["id"],
                "created": self.now, "currency": "usd", "customer": charge["customer"],
                "customer_account": null, "destination_details": {
                    "type": "card", "card": {
                        "reference": null, "reference_status": "pending",
                        "reference_type": "acquirer_reference_number", "type": "refund",
                    },
                },
                "metadata": metadata, "payment_intent": charge["payment_intent"],
                "payment_method": charge["payment_method"],
                "pending_reason": slow.then_some("processing"), "reason": reason,
                "receipt_number": null, "source_transfer_reversal": null,
                "status": if slow { "pending" } else { "succeeded" }, "transfer_reversal": null,
            }),
        );
        if slow || behaviour == Behaviour::RefundFails {
            self.set_timer("refund", &id, self.now + DAY);
        }
        let charge = self.count_refunded(id_of(charge), amount);
        self.emit(PLATFORM, "charge.refunded", &charge);
        self.emit(PLATFORM, "refund.created", &refund);
        refund
    }

    fn book_refund(&mut self, kind: &str, id: &str, charge: &Value, amount: i64) -> String {
        let available_on = self.matures_with(charge);
        self.book(
            PLATFORM,
            Movement {
                kind,
                category: kind,
                amount,
                fee: 0,
                source: id,
                available_on,
                description: Some("REFUND FOR CHARGE".to_owned()),
            },
        )
    }

    fn count_refunded(&mut self, charge: &str, amount: i64) -> Value {
        self.edit(charge, |charge| {
            let refunded = charge["amount_refunded"].as_i64().unwrap_or(0) + amount;
            charge["amount_refunded"] = json!(refunded);
            charge["refunded"] = json!(charge["amount"] == refunded);
        })
    }

    /// A day after a refund to a card that does not take it at once: it arrives, or comes back.
    pub fn settle_refund(&mut self, id: &str) {
        let Some(refund) = self.find(PLATFORM, "refund", id).cloned() else {
            return;
        };
        if refund["status"] == "pending" {
            let refund = self.edit(id, |refund| {
                refund["status"] = json!("succeeded");
                refund["pending_reason"] = Value::Null;
            });
            self.announce_refund(&refund);
        } else {
            self.fail_refund(&refund);
        }
    }

    fn fail_refund(&mut self, refund: &Value) {
        let amount = refund["amount"].as_i64().unwrap_or(0);
        let charge = refund["charge"].as_str().and_then(|id| self.any(id));
        let charge = charge.cloned().unwrap_or_default();
        let back = self.book_refund("refund_failure", id_of(refund), &charge, amount);
        let charge = self.count_refunded(id_of(&charge), -amount);
        let failed = self.edit(id_of(refund), |refund| {
            refund["status"] = json!("failed");
            refund["failure_reason"] = json!("expired_or_canceled_card");
            refund["failure_balance_transaction"] = json!(back);
        });
        self.emit(PLATFORM, "refund.failed", &failed);
        self.announce_refund(&failed);
        self.emit(PLATFORM, "charge.updated", &charge);
    }

    fn announce_refund(&mut self, refund: &Value) {
        self.emit(PLATFORM, "refund.updated", refund);
        self.emit(PLATFORM, "charge.refund.updated", refund);
    }
}
