//! Orders to Stripe: their bodies as they are written down, and what came of them as commands.

use std::collections::BTreeMap;

use kit::Error;
use ledger::StripeId;
use money::{Amount, Asset};
use serde::{Deserialize, Serialize};
use stripe::{
    BankPayout, BankPayoutOrder, Failure, Reversal as Made, ReversalOrder, Transfer, TransferOrder,
};
use time::Duration;

use crate::domain::{Command, Doubt, OUT_OF_REACH, Payout, Reversal, Step};

/// What our labels on Stripe's objects are called.
pub const PAYOUT_ID: &str = "payout_id";
const ATTEMPT: &str = "attempt";

/// An order of any step. Kept as JSON beside its key: a repetition reads it from there, so
/// that it is the same order whatever has changed since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    pub amount_minor: i64,
    /// Lower case.
    pub currency: String,
    /// The connected account: where a transfer goes, whose bank is paid.
    pub account_id: String,
    pub transfer_group: String,
    /// What a reversal takes back; empty in the other steps.
    #[serde(default)]
    pub transfer_id: String,
    pub metadata: BTreeMap<String, String>,
}

impl Order {
    /// The order for the attempt that a payout is at.
    #[must_use]
    pub fn of(payout: &Payout) -> Self {
        let month = payout.month.map(|month| month.to_string());
        let month = month.unwrap_or_else(|| "requested".to_owned());
        let amount = match payout.step {
            Step::Transfer => payout.amount,
            Step::Bank | Step::Reversal => payout.left(),
        };
        let transfer_id = match payout.step {
            Step::Transfer | Step::Bank => String::new(),
            Step::Reversal => payout.transfer_id.clone().unwrap_or_default(),
        };
        let labels = [
            (PAYOUT_ID, payout.payout_id.to_string()),
            ("creator_id", payout.creator_id.to_string()),
            ("month", month),
            ("step", payout.step.to_string()),
            (ATTEMPT, payout.attempt.to_string()),
        ];
        Self {
            amount_minor: amount.minor(),
            currency: currency(payout),
            account_id: payout.account_id.clone(),
            transfer_group: payout.payout_id.to_string(),
            transfer_id,
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
    pub fn reversal(self) -> ReversalOrder {
        ReversalOrder {
            transfer: self.transfer_id,
            amount_minor: self.amount_minor,
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

/// As Stripe writes it.
fn currency(payout: &Payout) -> String {
    payout.amount.asset().code().to_ascii_lowercase()
}

/// Whether a transfer is the one that a payout asks for.
#[must_use]
pub fn is_transfer_of(payout: &Payout, made: &Transfer) -> bool {
    made.amount_minor == payout.amount.minor()
        && made.currency == currency(payout)
        && made.destination == payout.account_id
        && made.transfer_group.as_deref() == Some(payout.payout_id.as_str())
}

/// Whether a bank payout is what an attempt ordered: attempts differ in their amounts.
#[must_use]
pub fn is_bank_payout_of(order: &Order, made: &BankPayout) -> bool {
    made.amount_minor == order.amount_minor
        && made.currency == order.currency
        && made.metadata.get(PAYOUT_ID) == Some(&order.transfer_group)
}

/// What a reversal of a payout's transfer took back, whoever ordered it; none while Stripe has not
/// booked it.
///
/// # Errors
/// `Bug` when it is not what a reversal can be.
pub fn reversal_of(payout: &Payout, made: &Made) -> Result<Option<Reversal>, Error> {
    let bug = |error: ledger::LedgerError| Error::Bug(Box::new(error));
    let Some(txn) = made.balance_transaction.as_deref() else {
        return Ok(None);
    };
    let ours = made.metadata.get(PAYOUT_ID).map(String::as_str) == Some(payout.payout_id.as_str());
    let amount = Amount::try_new(made.amount_minor, Asset::Usd);
    Ok(Some(Reversal {
        reversal: StripeId::try_new(&made.id).map_err(bug)?,
        txn: StripeId::try_new(txn).map_err(bug)?,
        amount: amount.map_err(|error| Error::Bug(Box::new(error)))?,
        attempt: attempt_of(&made.metadata).filter(|_| ours),
    }))
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
            let (step, doubt) = (Step::Transfer, Doubt::Open);
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
        // Said before Stripe looks at keys, so that it proves nothing about an earlier send. The bank
        // step may end by it all the same: no money is given back before it was taken back.
        Failure::Unauthorized { .. } if step == Step::Bank && failure.is_account_out_of_reach() => {
            tracing::warn!(payout.id = payout_id, %step, attempt, %failure, "order refused");
            Some(Command::RecordRefused {
                step,
                attempt,
                code: OUT_OF_REACH.to_owned(),
            })
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
            Error::Rejected(
                kit::Rejection::new("STRIPE_REFUSED", refusal).with("stripe_code", code),
            )
        }
        Failure::Unauthorized { ref code, .. } if failure.is_account_out_of_reach() => {
            let code = code.clone().unwrap_or_default();
            let refusal = format!("Stripe does not let us into the account (code {code})");
            Error::Rejected(
                kit::Rejection::new("STRIPE_REFUSED", refusal).with("stripe_code", code),
            )
        }
        Failure::Unknown { .. } | Failure::RateLimited { .. } | Failure::NotSent { .. } => {
            Error::Unavailable(Box::new(failure))
        }
        Failure::Unauthorized { .. } | Failure::KeyMisused { .. } | Failure::Mismatch { .. } => {
            Error::Bug(Box::new(failure))
        }
    }
}
