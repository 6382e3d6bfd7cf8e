//! The posting path: every fact of every kind passes here, and nowhere else.

use std::collections::{BTreeSet, HashMap};

use ledger::Account;
use sqlx::PgConnection;

use crate::domain::batch::{Line, Occurred, Outcome, decide};
use crate::store::Store;

/// The books, to be appended to.
#[derive(Clone)]
pub struct Books {
    store: Store,
}

impl Books {
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// Posts facts in the caller's transaction, and says of each what became of it. Facts that
    /// were posted before, in whatever batch, are recognised by their keys; one that is refused
    /// leaves the others alone.
    ///
    /// # Errors
    /// The database's. A unique violation on a posting's key or balance transaction means that
    /// another replica posted it at the same moment: the transaction is to be begun again.
    pub async fn post_in_tx(
        &self,
        tx: &mut PgConnection,
        facts: &[Occurred],
    ) -> Result<Vec<Outcome>, sqlx::Error> {
        if facts.is_empty() {
            return Ok(Vec::new());
        }
        let ids = self
            .store
            .ensure_accounts_in_tx(tx, &accounts(facts))
            .await?;
        let lines = facts
            .iter()
            .map(|fact| line(fact, &ids))
            .collect::<Option<Vec<_>>>();
        let lines = lines.ok_or(sqlx::Error::RowNotFound)?;
        let mut known = self.store.lock_known_in_tx(tx, &lines).await?;
        let outcomes = decide(&lines, &mut known);
        let decided = lines.iter().zip(&outcomes);
        let posted: Vec<&Line> = decided
            .filter_map(|(line, outcome)| (*outcome == Outcome::Posted).then_some(line))
            .collect();
        if !posted.is_empty() {
            self.store.save_postings_in_tx(tx, &posted, &known).await?;
        }
        Ok(outcomes)
    }
}

fn accounts(facts: &[Occurred]) -> BTreeSet<&Account> {
    let entries = facts
        .iter()
        .flat_map(|occurred| occurred.fact.posting().entries());
    entries.map(|entry| &entry.account).collect()
}

fn line<'a>(occurred: &'a Occurred, ids: &HashMap<Account, i64>) -> Option<Line<'a>> {
    let entries = occurred.fact.posting().entries().iter();
    let account_ids = entries.map(|entry| ids.get(&entry.account).copied());
    Some(Line::new(occurred, account_ids.collect::<Option<_>>()?))
}
