//! Balances, and the transactions that explain them.

use std::collections::BTreeMap;

use serde::Deserialize;
use stripe_client_core::StripeRequest;
use stripe_core::balance::RetrieveForMyAccountBalance;
use stripe_core::balance_transaction::{ListBalanceTransaction, RetrieveBalanceTransaction};
use time::OffsetDateTime;

use crate::answer::{id_if_any, or_default};
use crate::client::Stripe;
use crate::failure::Failure;
use crate::page::{Cursor, PAGE_MAX, Page};

/// What an account has, in minor units by lower-case currency. Either may be negative.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Balance {
    pub available_minor: BTreeMap<String, i64>,
    pub pending_minor: BTreeMap<String, i64>,
}

/// One change of an account's balance. `amount_minor - fee_minor = net_minor`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct BalanceTransaction {
    pub id: String,
    /// `charge`, `refund`, `adjustment`, `stripe_fee`, `transfer`, `transfer_refund`, `payout`, …
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub reporting_category: Option<String>,
    #[serde(rename = "amount")]
    pub amount_minor: i64,
    #[serde(rename = "fee")]
    pub fee_minor: i64,
    #[serde(rename = "net")]
    pub net_minor: i64,
    pub currency: String,
    /// The charge, refund, transfer or payout behind it.
    #[serde(default, deserialize_with = "id_if_any")]
    pub source: Option<String>,
    /// `pending` or `available`.
    #[serde(default, deserialize_with = "or_default")]
    pub status: String,
    #[serde(with = "time::serde::timestamp")]
    pub available_on: OffsetDateTime,
    #[serde(with = "time::serde::timestamp")]
    pub created: OffsetDateTime,
}

/// Which part of which account's transactions to list.
#[derive(Debug, Clone, Default)]
pub struct BalanceTransactionQuery {
    /// The connected account; the platform if absent.
    pub account: Option<String>,
    pub cursor: Cursor,
    /// 1 to 100; Stripe gives 10 if absent.
    pub limit: Option<i64>,
}

#[derive(Deserialize)]
struct BalanceAnswer {
    #[serde(default)]
    available: Vec<Funds>,
    #[serde(default)]
    pending: Vec<Funds>,
}

#[derive(Deserialize)]
struct Funds {
    amount: i64,
    currency: String,
}

impl Stripe {
    /// The balance of a connected account, or of the platform.
    pub async fn balance(&self, account: Option<&str>) -> Result<Balance, Failure> {
        let request = RetrieveForMyAccountBalance::new().build();
        let answer: BalanceAnswer = self.ask(request, account).await?;
        let (available_minor, pending_minor) =
            (by_currency(answer.available)?, by_currency(answer.pending)?);
        Ok(Balance {
            available_minor,
            pending_minor,
        })
    }

    /// One page of an account's balance transactions, newest first.
    pub async fn balance_transactions(
        &self,
        query: &BalanceTransactionQuery,
    ) -> Result<Page<BalanceTransaction>, Failure> {
        let mut list = ListBalanceTransaction::new();
        if let Some(limit) = query.limit {
            list = list.limit(limit);
        }
        list = match &query.cursor {
            Cursor::Newest => list,
            Cursor::OlderThan(id) => list.starting_after(id),
            Cursor::NewerThan(id) => list.ending_before(id),
        };
        self.ask(list.build(), query.account.as_deref()).await
    }

    /// The platform's newest transactions of a currency that are not available yet, newest first.
    ///
    /// Reads at most `pages_max` pages of a hundred and stops at a page without any: those that
    /// pend are the newest. What the balance says is pending tells whether these are all.
    pub async fn pending_transactions(
        &self,
        currency: &str,
        pages_max: u32,
    ) -> Result<Vec<BalanceTransaction>, Failure> {
        let mut pending: Vec<BalanceTransaction> = Vec::new();
        let mut cursor = Cursor::Newest;
        for _ in 0..pages_max {
            let query = BalanceTransactionQuery {
                account: None,
                cursor,
                limit: Some(PAGE_MAX),
            };
            let mut page = self.balance_transactions(&query).await?;
            let Some(oldest) = page.items.last() else {
                break;
            };
            cursor = Cursor::OlderThan(oldest.id.clone());
            page.items.retain(|txn| txn.status == "pending");
            if page.items.is_empty() {
                break;
            }
            page.items.retain(|txn| txn.currency == currency);
            pending.append(&mut page.items);
            if !page.has_more {
                break;
            }
        }
        Ok(pending)
    }

    /// One balance transaction of a connected account, or of the platform.
    pub async fn retrieve_balance_transaction(
        &self,
        account: Option<&str>,
        txn: &str,
    ) -> Result<BalanceTransaction, Failure> {
        self.ask(RetrieveBalanceTransaction::new(txn).build(), account)
            .await
    }
}

/// A currency that is listed twice is added up; more than fits into 64 bits is no balance.
fn by_currency(funds: Vec<Funds>) -> Result<BTreeMap<String, i64>, Failure> {
    let mut balance = BTreeMap::new();
    for Funds { amount, currency } in funds {
        let so_far: &mut i64 = balance.entry(currency).or_default();
        *so_far = so_far
            .checked_add(amount)
            .ok_or(Failure::unreadable(None))?;
    }
    Ok(balance)
}
