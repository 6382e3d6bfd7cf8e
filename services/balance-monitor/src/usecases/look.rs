//! Walking Stripe's balance transactions from the last known one on.

use kit::Error;
use mailbox::Fact;
use sqlx::PgConnection;
use stripe::{BalanceTransaction, Cursor};

use super::Usecases;
use crate::convert;
use crate::domain::{Finding, Kind, Transaction};

/// How many are recorded in one transaction.
const CHUNK: usize = 100;
/// How many known transactions are read again. Stripe sorts by the second, so one that was
/// written a moment late may stand below others of its second that are already known.
const OVERLAP: i64 = 99;

impl Usecases {
    /// Records every balance transaction that is not known yet, and announces those that no
    /// other service accounts for. Any number of looks at once announce each of them once.
    ///
    /// # Errors
    /// Stripe's or the database's. What was recorded before stays; the next look goes on there.
    pub async fn look(&self) -> Result<(), Error> {
        match self.store.find_anchor(OVERLAP).await? {
            Some(anchor) => self.look_onward(anchor).await,
            None => self.look_back().await,
        }
    }

    /// Oldest page first, from a known transaction towards the newest one, a commit per page.
    async fn look_onward(&self, mut anchor: String) -> Result<(), Error> {
        loop {
            let page = self.ask_page(Cursor::NewerThan(anchor)).await?;
            let Some(newest) = page.items.first() else {
                return Ok(());
            };
            anchor = newest.id.clone();
            self.record(&oldest_first(&page.items)).await?;
            if !page.has_more {
                return Ok(());
            }
        }
    }

    /// While hardly any are known: from the newest one back to the first of all. The oldest are
    /// recorded first, so that a look that ends half-way leaves no gap behind it.
    async fn look_back(&self) -> Result<(), Error> {
        let mut found: Vec<BalanceTransaction> = Vec::new();
        loop {
            let cursor = match found.last() {
                Some(oldest) => Cursor::OlderThan(oldest.id.clone()),
                None => Cursor::Newest,
            };
            let page = self.ask_page(cursor).await?;
            let has_more = page.has_more && !page.items.is_empty();
            found.extend(page.items);
            if !has_more {
                break;
            }
        }
        for chunk in oldest_first(&found).chunks(CHUNK) {
            self.record(chunk).await?;
        }
        Ok(())
    }

    /// Records, and announces what is new and ours, in one transaction.
    async fn record(&self, transactions: &[Transaction]) -> Result<(), Error> {
        let mut tx = self.store.begin().await?;
        let new = self
            .store
            .save_transactions_in_tx(&mut tx, transactions)
            .await?;
        let is_new_and_ours = |one: &&Transaction| new.contains(&one.txn) && one.is_ours();
        let ours: Vec<&Transaction> = transactions.iter().filter(is_new_and_ours).collect();
        let mut facts: Vec<Fact> = Vec::new();
        for transaction in ours {
            facts.extend(self.observe_in_tx(&mut tx, transaction).await?);
        }
        self.outbox.enqueue_in_tx(&mut tx, &facts).await?;
        tx.commit().await?;
        if !new.is_empty() {
            tracing::info!(
                new = new.len(),
                announced = facts.len(),
                "balance transactions"
            );
        }
        Ok(())
    }

    /// The fact of a transaction of ours; a person is told of what cannot be one, and of what
    /// the books will keep in suspense.
    async fn observe_in_tx(
        &self,
        tx: &mut PgConnection,
        transaction: &Transaction,
    ) -> Result<Option<Fact>, Error> {
        let Transaction {
            txn,
            kind,
            net_minor,
            currency,
            ..
        } = transaction;
        let finding = |kind_of_alert, detail| Finding {
            kind: kind_of_alert,
            subject: txn.clone(),
            detail,
            figures: vec![("net_minor", *net_minor)],
        };
        match convert::observed(transaction) {
            Ok(observed) => {
                if observed.is_unexplained {
                    let detail = format!("{txn} of type {kind} moved {}.", observed.amount);
                    self.raise_in_tx(tx, &finding(Kind::TransactionUnexplained, detail))
                        .await?;
                }
                Ok(Some(observed.fact))
            }
            Err(why) => {
                let detail = format!("{txn} of type {kind} moved {net_minor} {currency}: {why}.");
                self.raise_in_tx(tx, &finding(Kind::TransactionUnpostable, detail))
                    .await?;
                Ok(None)
            }
        }
    }
}

/// Stripe's order turned round.
fn oldest_first(newest_first: &[BalanceTransaction]) -> Vec<Transaction> {
    newest_first
        .iter()
        .rev()
        .map(convert::transaction)
        .collect()
}
