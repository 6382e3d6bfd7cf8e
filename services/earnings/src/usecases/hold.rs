//! Holds, one transaction each.

use kit::{Error, Rejection};
use ledger::{CreatorId, Fact, HoldPlan, PayoutId, plan_hold};
use money::Amount;
use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};

use super::{SCHEDULED, Usecases, raced};
use crate::domain::batch::Occurred;
use crate::domain::hold::{Decision, Hold, HoldState, Refused, Snapshot};

/// How far back a creator's recent income is counted.
const RECENT: Duration = Duration::days(30);

/// A payout that asks for money to be kept.
#[derive(Debug, Clone)]
pub struct HoldOrder {
    pub payout: PayoutId,
    pub creator: CreatorId,
    pub amount: Amount,
}

impl Usecases {
    /// Moves payable money, oldest month first, into a payout's reserve. Asked again, it tells
    /// what the hold has become.
    ///
    /// # Errors
    /// `INSUFFICIENT_BALANCE` with `payable_minor`; `HOLD_DIFFERS` when the payout's hold is of
    /// another amount or creator.
    pub async fn hold(&self, order: &HoldOrder) -> Result<(HoldState, Snapshot), Error> {
        raced(|| self.hold_once(order)).await
    }

    async fn hold_once(&self, order: &HoldOrder) -> Result<(HoldState, Snapshot), Error> {
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        // The lock first: of two requests for one payout, the second then finds the first's.
        let payable = self
            .store
            .lock_payable_in_tx(&mut tx, &order.creator, &SCHEDULED)
            .await?;
        let hold = match self.store.find_hold_in_tx(&mut tx, &order.payout).await? {
            Some(hold) => same(hold, order)?,
            None => {
                let plan = plan_hold(&payable, order.amount).map_err(fault)?;
                let hold = planned(order, plan)?;
                self.store.insert_hold_in_tx(&mut tx, &hold, now).await?;
                self.post_own_in_tx(&mut tx, vec![hold.placed().map_err(fault)?], now)
                    .await?;
                hold
            }
        };
        let since = now.saturating_sub(RECENT);
        let snapshot = self
            .store
            .snapshot_in_tx(&mut tx, &order.creator, &order.payout, since)
            .await?;
        tx.commit().await?;
        Ok((hold.state, snapshot))
    }

    /// The point of no return for one attempt.
    ///
    /// # Errors
    /// `HOLD_UNKNOWN`; `HOLD_RELEASED` or `HOLD_BROKEN` when it lost the race; `Unavailable`
    /// while the refusal of the attempt before is under way.
    pub async fn commit_hold(&self, payout: &PayoutId, attempt: u32) -> Result<HoldState, Error> {
        raced(|| self.end_once(payout, |hold| hold.commit(attempt))).await
    }

    /// Gives a hold back to the months that it came from.
    ///
    /// # Errors
    /// `HOLD_UNKNOWN`; `HOLD_COMMITTED` or `HOLD_BROKEN` when it lost the race.
    pub async fn release_hold(&self, payout: &PayoutId) -> Result<HoldState, Error> {
        raced(|| self.end_once(payout, Hold::release)).await
    }

    /// Of two that end a hold at once, the second waits for its lock and then sees its state.
    async fn end_once(
        &self,
        payout: &PayoutId,
        end: impl FnOnce(&mut Hold) -> Result<Decision, Refused>,
    ) -> Result<HoldState, Error> {
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        let locked = self
            .store
            .lock_holds_in_tx(&mut tx, &[payout.to_string()])
            .await?;
        let mut hold = locked.into_values().next().ok_or_else(|| unknown(payout))?;
        match end(&mut hold).map_err(refused)? {
            Decision::AlreadyThere => {}
            Decision::Moved(facts) => {
                self.post_own_in_tx(&mut tx, facts, now).await?;
                self.store.update_hold_in_tx(&mut tx, &hold, now).await?;
            }
        }
        tx.commit().await?;
        Ok(hold.state)
    }

    async fn post_own_in_tx(
        &self,
        tx: &mut PgConnection,
        facts: Vec<Fact>,
        at: OffsetDateTime,
    ) -> Result<(), Error> {
        let facts: Vec<_> = facts
            .into_iter()
            .map(|fact| Occurred { fact, at })
            .collect();
        self.must_post_in_tx(tx, &facts).await
    }
}

fn planned(order: &HoldOrder, plan: HoldPlan) -> Result<Hold, Error> {
    if !plan.rest.is_zero() {
        let payable = order.amount.checked_sub(plan.rest).map_err(fault)?;
        let message = format!(
            "{} has {payable} payable, not {}",
            order.creator, order.amount
        );
        let rejection = Rejection::new("INSUFFICIENT_BALANCE", message);
        return Err(Error::Rejected(
            rejection.with("payable_minor", payable.minor()),
        ));
    }
    Ok(Hold {
        payout: order.payout.clone(),
        creator: order.creator.clone(),
        amount: order.amount,
        state: HoldState::Held,
        attempt: None,
        parts: plan.parts,
    })
}

/// Replay before rules: a hold that is there is answered, whatever is payable today.
fn same(hold: Hold, order: &HoldOrder) -> Result<Hold, Error> {
    if (hold.amount, &hold.creator) == (order.amount, &order.creator) {
        return Ok(hold);
    }
    let Hold {
        payout,
        creator,
        amount,
        ..
    } = hold;
    let message = format!("{payout} has a hold of {amount} of {creator}");
    Err(Error::Conflict(Rejection::new("HOLD_DIFFERS", message)))
}

fn unknown(payout: &PayoutId) -> Error {
    Error::NotFound(Rejection::new(
        "HOLD_UNKNOWN",
        format!("{payout} has no hold"),
    ))
}

fn refused(refused: Refused) -> Error {
    match refused {
        Refused::Rejected(rejection) => Error::Rejected(rejection),
        Refused::TooEarly { .. } => Error::Unavailable(Box::new(refused)),
        Refused::Ledger(error) => fault(error),
    }
}

fn fault(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Bug(Box::new(error))
}
