//! Bank accounts to pay out to: the test number says what the bank will answer.

use serde_json::{Value, json};

use crate::error::Refusal;
use crate::store::World;

pub const GOOD_NUMBER: &str = "000123456789";
pub const ROUTING: &str = "110000000";

/// Account numbers whose payouts fail, with the failure code and what people are told.
const FAILING: &[(&str, &str, &str)] = &[
    (
        "000111111116",
        "no_account",
        "The bank account could not be found.",
    ),
    (
        "000111111113",
        "account_closed",
        "The bank account has been closed.",
    ),
    (
        "000222222227",
        "insufficient_funds",
        "The bank account has insufficient funds.",
    ),
    (
        "000333333335",
        "debit_not_authorized",
        "Debits are not approved on the bank account.",
    ),
    (
        "000444444440",
        "invalid_currency",
        "The bank could not process the currency.",
    ),
    (
        "DE62370400440532013001",
        "no_account",
        "The bank account could not be found.",
    ),
];

/// Takes a payout and sends it back two business days later. This sandbox's own number.
const RETURNING: &str = "000555555559";
/// Why a bank that takes money sends it back.
pub const RETURN_CODE: &str = "account_closed";

/// The reasons that Stripe gives for the failure of a payout.
pub const FAILURE_CODES: &[&str] = &[
    "account_closed",
    "account_frozen",
    "bank_account_restricted",
    "bank_ownership_changed",
    "could_not_process",
    "debit_not_authorized",
    "declined",
    "incorrect_account_holder_address",
    "incorrect_account_holder_name",
    "incorrect_account_holder_tax_id",
    "insufficient_funds",
    "invalid_account_number",
    "invalid_currency",
    "no_account",
    "unsupported_card",
];

/// What people are told with a failure code.
pub fn failure_message(code: &str) -> &'static str {
    let mut known = FAILING.iter().filter(|(_, own, _)| *own == code);
    known
        .next()
        .map_or("The bank could not process this payout.", |(_, _, text)| {
            text
        })
}

/// Why payouts to a number fail, `None` when they arrive.
fn failure(number: &str) -> Option<&'static str> {
    FAILING
        .iter()
        .find(|(known, ..)| *known == number)
        .map(|(_, code, _)| *code)
}

/// A bank account as its owner types it.
pub struct Bank {
    number: String,
    routing: Option<String>,
}

impl Bank {
    /// # Errors
    /// When the number has fewer than 4 or more than 34 letters and digits.
    pub fn read(number: &str, routing: Option<&str>) -> Result<Self, Refusal> {
        let number: String = number
            .chars()
            .filter(|letter| !letter.is_whitespace())
            .collect();
        let is_plain = number.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !is_plain || !(4..=34).contains(&number.len()) {
            let message = "The bank account number is invalid.";
            return Err(Refusal::param(
                "account_number_invalid",
                "account_number",
                message,
            ));
        }
        let is_iban = number.starts_with(|letter: char| letter.is_ascii_alphabetic());
        let routing = routing.unwrap_or(ROUTING).to_owned();
        Ok(Self {
            number,
            routing: Some(routing).filter(|_| !is_iban),
        })
    }
}

impl World {
    /// A bank account's object; its full number is kept beside it.
    pub fn bank_object(&mut self, account: &str, bank: &Bank) -> Value {
        let id = self.mint("ba");
        self.set_row("bank", &id, json!(bank.number));
        let last4 = bank
            .number
            .get(bank.number.len().saturating_sub(4)..)
            .unwrap_or_default();
        let country = if bank.routing.is_some() {
            "US"
        } else {
            bank.number.get(..2).unwrap_or("DE")
        };
        json!({
            "id": id, "object": "bank_account", "account": account,
            "account_holder_name": null, "account_holder_type": "individual",
            "account_type": null, "available_payout_methods": ["standard"],
            "bank_name": "STRIPE TEST BANK", "country": country, "currency": "usd",
            "default_for_currency": true, "fingerprint": crate::mint::word(self.minted, 16),
            "last4": last4, "metadata": {}, "routing_number": bank.routing, "status": "new",
            "future_requirements": { "currently_due": [], "errors": [], "past_due": [],
                "pending_verification": [] },
            "requirements": { "currently_due": [], "errors": [], "past_due": [],
                "pending_verification": [] },
        })
    }

    /// Why payouts to a bank account fail on arrival.
    pub fn bank_failure(&self, bank: &str) -> Option<&'static str> {
        failure(self.row("bank", bank)?.as_str()?)
    }

    /// Whether a bank account sends payouts back after it took them.
    pub fn bank_returns(&self, bank: &str) -> bool {
        let number = self.row("bank", bank).and_then(Value::as_str);
        number == Some(RETURNING)
    }
}
