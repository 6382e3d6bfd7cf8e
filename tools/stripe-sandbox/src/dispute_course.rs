//! The course of a dispute: the bank takes the money, hears the answer, and decides.

use serde_json::{Value, json};

use crate::balance::Movement;
use crate::cards::Behaviour;
use crate::charges::Payment;
use crate::clock::DAY;
use crate::disputes::{ANSWER_TIME, Claim, dispute_object, is_inquiry};
use crate::error::{Answer, Refusal};
use crate::store::{PLATFORM, World, id_of};

/// What Stripe takes for a dispute, in cents; it gives it back when the dispute is won.
pub const DISPUTE_FEE: i64 = 1500;
/// How long the bank thinks about evidence.
const DECISION: i64 = DAY;

impl World {
    /// Whether a charge's money is with the bank, or lost to it.
    pub fn is_under_dispute(&self, charge: &str) -> bool {
        let disputes = self.list(PLATFORM, "dispute", Some(("/charge", charge)));
        let mut disputes = disputes.iter().filter_map(|(_, id)| self.any(id));
        disputes.any(|dispute| dispute["status"] != "won" && !is_inquiry(dispute))
    }

    /// Disputes a charge as the card says that it was paid with, if it says so.
    pub fn dispute_by_card(&mut self, payment: &Payment) {
        let method = payment.charge["payment_method"]
            .as_str()
            .unwrap_or_default();
        let (reason, inquiry) = match self.card(method).behaviour {
            Behaviour::Disputed(reason) => (reason, false),
            Behaviour::Inquired => ("general", true),
            Behaviour::Pays
            | Behaviour::PaysAtOnce
            | Behaviour::Declines
            | Behaviour::AttachesThenDeclines
            | Behaviour::RefundFails
            | Behaviour::RefundIsSlow => return,
        };
        if payment.succeeded {
            let claim = Claim {
                reason: reason.to_owned(),
                amount: None,
                inquiry,
            };
            let amount = payment.charge["amount"].as_i64().unwrap_or(0);
            self.open_dispute(&payment.charge, &claim, amount);
        }
    }

    /// Disputes a charge that was made some time ago.
    ///
    /// # Errors
    /// When it did not succeed, was disputed before, or is asked for more than is left of it.
    pub fn dispute_charge(&mut self, id: &str, claim: &Claim) -> Answer {
        let charge = self.get(PLATFORM, "charge", id)?.clone();
        if charge["paid"] != true || charge["disputed"] == true {
            let message = "Only a charge that succeeded and was not disputed can be disputed.";
            return Err(Refusal::said(message));
        }
        let cents = |name: &str| charge[name].as_i64().unwrap_or(0);
        let left = cents("amount") - cents("amount_refunded");
        let amount = claim.amount.unwrap_or(left);
        if amount < 1 || amount > left {
            let message = format!("Between 1 and {left} cents of this charge can be disputed.");
            return Err(Refusal::invalid("amount", message));
        }
        Ok(self.open_dispute(&charge, claim, amount))
    }

    fn open_dispute(&mut self, charge: &Value, claim: &Claim, amount: i64) -> Value {
        let id = self.mint("du");
        let dispute = dispute_object(self.now, &id, charge, claim, amount);
        let due_by = dispute["evidence_details"]["due_by"].as_i64();
        self.put(PLATFORM, dispute.clone());
        self.edit(id_of(charge), |charge| charge["disputed"] = json!(true));
        self.set_timer("dispute", &id, due_by.unwrap_or(self.now));
        if claim.inquiry {
            self.emit(PLATFORM, "charge.dispute.created", &dispute);
            return dispute;
        }
        let dispute = self.move_disputed(&dispute, -1);
        self.emit(PLATFORM, "charge.dispute.created", &dispute);
        self.emit(PLATFORM, "charge.dispute.funds_withdrawn", &dispute);
        dispute
    }

    /// Takes the disputed money and the fee (-1), or gives both back (1).
    fn move_disputed(&mut self, dispute: &Value, sign: i64) -> Value {
        let charge = dispute["charge"].as_str().and_then(|id| self.any(id));
        let charge = charge.cloned().unwrap_or_default();
        let available_on = self.matures_with(&charge);
        let (category, what) = if sign < 0 {
            ("dispute", "Chargeback withdrawal for")
        } else {
            ("dispute_reversal", "Chargeback reversal for")
        };
        let transaction = self.book(
            PLATFORM,
            Movement {
                kind: "adjustment",
                category,
                amount: sign * dispute["amount"].as_i64().unwrap_or(0),
                fee: -sign * DISPUTE_FEE,
                source: id_of(dispute),
                available_on,
                description: Some(format!("{what} {}", id_of(&charge))),
            },
        );
        let transaction = self.any(&transaction).cloned().unwrap_or_default();
        self.edit(id_of(dispute), |dispute| {
            if let Some(all) = dispute["balance_transactions"].as_array_mut() {
                all.push(transaction);
            }
        })
    }

    /// Hands the evidence to the bank, which decides a day later.
    pub fn submit_evidence(&mut self, dispute: &Value) -> Value {
        let status = if is_inquiry(dispute) {
            "warning_under_review"
        } else {
            "under_review"
        };
        self.set_timer("dispute", id_of(dispute), self.now + DECISION);
        let submitted = self.edit(id_of(dispute), |dispute| {
            let count = dispute["evidence_details"]["submission_count"].as_i64();
            dispute["status"] = json!(status);
            dispute["evidence_details"]["submission_count"] = json!(count.unwrap_or(0) + 1);
            dispute["evidence_details"]["submission_method"] = json!("manual");
        });
        self.emit(PLATFORM, "charge.dispute.updated", &submitted);
        submitted
    }

    /// Ends a dispute without an answer: it is lost, an inquiry just closed.
    pub fn give_in(&mut self, dispute: &Value) -> Value {
        self.drop_timer("dispute", id_of(dispute));
        let status = if is_inquiry(dispute) {
            "warning_closed"
        } else {
            "lost"
        };
        self.close_dispute(dispute, status)
    }

    fn close_dispute(&mut self, dispute: &Value, status: &str) -> Value {
        let closed = self.edit(id_of(dispute), |dispute| {
            dispute["status"] = json!(status);
            dispute["is_charge_refundable"] = json!(status != "lost");
        });
        self.emit(PLATFORM, "charge.dispute.closed", &closed);
        closed
    }

    /// The bank decides, or the time to answer is over.
    pub fn resolve_dispute(&mut self, id: &str) {
        let Some(dispute) = self.find(PLATFORM, "dispute", id).cloned() else {
            return;
        };
        let text = dispute["evidence"]["uncategorized_text"].as_str();
        match (dispute["status"].as_str().unwrap_or_default(), text) {
            ("under_review", Some("winning_evidence")) => self.win_dispute(&dispute),
            ("under_review", _) => {
                self.close_dispute(&dispute, "lost");
            }
            ("warning_under_review", Some("escalate_inquiry_evidence")) => self.escalate(&dispute),
            ("warning_under_review", _) => {
                self.close_dispute(&dispute, "warning_closed");
            }
            _ => {
                let late = self.edit(id, |dispute| {
                    dispute["evidence_details"]["past_due"] = json!(true);
                });
                self.give_in(&late);
            }
        }
    }

    fn win_dispute(&mut self, dispute: &Value) {
        let dispute = self.move_disputed(dispute, 1);
        let won = self.close_dispute(&dispute, "won");
        self.emit(PLATFORM, "charge.dispute.funds_reinstated", &won);
    }

    /// The bank is not content with the answer to its question, and takes what was not refunded
    /// meanwhile.
    fn escalate(&mut self, dispute: &Value) {
        let (id, due_by) = (id_of(dispute), self.now + ANSWER_TIME);
        let charge = dispute["charge"].as_str().and_then(|id| self.any(id));
        let cents = |name: &str| charge.and_then(|charge| charge[name].as_i64()).unwrap_or(0);
        let left = cents("amount") - cents("amount_refunded");
        let amount = left.min(dispute["amount"].as_i64().unwrap_or(0));
        if amount < 1 {
            self.close_dispute(dispute, "warning_closed");
            return;
        }
        self.set_timer("dispute", id, due_by);
        let escalated = self.edit(id, |dispute| {
            dispute["amount"] = json!(amount);
            dispute["status"] = json!("needs_response");
            dispute["is_charge_refundable"] = json!(false);
            dispute["evidence_details"]["due_by"] = json!(due_by);
            dispute["payment_method_details"]["card"]["case_type"] = json!("chargeback");
        });
        let escalated = self.move_disputed(&escalated, -1);
        self.emit(PLATFORM, "charge.dispute.updated", &escalated);
        self.emit(PLATFORM, "charge.dispute.funds_withdrawn", &escalated);
    }
}
