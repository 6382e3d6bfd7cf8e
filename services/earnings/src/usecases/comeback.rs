//! What became of payouts' attempts, where a hold has a say: refused, or come back by a reversal.

use std::collections::BTreeMap;

use kit::Error;
use ledger::{AttemptRefused, CreatorId, Fact, HoldPart, PayoutId, StripeId, TransferReversed};
use money::Amount;
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::Usecases;
use crate::domain::batch::{Occurred, Outcome};
use crate::domain::hold::{Decision, Hold};

/// A refused attempt, and when it was refused.
pub struct RefusedAttempt {
    pub body: AttemptRefused,
    pub at: OffsetDateTime,
}

/// A reversed transfer, and when it was reversed. The months are the books' to find.
pub struct ReversedTransfer {
    pub payout: PayoutId,
    pub creator: CreatorId,
    pub reversal: StripeId,
    pub txn: StripeId,
    pub amount: Amount,
    pub after_paid: bool,
    pub at: OffsetDateTime,
}

/// Of each refusal and each reversal, why it was refused, if it was.
#[derive(Debug, Default)]
pub struct Reasons {
    pub attempts: Vec<Option<String>>,
    pub reversals: Vec<Option<String>>,
}

type Holds = BTreeMap<String, Hold>;

impl Usecases {
    /// Takes refused attempts back into their holds and reversed transfers back into their months,
    /// under the locks of all their holds, which come before those of accounts.
    ///
    /// # Errors
    /// The database's; `Bug` when the books refuse what a hold allows.
    pub async fn give_back_in_tx(
        &self,
        tx: &mut PgConnection,
        attempts: &[RefusedAttempt],
        reversals: &[ReversedTransfer],
    ) -> Result<Reasons, Error> {
        if attempts.is_empty() && reversals.is_empty() {
            return Ok(Reasons::default());
        }
        let payouts = attempts.iter().map(|attempt| &attempt.body.payout);
        let payouts = payouts.chain(reversals.iter().map(|reversed| &reversed.payout));
        let payouts: Vec<String> = payouts.map(ToString::to_string).collect();
        let mut holds = self.store.lock_holds_in_tx(tx, &payouts).await?;
        let mut reasons = Reasons {
            attempts: self.refuse_in_tx(tx, &mut holds, attempts).await?,
            ..Reasons::default()
        };
        // One by one: what the next goes back to depends on what the books took of this one.
        for reversed in reversals {
            let reason = self.reverse_in_tx(tx, &mut holds, reversed).await?;
            reasons.reversals.push(reason);
        }
        Ok(reasons)
    }

    async fn refuse_in_tx(
        &self,
        tx: &mut PgConnection,
        holds: &mut Holds,
        attempts: &[RefusedAttempt],
    ) -> Result<Vec<Option<String>>, Error> {
        let mut facts = Vec::new();
        let mut moved = BTreeMap::new();
        let mut reasons = Vec::new();
        for attempt in attempts {
            reasons.push(take_back(holds, attempt, &mut facts, &mut moved).err());
        }
        self.must_post_in_tx(tx, &facts).await?;
        for (payout, at) in moved {
            if let Some(hold) = holds.get(&payout) {
                self.store.update_hold_in_tx(tx, hold, at).await?;
            }
        }
        Ok(reasons)
    }

    async fn reverse_in_tx(
        &self,
        tx: &mut PgConnection,
        holds: &mut Holds,
        reversed: &ReversedTransfer,
    ) -> Result<Option<String>, Error> {
        let (payout, reversal) = (&reversed.payout, &reversed.reversal);
        let Some(hold) = holds.get_mut(payout.as_str()) else {
            return Ok(Some(format!("{payout} has no hold")));
        };
        // Replay before rules: what was given back is not planned again.
        let before = self.store.find_return_in_tx(tx, reversal).await?;
        let parts = match planned(hold, before, reversed) {
            Ok(parts) => parts,
            Err(reason) => return Ok(Some(reason)),
        };
        let fact = match reversed.fact(&parts) {
            Ok(fact) => fact,
            Err(error) => return Ok(Some(error.to_string())),
        };
        let at = reversed.at;
        let outcomes = self.books.post_in_tx(tx, &[Occurred { fact, at }]).await?;
        match outcomes.into_iter().next() {
            Some(Outcome::Posted) => {}
            Some(Outcome::AlreadyThere) | None => return Ok(None),
            Some(Outcome::Refused(refusal)) => return Ok(Some(refusal.to_string())),
        }
        let returned = hold.returned.checked_add(reversed.amount);
        hold.returned = returned.map_err(|error| Error::Bug(Box::new(error)))?;
        self.store
            .insert_return_in_tx(tx, reversal, payout, &parts)
            .await?;
        Ok(None)
    }
}

impl ReversedTransfer {
    fn fact(&self, parts: &[HoldPart]) -> Result<Fact, ledger::LedgerError> {
        Fact::try_new(TransferReversed {
            payout: self.payout.clone(),
            creator: self.creator.clone(),
            reversal: self.reversal.clone(),
            txn: self.txn.clone(),
            after_paid: self.after_paid,
            parts: parts.to_vec(),
        })
    }
}

fn planned(
    hold: &Hold,
    before: Vec<HoldPart>,
    reversed: &ReversedTransfer,
) -> Result<Vec<HoldPart>, String> {
    if before.is_empty() {
        return hold.come_back(&reversed.creator, reversed.amount);
    }
    let sum = Amount::checked_sum(
        reversed.amount.asset(),
        before.iter().map(|part| part.amount),
    );
    if sum == Ok(reversed.amount) {
        Ok(before)
    } else {
        let reversal = &reversed.reversal;
        Err(format!(
            "reversal:{reversal} was posted with other contents"
        ))
    }
}

fn take_back(
    holds: &mut Holds,
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
