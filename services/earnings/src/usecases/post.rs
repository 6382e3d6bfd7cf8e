//! Others' facts: posted, or set aside with the reason.

use kit::Error;
use ledger::{ControlTotals, Month};
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::Usecases;
use crate::domain::batch::{Occurred, Outcome};

/// A month is sealed: so many facts of each kind, and no more will come.
#[derive(Debug, Clone)]
pub struct Seal {
    pub month: Month,
    pub totals: ControlTotals,
    pub at: OffsetDateTime,
}

impl Usecases {
    /// Posts facts; answers of each why it was refused, if it was.
    ///
    /// # Errors
    /// The database's.
    pub async fn post_in_tx(
        &self,
        tx: &mut PgConnection,
        facts: &[Occurred],
    ) -> Result<Vec<Option<String>>, Error> {
        let outcomes = self.books.post_in_tx(tx, facts).await?;
        let reasons = outcomes.into_iter().map(|outcome| match outcome {
            Outcome::Posted | Outcome::AlreadyThere => None,
            Outcome::Refused(refusal) => Some(refusal.to_string()),
        });
        Ok(reasons.collect())
    }

    /// Keeps a seal; one that says something else than the first is refused.
    ///
    /// # Errors
    /// The database's.
    pub async fn seal_in_tx(
        &self,
        tx: &mut PgConnection,
        seal: &Seal,
    ) -> Result<Option<String>, Error> {
        let Seal { month, totals, at } = seal;
        if self
            .store
            .insert_seal_in_tx(tx, *month, totals, *at)
            .await?
        {
            return Ok(None);
        }
        let differences = self
            .store
            .sealed_totals_in_tx(tx, *month)
            .await?
            .compare(totals);
        Ok((!differences.is_empty()).then(|| format!("{month} was sealed with other totals")))
    }

    /// Posts what our own decisions allow: a refusal here is our fault.
    pub(super) async fn must_post_in_tx(
        &self,
        tx: &mut PgConnection,
        facts: &[Occurred],
    ) -> Result<(), Error> {
        let outcomes = self.books.post_in_tx(tx, facts).await?;
        let refused = outcomes.into_iter().find_map(|outcome| match outcome {
            Outcome::Posted | Outcome::AlreadyThere => None,
            Outcome::Refused(refusal) => Some(refusal),
        });
        refused.map_or(Ok(()), |refusal| Err(Error::Bug(Box::new(refusal))))
    }
}
