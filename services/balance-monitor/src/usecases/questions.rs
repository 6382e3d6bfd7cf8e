//! What is asked of Stripe. Nothing here orders anything, so every question may be asked again.

use kit::Error;
use stripe::{Balance, BalanceTransaction, BalanceTransactionQuery, Cursor, Failure, Page};

use super::Usecases;

/// The most that Stripe gives at once.
const PAGE_LIMIT: i64 = 100;

impl Usecases {
    /// What the platform has at Stripe.
    pub(super) async fn ask_balance(&self) -> Result<Balance, Error> {
        self.stripe.balance(None).await.map_err(away)
    }

    /// One page of the platform's balance transactions, newest first.
    pub(super) async fn ask_page(&self, cursor: Cursor) -> Result<Page<BalanceTransaction>, Error> {
        let query = BalanceTransactionQuery {
            account: None,
            cursor,
            limit: Some(PAGE_LIMIT),
        };
        self.stripe.balance_transactions(&query).await.map_err(away)
    }
}

fn away(failure: Failure) -> Error {
    Error::Unavailable(Box::new(failure))
}
