//! The charge behind a payment, and the balance transaction behind the charge.

use serde::Deserialize;

use crate::answer::{Expandable, id_if_any, or_default};
use crate::balance::BalanceTransaction;
use crate::failure::Failure;

#[derive(Deserialize)]
pub(super) struct IntentAnswer {
    #[serde(default)]
    latest_charge: Option<Expandable<ChargeAnswer>>,
}

#[derive(Deserialize)]
pub(super) struct ChargeAnswer {
    pub id: String,
    #[serde(default, deserialize_with = "id_if_any")]
    pub payment_intent: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    paid: bool,
    #[serde(default)]
    balance_transaction: Option<Expandable<BalanceTransaction>>,
}

impl IntentAnswer {
    /// The charge that succeeded. The invoice says that it was paid; an intent that does not say
    /// so yet is behind, and must not look like an invoice that cost nothing.
    pub(super) fn into_charge(self) -> Result<ChargeAnswer, Failure> {
        let charge = self.latest_charge.ok_or(Failure::not_yet_booked())?;
        // We asked for the whole charge. An id alone is not an answer to that.
        let charge = charge.into_object().ok_or(Failure::unreadable(None))?;
        if charge.paid {
            Ok(charge)
        } else {
            Err(Failure::not_yet_booked())
        }
    }
}

impl ChargeAnswer {
    /// Stripe books some charges a moment after it made them.
    pub(super) fn txn(&self) -> Option<BalanceTransaction> {
        self.balance_transaction
            .clone()
            .and_then(Expandable::into_object)
    }
}
