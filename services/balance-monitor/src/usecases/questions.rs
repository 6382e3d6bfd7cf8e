//! What is asked of Stripe. Nothing here orders anything, so every question may be asked again.

use kit::Error;
use stripe::{Balance, BalanceTransaction, BalanceTransactionQuery, Cursor, Failure, Page, Stripe};
use tokio::runtime::Handle;

use super::Usecases;

/// The most that Stripe gives at once.
const PAGE_LIMIT: i64 = 100;

impl Usecases {
    /// What the platform has at Stripe.
    pub(super) async fn ask_balance(&self) -> Result<Balance, Error> {
        self.ask(async |stripe| stripe.balance(None).await).await
    }

    /// One page of the platform's balance transactions, newest first.
    pub(super) async fn ask_page(&self, cursor: Cursor) -> Result<Page<BalanceTransaction>, Error> {
        let query = BalanceTransactionQuery { account: None, cursor, limit: Some(PAGE_LIMIT) };
        self.ask(async move |stripe| stripe.balance_transactions(&query).await).await
    }

    /// The client's questions can only be awaited where they were begun, and our callers move
    /// between threads: so each question gets a thread until it is answered.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl AsyncFnOnce(Stripe) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Error> {
        let (stripe, runtime) = (self.stripe.clone(), Handle::current());
        let asked = tokio::task::spawn_blocking(move || runtime.block_on(question(stripe)));
        match asked.await {
            Ok(answer) => answer.map_err(|failure| Error::Unavailable(Box::new(failure))),
            Err(ended) => Err(Error::Bug(Box::new(ended))),
        }
    }
}
