//! Disputes as people see and answer them.

use serde_json::{Value, json};

use crate::api::{Call, Endpoint};
use crate::clock::DAY;
use crate::error::{Answer, Refusal};
use crate::form::Params;
use crate::store::{PLATFORM, World};

const UPDATE: &[&str] = &[
    "evidence[access_activity_log]",
    "evidence[billing_address]",
    "evidence[cancellation_policy]",
    "evidence[cancellation_policy_disclosure]",
    "evidence[cancellation_rebuttal]",
    "evidence[customer_communication]",
    "evidence[customer_email_address]",
    "evidence[customer_name]",
    "evidence[customer_purchase_ip]",
    "evidence[customer_signature]",
    "evidence[duplicate_charge_documentation]",
    "evidence[duplicate_charge_explanation]",
    "evidence[duplicate_charge_id]",
    "evidence[product_description]",
    "evidence[receipt]",
    "evidence[refund_policy]",
    "evidence[refund_policy_disclosure]",
    "evidence[refund_refusal_explanation]",
    "evidence[service_date]",
    "evidence[service_documentation]",
    "evidence[shipping_address]",
    "evidence[shipping_carrier]",
    "evidence[shipping_date]",
    "evidence[shipping_documentation]",
    "evidence[shipping_tracking_number]",
    "evidence[uncategorized_file]",
    "evidence[uncategorized_text]",
    "submit",
    "metadata",
    "metadata[*]",
];

pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint::list("disputes", &["charge", "payment_intent"], list),
    Endpoint::get("disputes/*", &[], retrieve),
    Endpoint::post("disputes/*", UPDATE, update),
    Endpoint::post("disputes/*/close", &[], close),
];

/// Time to answer a dispute or an inquiry.
pub const ANSWER_TIME: i64 = 9 * DAY;

/// What a bank may say it is about.
const REASONS: &[&str] = &[
    "bank_cannot_process",
    "check_returned",
    "credit_not_processed",
    "customer_initiated",
    "debit_not_authorized",
    "duplicate",
    "fraudulent",
    "general",
    "incorrect_account_details",
    "insufficient_funds",
    "noncompliant",
    "product_not_received",
    "product_unacceptable",
    "subscription_canceled",
    "unrecognized",
];

fn list(world: &mut World, call: &Call) -> Answer {
    let names = ["charge", "payment_intent"];
    let by = names
        .into_iter()
        .find_map(|name| Some((format!("/{name}"), call.params.get(name)?)));
    let by = by.as_ref().map(|(field, id)| (field.as_str(), *id));
    world.page(call, "dispute", by, |dispute| {
        call.params.all_equal(dispute, &names)
    })
}

fn retrieve(world: &mut World, call: &Call) -> Answer {
    world.get(PLATFORM, "dispute", &call.id).cloned()
}

fn update(world: &mut World, call: &Call) -> Answer {
    let old = world.get(PLATFORM, "dispute", &call.id)?.clone();
    let evidence = call.params.map("evidence");
    let submit = call.params.flag("submit")?;
    let answers = !evidence.is_empty() || submit.is_some();
    if answers && !needs_answer(&old) {
        return Err(not_open(&old));
    }
    let metadata = call.params.merge_metadata("metadata", &old["metadata"]);
    let dispute = world.edit(&call.id, |dispute| {
        dispute["metadata"] = metadata;
        dispute["evidence_details"]["has_evidence"] =
            json!(!evidence.is_empty() || old["evidence_details"]["has_evidence"] == true);
        for (name, value) in &evidence {
            dispute["evidence"][name] = if value == "" {
                Value::Null
            } else {
                value.clone()
            };
        }
    });
    // Evidence is handed in at once unless the request says that it is only to be kept.
    if answers && submit != Some(false) {
        return Ok(world.submit_evidence(&dispute));
    }
    world.emit(PLATFORM, "charge.dispute.updated", &dispute);
    Ok(dispute)
}

fn close(world: &mut World, call: &Call) -> Answer {
    let dispute = world.get(PLATFORM, "dispute", &call.id)?.clone();
    if !needs_answer(&dispute) {
        return Err(not_open(&dispute));
    }
    Ok(world.give_in(&dispute))
}

pub fn is_inquiry(dispute: &Value) -> bool {
    let status = dispute["status"].as_str().unwrap_or_default();
    status.starts_with("warning_")
}

pub fn needs_answer(dispute: &Value) -> bool {
    let status = &dispute["status"];
    status == "needs_response" || status == "warning_needs_response"
}

fn not_open(dispute: &Value) -> Refusal {
    let status = dispute["status"].as_str().unwrap_or_default();
    Refusal::said(format!(
        "This dispute is {status} and can no longer be answered."
    ))
}

/// A dispute that is to be made of a charge.
pub struct Claim {
    pub reason: String,
    pub amount: Option<i64>,
    /// A question of the bank, which takes no money yet.
    pub inquiry: bool,
}

impl Claim {
    /// Reads `reason`, `amount` and `inquiry`, all optional.
    pub fn read(params: &Params) -> Result<Self, Refusal> {
        let reason = params.one_of("reason", REASONS)?;
        let amount = if params.has("amount") {
            Some(params.amount("amount")?)
        } else {
            None
        };
        Ok(Self {
            reason: reason.unwrap_or_else(|| "fraudulent".to_owned()),
            amount,
            inquiry: params.flag("inquiry")?.unwrap_or(false),
        })
    }
}

/// The code that a card network files a reason under.
fn network_code(reason: &str) -> &'static str {
    match reason {
        "fraudulent" | "unrecognized" => "10.4",
        "product_not_received" => "13.1",
        "subscription_canceled" => "13.2",
        "product_unacceptable" => "13.3",
        "credit_not_processed" => "13.6",
        "duplicate" => "12.6",
        _ => "13.7",
    }
}

pub fn dispute_object(now: i64, id: &str, charge: &Value, claim: &Claim, amount: i64) -> Value {
    let (status, case) = if claim.inquiry {
        ("warning_needs_response", "inquiry")
    } else {
        ("needs_response", "chargeback")
    };
    let code = network_code(&claim.reason);
    json!({
        "id": id, "object": "dispute", "amount": amount, "balance_transactions": [],
        "charge": charge["id"], "created": now, "currency": "usd",
        "enhanced_eligibility_types": [], "evidence": no_evidence(charge),
        "evidence_details": {
            "due_by": now + ANSWER_TIME, "enhanced_eligibility": {},
            "has_evidence": false, "past_due": false, "submission_count": 0,
            "submission_method": "not_submitted",
        },
        "is_charge_refundable": claim.inquiry, "livemode": false, "metadata": {},
        "network_reason_code": code, "payment_intent": charge["payment_intent"],
        "payment_method_details": {
            "type": "card", "card": {
                "brand": "visa", "case_type": case, "network": "visa",
                "network_reason_code": code,
            },
        },
        "reason": claim.reason, "status": status,
    })
}

fn no_evidence(charge: &Value) -> Value {
    json!({
        "access_activity_log": null, "billing_address": null, "cancellation_policy": null,
        "cancellation_policy_disclosure": null, "cancellation_rebuttal": null,
        "customer_communication": null,
        "customer_email_address": charge["billing_details"]["email"], "customer_name": null,
        "customer_purchase_ip": null, "customer_signature": null,
        "duplicate_charge_documentation": null, "duplicate_charge_explanation": null,
        "duplicate_charge_id": null, "enhanced_evidence": {}, "product_description": null,
        "receipt": null, "refund_policy": null, "refund_policy_disclosure": null,
        "refund_refusal_explanation": null, "service_date": null,
        "service_documentation": null, "shipping_address": null, "shipping_carrier": null,
        "shipping_date": null, "shipping_documentation": null,
        "shipping_tracking_number": null, "uncategorized_file": null,
        "uncategorized_text": null,
    })
}
