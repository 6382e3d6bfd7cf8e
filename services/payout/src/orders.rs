//! Orders to Stripe: their bodies as they are written down, and what came of them as commands.

use std::collections::BTreeMap;

use kit::Error;
use ledger::{AttemptStep, StripeId};
use serde::{Deserialize, Serialize};
use stripe::{BankPayout, BankPayoutOrder, Failure, Transfer, TransferOrder};
use time::Duration;

use crate::domain::{Command, Doubt, Payout};

/// What our labels on Stripe's objects are called.
pub const PAYOUT_ID: &str = "payout_id";
const ATTEMPT: &str = "attempt";

/// An order of either step. Kept as JSON beside its key: a repetition reads it from there, so
/// that it is the same order whatever has changed since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    pub amount_minor: i64,
    /// Lower case.
    pub currency: String,
    /// The connected account: where a transfer goes, whose bank is paid.
    pub account_id: String,
    pub transfer_group: String,
    pub metadata: BTreeMap<String, String>,
}

impl Order {
    /// The order for the attempt that a payout is at.
    #[must_use]
    pub fn of(payout: &Payout) -> Self {
        let labels = [
            (PAYOUT_ID, payout.payout_id.to_string()),
            ("creator_id", payout.creator_id.to_string()),
            ("month", payout.month.to_string()),
            ("step", payout.step.to_string()),
            (ATTEMPT, payout.attempt.to_string()),
        ];
        Self {
            amount_minor: payout.amount.minor(),
            currency: payout.amount.asset().code().to_ascii_lowercase(),
            account_id: payout.account_id.clone(),
            transfer_group: payout.payout_id.to_string(),
            metadata: labels.map(|(name, value)| (name.to_owned(), value)).into(),
        }
    }

    /// # Errors
    /// `Bug`, never in practice.
    pub fn to_json(&self) -> Result<String, Error> {
        serde_json::to_string(self).map_err(|error| Error::Bug(Box::new(error)))
    }

    /// # Errors
    /// `Bug` when somebody has changed what was written.
    pub fn from_json(text: &str) -> Result<Self, Error> {
        serde_json::from_str(text).map_err(|error| Error::Bug(Box::new(error)))
    }

    #[must_use]
    pub fn transfer(self) -> TransferOrder {
        TransferOrder {
            amount_minor: self.amount_minor,
            currency: self.currency,
            destination: self.account_id,
            transfer_group: self.transfer_group,
            metadata: self.metadata,
        }
    }

    #[must_use]
    pub fn bank_payout(self) -> BankPayoutOrder {
        BankPayoutOrder {
            amount_minor: self.amount_minor,
            currency: self.currency,
            metadata: self.metadata,
        }
    }
}

/// The attempt that an object was made for, by its label.
#[must_use]
pub fn attempt_of(metadata: &BTreeMap<String, String>) -> Option<u32> {
    metadata.get(ATTEMPT)?.parse().ok()
}

/// Whether a transfer is the one that a payout asks for.
#[must_use]
pub fn is_transfer_of(payout: &Payout, made: &Transfer) -> bool {
    let order = Order::of(payout);
    made.amount_minor == order.amount_minor
        && made.currency == order.currency
        && made.destination == order.account_id
        && made.transfer_group.as_deref() == Some(order.transfer_group.as_str())
}

/// Whether a bank payout is the one that a payout asks for.
#[must_use]
pub fn is_bank_payout_of(payout: &Payout, made: &BankPayout) -> bool {
    let order = Order::of(payout);
    made.amount_minor == order.amount_minor
        && made.currency == order.currency
        && made.metadata.get(PAYOUT_ID) == Some(&order.transfer_group)
}

/// A transfer that was made. One that Stripe has not booked yet proves too little.
#[must_use]
pub fn made_transfer(attempt: u32, made: &Transfer) -> Command {
    match made.balance_transaction.as_deref().map(StripeId::try_new) {
        Some(Ok(txn)) => Command::RecordSent {
            attempt,
            transfer_id: made.id.clone(),
            txn,
        },
        Some(Err(_)) | None => {
            let (step, doubt) = (AttemptStep::Transfer, Doubt::Open);
            Command::RecordUnknown {
                step,
                attempt,
                doubt,
            }
        }
    }
}

/// An order for the bank that was taken.
#[must_use]
pub fn made_bank_payout(attempt: u32, made: &BankPayout) -> Command {
    let usual = made.created.saturating_add(Duration::days(3));
    Command::RecordBankSubmitted {
        attempt,
        bank_payout_id: made.id.clone(),
        arrival: made.arrival_date.unwrap_or(usual),
    }
}

/// What a failure says about the payout; `None` when it says nothing and the order goes again.
#[must_use]
pub fn not_made(payout: &Payout, failure: &Failure) -> Option<Command> {
    let (step, attempt) = (payout.step, payout.attempt);
    let unknown = |doubt| {
        Some(Command::RecordUnknown {
            step,
            attempt,
            doubt,
        })
    };
    let payout_id = payout.payout_id.as_str();
    match failure {
        Failure::Refused { code, .. } => {
            tracing::warn!(payout.id = payout_id, %step, attempt, %failure, "order refused");
            let code = code.clone().unwrap_or_else(|| "refused".to_owned());
            Some(Command::RecordRefused {
                step,
                attempt,
                code,
            })
        }
        Failure::Unknown { .. } => {
            tracing::warn!(payout.id = payout_id, %step, attempt, %failure, "outcome unknown");
            unknown(if failure.is_retryable_same_key() {
                Doubt::Open
            } else {
                Doubt::Spent
            })
        }
        Failure::KeyMisused { .. } | Failure::Mismatch { .. } => {
            tracing::error!(payout.id = payout_id, %step, attempt, %failure,
                "Stripe did something else than was asked: somebody must look");
            unknown(Doubt::Alarm)
        }
        Failure::Unauthorized { .. } => {
            tracing::error!(payout.id = payout_id, %failure, "the key of Stripe must be mended");
            None
        }
        Failure::RateLimited { .. } | Failure::NotSent { .. } => {
            tracing::warn!(payout.id = payout_id, %step, attempt, %failure, "order waits");
            None
        }
    }
}

/// A question to Stripe, or an order without money, that failed.
#[must_use]
pub fn error_of(failure: Failure) -> Error {
    match failure {
        Failure::Refused { ref code, .. } => {
            let code = code.clone().unwrap_or_else(|| "none".to_owned());
            let refusal = format!("Stripe refused it (code {code})");
            Error::Rejected(kit::Rejection::new("STRIPE_REFUSED", refusal).with("code", code))
        }
        Failure::Unknown { .. } | Failure::RateLimited { .. } | Failure::NotSent { .. } => {
            Error::Unavailable(Box::new(failure))
        }
        Failure::Unauthorized { .. } | Failure::KeyMisused { .. } | Failure::Mismatch { .. } => {
            Error::Bug(Box::new(failure))
        }
    }
}
