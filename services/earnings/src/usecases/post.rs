//! Others' facts: posted, or set aside with the reason.

use std::collections::BTreeMap;

use kit::Error;
use ledger::{AttemptRefused, ControlTotals, Month};
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::Usecases;
use crate::domain::batch::{Occurred, Outcome};
use crate::domain::hold::{Decision, Hold};

/// A month is sealed: so many facts of each kind, and no more will come.
#[derive(Debug, Clone)]
pub struct Seal {
    pub month: Month,
    pub totals: ControlTotals,
    pub at: OffsetDateTime,
}

/// A refused attempt, and when it was refused.
pub struct RefusedAttempt {
    pub body: AttemptRefused,
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

    /// Takes refused attempts back into their holds, under the holds' locks.
    ///
    /// # Errors
    /// The database's; `Bug` when the books refuse what a hold allows.
    pub async fn refuse_attempts_in_tx(
        &self,
        tx: &mut PgConnection,
        attempts: &[RefusedAttempt],
    ) -> Result<Vec<Option<String>>, Error> {
        if attempts.is_empty() {
            return Ok(Vec::new());
        }
        let payouts: Vec<String> = attempts
            .iter()
            .map(|attempt| attempt.body.payout.to_string())
            .collect();
        let mut holds = self.store.lock_holds_in_tx(tx, &payouts).await?;
        let mut facts = Vec::new();
        let mut moved = BTreeMap::new();
        let mut reasons = Vec::new();
        for attempt in attempts {
            reasons.push(take_back(&mut holds, attempt, &mut facts, &mut moved).err());
        }
        self.must_post_in_tx(tx, &facts).await?;
        for (payout, at) in moved {
            if let Some(hold) = holds.get(&payout) {
                self.store.update_hold_in_tx(tx, hold, at).await?;
            }
        }
        Ok(reasons)
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

fn take_back(
    holds: &mut BTreeMap<String, Hold>,
    attempt: &RefusedAttempt,
    facts: &mut Vec<Occurred>,
    moved: &mut BTreeMap<String, OffsetDateTime>,
) -> Result<(), String> {
    let RefusedAttempt { body, at } = attempt;
    let payout = body.payout.as_str();
    let hold = holds
        .get_mut(payout)
        .ok_or_else(|| format!("{payout} has no hold"))?;
    match hold.refuse(body)? {
        Decision::AlreadyThere => {}
        Decision::Moved(posted) => {
            facts.extend(posted.into_iter().map(|fact| Occurred { fact, at: *at }));
            moved.insert(payout.to_owned(), *at);
        }
    }
    Ok(())
}
