//! Bank payouts: money from a connected account's balance to its bank.

use serde::Deserialize;
use stripe_client_core::StripeRequest;
use stripe_core::payout::{CreatePayout, ListPayout, RetrievePayout};
use stripe_types::{RangeBoundsTs, RangeQueryTs};
use time::OffsetDateTime;

use crate::Metadata;
use crate::answer::{id_if_any, or_default};
use crate::client::Stripe;
use crate::failure::Failure;
use crate::page::{Listed, PAGE_MAX};
use crate::transfer::{currency, labels};

/// What to send to the account's default bank for its currency. Sent again under the same key
/// it must be equal in every field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BankPayoutOrder {
    pub amount_minor: i64,
    /// Lower case: `usd`.
    pub currency: String,
    /// What a later look-up finds the payout by.
    pub metadata: Metadata,
}

/// Where a bank payout stands. `Paid` may still become `Failed`, within about five business days.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BankPayoutStatus {
    Pending,
    InTransit,
    Paid,
    Failed,
    Canceled,
    /// A word that Stripe added later.
    #[serde(untagged)]
    Other(String),
}

/// A bank payout as Stripe sees it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct BankPayout {
    pub id: String,
    #[serde(rename = "amount")]
    pub amount_minor: i64,
    pub currency: String,
    pub status: BankPayoutStatus,
    /// Why the bank refused: `account_closed`, `no_account`, …
    #[serde(default)]
    pub failure_code: Option<String>,
    /// Made by Stripe's schedule rather than by us.
    #[serde(default, deserialize_with = "or_default")]
    pub automatic: bool,
    /// The bank account or card.
    #[serde(default, deserialize_with = "id_if_any")]
    pub destination: Option<String>,
    #[serde(default, deserialize_with = "id_if_any")]
    pub balance_transaction: Option<String>,
    /// Brings the money back to the account's balance after a failure.
    #[serde(default, deserialize_with = "id_if_any")]
    pub failure_balance_transaction: Option<String>,
    #[serde(default, with = "time::serde::timestamp::option")]
    pub arrival_date: Option<OffsetDateTime>,
    #[serde(with = "time::serde::timestamp")]
    pub created: OffsetDateTime,
    #[serde(default, deserialize_with = "or_default")]
    pub metadata: Metadata,
}

impl Listed for BankPayout {
    fn cursor(&self) -> &str {
        &self.id
    }
}

impl Stripe {
    /// Sends money from a connected account to its bank, at most once per key.
    ///
    /// # Errors
    /// [`Failure::Mismatch`] if Stripe sent another amount or currency.
    pub async fn create_bank_payout(
        &self,
        account: &str,
        order: &BankPayoutOrder,
        key: &str,
    ) -> Result<BankPayout, Failure> {
        let request = CreatePayout::new(order.amount_minor, currency(&order.currency))
            .metadata(labels(&order.metadata))
            .build();
        let made: BankPayout = self.order(request, Some(account), Some(key)).await?;
        Failure::unless_same(&made.id, "amount", &order.amount_minor, &made.amount_minor)?;
        let asked = order.currency.to_ascii_lowercase();
        Failure::unless_same(&made.id, "currency", &asked, &made.currency)?;
        Ok(made)
    }

    /// One bank payout of a connected account, as it is now.
    pub async fn retrieve_bank_payout(
        &self,
        account: &str,
        payout: &str,
    ) -> Result<BankPayout, Failure> {
        self.ask(RetrievePayout::new(payout).build(), Some(account))
            .await
    }

    /// Every bank payout of an account made since a time that carries this label, newest first.
    ///
    /// Stripe cannot search payouts by metadata, so all of them are read; `since` bounds the
    /// work. The answer is complete: an empty one proves absence since then.
    pub async fn find_bank_payouts(
        &self,
        account: &str,
        since: OffsetDateTime,
        (name, value): (&str, &str),
    ) -> Result<Vec<BankPayout>, Failure> {
        let gte = Some(since.unix_timestamp());
        let range = RangeQueryTs::Bounds(RangeBoundsTs {
            gte,
            ..Default::default()
        });
        let mut found: Vec<BankPayout> = self
            .walk(Some(account), |after| {
                let list = ListPayout::new().created(range).limit(PAGE_MAX);
                match after {
                    Some(after) => list.starting_after(after).build(),
                    None => list.build(),
                }
            })
            .await?;
        found.retain(|payout| payout.metadata.get(name).is_some_and(|it| it == value));
        Ok(found)
    }
}
