//! Stripe's test cards: the number says what happens.

use serde_json::{Value, json};

use crate::error::Refusal;

pub const GOOD: &str = "4242424242424242";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// Succeeds; the money is pending for two days.
    Pays,
    /// Succeeds; the money is available at once.
    PaysAtOnce,
    Declines,
    /// Can be attached, and declines every charge.
    AttachesThenDeclines,
    /// Succeeds, and is disputed right away, for a reason.
    Disputed(&'static str),
    /// Succeeds, and the bank asks what it was for.
    Inquired,
    /// Succeeds; its refunds succeed and fail a day later.
    RefundFails,
    /// Succeeds; its refunds are pending for a day.
    RefundIsSlow,
}

/// The numbers that do something of their own; any other number pays.
const TABLE: &[(&str, Behaviour)] = &[
    (GOOD, Behaviour::Pays),
    ("4000000000000077", Behaviour::PaysAtOnce),
    ("4000000000000002", Behaviour::Declines),
    ("4000000000000341", Behaviour::AttachesThenDeclines),
    ("4000000000000259", Behaviour::Disputed("fraudulent")),
    (
        "4000000000002685",
        Behaviour::Disputed("product_not_received"),
    ),
    ("4000000000001976", Behaviour::Inquired),
    ("4000000000005126", Behaviour::RefundFails),
    ("4000000000007726", Behaviour::RefundIsSlow),
];

/// Names that stand for a card in the place of its number, as payment method and as token.
const NAMES: &[(&str, &str)] = &[
    ("visa", GOOD),
    ("bypassPending", "4000000000000077"),
    ("chargeDeclined", "4000000000000002"),
    ("visa_chargeDeclined", "4000000000000002"),
    ("chargeCustomerFail", "4000000000000341"),
    ("createDispute", "4000000000000259"),
    ("createDisputeProductNotReceived", "4000000000002685"),
    ("createDisputeInquiry", "4000000000001976"),
    ("refundFail", "4000000000005126"),
    ("pendingRefund", "4000000000007726"),
];

/// The number behind `pm_card_visa` or `tok_visa`.
pub fn number_of(name: &str) -> Option<&'static str> {
    let short = name
        .strip_prefix("pm_card_")
        .or_else(|| name.strip_prefix("tok_"))?;
    let known = NAMES.iter().find(|(known, _)| *known == short);
    known.map(|(_, number)| *number)
}

#[derive(Debug, Clone)]
pub struct Card {
    pub number: String,
    pub behaviour: Behaviour,
}

impl Default for Card {
    fn default() -> Self {
        Self {
            number: GOOD.to_owned(),
            behaviour: Behaviour::Pays,
        }
    }
}

impl Card {
    /// Reads a number as people type it, with or without spaces.
    ///
    /// # Errors
    /// When it has not 12 to 19 digits.
    pub fn read(text: &str) -> Result<Self, Refusal> {
        let number: String = text
            .chars()
            .filter(|letter| !letter.is_whitespace())
            .collect();
        let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number || !(12..=19).contains(&number.len()) {
            let message = "Your card number is incorrect.";
            return Err(Refusal::param("incorrect_number", "card", message));
        }
        let known = TABLE.iter().find(|(known, _)| *known == number);
        let behaviour = known.map_or(Behaviour::Pays, |(_, behaviour)| *behaviour);
        Ok(Self { number, behaviour })
    }

    /// Whether a charge on it succeeds.
    pub fn pays(&self) -> bool {
        !matches!(
            self.behaviour,
            Behaviour::Declines | Behaviour::AttachesThenDeclines
        )
    }

    /// Whether it can be kept for later.
    pub fn can_be_kept(&self) -> bool {
        self.behaviour != Behaviour::Declines
    }

    fn last4(&self) -> &str {
        self.number
            .get(self.number.len().saturating_sub(4)..)
            .unwrap_or("4242")
    }

    fn checks() -> Value {
        json!({
            "address_line1_check": null, "address_postal_code_check": null, "cvc_check": "pass",
        })
    }

    /// As `payment_method.card` shows it.
    pub fn details(&self) -> Value {
        json!({
            "brand": "visa", "checks": Self::checks(), "country": "US",
            "display_brand": "visa", "exp_month": 12, "exp_year": 2040,
            "fingerprint": "Xt5EWLLDS7FJjR1c", "funding": "credit", "generated_from": null,
            "last4": self.last4(), "networks": { "available": ["visa"], "preferred": null },
            "regulated_status": "unregulated", "three_d_secure_usage": { "supported": true },
            "wallet": null,
        })
    }

    /// As `charge.payment_method_details` shows it.
    pub fn charged(&self, amount: i64) -> Value {
        json!({
            "type": "card",
            "card": {
                "amount_authorized": amount, "authorization_code": null, "brand": "visa",
                "checks": Self::checks(), "country": "US", "exp_month": 12, "exp_year": 2040,
                "extended_authorization": { "status": "disabled" },
                "fingerprint": "Xt5EWLLDS7FJjR1c", "funding": "credit",
                "incremental_authorization": { "status": "unavailable" },
                "installments": null, "last4": self.last4(), "mandate": null,
                "multicapture": { "status": "unavailable" }, "network": "visa",
                "network_token": { "used": false }, "network_transaction_id": null,
                "overcapture": { "maximum_amount_capturable": amount, "status": "unavailable" },
                "regulated_status": "unregulated", "three_d_secure": null, "wallet": null,
            },
        })
    }
}
