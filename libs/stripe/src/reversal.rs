//! Reversals: money taken back from a connected account, after its bank refused it for good.

use serde::Deserialize;
use stripe_client_core::StripeRequest;
use stripe_connect::transfer_reversal::{CreateIdTransferReversal, ListIdTransferReversal};
use time::OffsetDateTime;

use crate::Metadata;
use crate::answer::{id, id_if_any, or_default};
use crate::client::Stripe;
use crate::failure::Failure;
use crate::page::{Listed, PAGE_MAX};
use crate::transfer::labels;

/// What to take back. Sent again under the same key it must be equal in every field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReversalOrder {
    /// `tr_…`.
    pub transfer: String,
    /// At most what was not reversed yet.
    pub amount_minor: i64,
    pub metadata: Metadata,
}

/// A reversal that Stripe made.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Reversal {
    pub id: String,
    #[serde(rename = "amount")]
    pub amount_minor: i64,
    pub currency: String,
    #[serde(deserialize_with = "id")]
    pub transfer: String,
    #[serde(default, deserialize_with = "id_if_any")]
    pub balance_transaction: Option<String>,
    #[serde(with = "time::serde::timestamp")]
    pub created: OffsetDateTime,
    #[serde(default, deserialize_with = "or_default")]
    pub metadata: Metadata,
}

impl Listed for Reversal {
    fn cursor(&self) -> &str {
        &self.id
    }
}

impl Stripe {
    /// Takes a transfer back, wholly or in part, at most once per key.
    ///
    /// # Errors
    /// [`Failure::Mismatch`] if Stripe took another amount or from another transfer.
    pub async fn create_reversal(
        &self,
        order: &ReversalOrder,
        key: &str,
    ) -> Result<Reversal, Failure> {
        let request = CreateIdTransferReversal::new(order.transfer.as_str())
            .amount(order.amount_minor)
            .metadata(labels(&order.metadata))
            .build();
        let made: Reversal = self.order(request, None, Some(key)).await?;
        Failure::unless_same(&made.id, "amount", &order.amount_minor, &made.amount_minor)?;
        Failure::unless_same(&made.id, "transfer", &order.transfer, &made.transfer)?;
        Ok(made)
    }

    /// Every reversal of a transfer, newest first. The answer is complete.
    pub async fn find_reversals(&self, transfer: &str) -> Result<Vec<Reversal>, Failure> {
        self.walk(None, |after| {
            let list = ListIdTransferReversal::new(transfer).limit(PAGE_MAX);
            match after {
                Some(after) => list.starting_after(after).build(),
                None => list.build(),
            }
        })
        .await
    }
}
