//! Transfers: money from the platform's balance to a connected account's.
//!
//! A transfer has no status. It succeeds or fails in its own reply.

use std::collections::HashMap;

use serde::Deserialize;
use stripe_client_core::StripeRequest;
use stripe_connect::transfer::{CreateTransfer, ListTransfer, RetrieveTransfer};
use time::OffsetDateTime;

use crate::Metadata;
use crate::answer::{id, id_if_any, or_default};
use crate::client::Stripe;
use crate::failure::Failure;
use crate::page::{Listed, PAGE_MAX};

/// What to transfer. Sent again under the same key it must be equal in every field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransferOrder {
    pub amount_minor: i64,
    /// Lower case: `usd`.
    pub currency: String,
    /// The connected account, `acct_…`.
    pub destination: String,
    /// What a later look-up finds the transfer by.
    pub transfer_group: String,
    pub metadata: Metadata,
}

/// A transfer that Stripe made.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Transfer {
    pub id: String,
    #[serde(rename = "amount")]
    pub amount_minor: i64,
    /// How much of it was taken back so far.
    #[serde(default, rename = "amount_reversed")]
    pub amount_reversed_minor: i64,
    pub currency: String,
    #[serde(deserialize_with = "id")]
    pub destination: String,
    #[serde(default)]
    pub transfer_group: Option<String>,
    #[serde(default, deserialize_with = "id_if_any")]
    pub balance_transaction: Option<String>,
    #[serde(with = "time::serde::timestamp")]
    pub created: OffsetDateTime,
    #[serde(default, deserialize_with = "or_default")]
    pub metadata: Metadata,
}

impl Listed for Transfer {
    fn cursor(&self) -> &str {
        &self.id
    }
}

impl Stripe {
    /// Moves money to a connected account, at most once per key.
    ///
    /// # Errors
    /// [`Failure::Mismatch`] if Stripe moved another amount, currency or to someone else.
    pub async fn create_transfer(
        &self,
        order: &TransferOrder,
        key: &str,
    ) -> Result<Transfer, Failure> {
        let request = CreateTransfer::new(currency(&order.currency), &order.destination)
            .amount(order.amount_minor)
            .transfer_group(&order.transfer_group)
            .metadata(labels(&order.metadata))
            .build();
        let made: Transfer = self.order(request, None, Some(key)).await?;
        order.compare(&made)?;
        Ok(made)
    }

    /// One transfer as it is now.
    pub async fn retrieve_transfer(&self, transfer: &str) -> Result<Transfer, Failure> {
        self.ask(RetrieveTransfer::new(transfer).build(), None)
            .await
    }

    /// Every transfer of a group to a destination, newest first. The answer is complete: an empty
    /// one proves absence.
    pub async fn find_transfers(
        &self,
        transfer_group: &str,
        destination: &str,
    ) -> Result<Vec<Transfer>, Failure> {
        self.walk(None, |after| {
            let list = ListTransfer::new()
                .transfer_group(transfer_group)
                .destination(destination)
                .limit(PAGE_MAX);
            match after {
                Some(after) => list.starting_after(after).build(),
                None => list.build(),
            }
        })
        .await
    }
}

impl TransferOrder {
    fn compare(&self, made: &Transfer) -> Result<(), Failure> {
        Failure::unless_same(&made.id, "amount", &self.amount_minor, &made.amount_minor)?;
        let asked = self.currency.to_ascii_lowercase();
        Failure::unless_same(&made.id, "currency", &asked, &made.currency)?;
        Failure::unless_same(
            &made.id,
            "destination",
            &self.destination,
            &made.destination,
        )
    }
}

/// The builders' spelling of a currency; one that they do not know is passed on as it is.
pub(crate) fn currency(code: &str) -> stripe_types::Currency {
    let code = code.to_ascii_lowercase();
    code.parse()
        .unwrap_or(stripe_types::Currency::Unknown(code))
}

/// The builders' spelling of metadata.
pub(crate) fn labels(metadata: &Metadata) -> HashMap<String, String> {
    metadata.clone().into_iter().collect()
}
