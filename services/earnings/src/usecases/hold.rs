//! Holds: placed together, ended one by one.

use std::collections::{BTreeMap, HashMap};

use kit::{Error, Rejection};
use ledger::{CreatorId, Fact, HoldPart, HoldPlan, PayoutId, plan_hold};
use money::Amount;
use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};

use super::desk::Answer;
use super::{SCHEDULED, Usecases, raced};
use crate::domain::batch::Occurred;
use crate::domain::hold::{Decision, Hold, HoldState, Payable, Refused};

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
    /// All orders in one transaction; each is answered by itself.
    pub(super) async fn hold_together(&self, orders: &[HoldOrder]) -> Result<Vec<Answer>, Error> {
        raced(|| self.hold_once(orders)).await
    }

    pub(super) async fn hold_alone(&self, order: &HoldOrder) -> Answer {
        let answers = self.hold_together(std::slice::from_ref(order)).await?;
        answers
            .into_iter()
            .next()
            .ok_or_else(|| Error::bug("an order was not answered"))?
    }

    async fn hold_once(&self, orders: &[HoldOrder]) -> Result<Vec<Answer>, Error> {
        let now = self.clock.now();
        let creators: Vec<String> = orders.iter().map(|o| o.creator.to_string()).collect();
        let payouts: Vec<String> = orders.iter().map(|o| o.payout.to_string()).collect();
        let mut tx = self.store.begin().await?;
        // The lock first: of two requests for one payout, the second then finds the first's.
        let payable = self
            .store
            .lock_payable_in_tx(&mut tx, &creators, &SCHEDULED)
            .await?;
        let holds = self.store.find_holds_in_tx(&mut tx, &payouts).await?;
        let mut till = Till {
            payable,
            holds,
            placed: Vec::new(),
        };
        let decided: Vec<_> = orders.iter().map(|order| till.hold(order)).collect();
        if !till.placed.is_empty() {
            self.store
                .insert_holds_in_tx(&mut tx, &till.placed, now)
                .await?;
            let facts = till
                .placed
                .iter()
                .map(Hold::placed)
                .collect::<Result<_, _>>();
            self.post_own_in_tx(&mut tx, facts.map_err(fault)?, now)
                .await?;
        }
        let since = now.saturating_sub(RECENT);
        let incomes = self.store.incomes_in_tx(&mut tx, &creators, since).await?;
        tx.commit().await?;
        let answers = decided.into_iter().map(|hold| {
            let hold = hold?;
            let income = incomes
                .get(hold.creator.as_str())
                .copied()
                .unwrap_or_default();
            Ok((hold.state, hold.snapshot(income)))
        });
        Ok(answers.collect())
    }

    /// The point of no return for one attempt.
    ///
    /// # Errors
    /// `HOLD_UNKNOWN`; `HOLD_RELEASED` or `HOLD_BROKEN` when it lost the race;
    /// `HOLD_ATTEMPT_ENDED` when the attempt was refused meanwhile; `Unavailable` while the
    /// refusal of the attempt before is under way.
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

/// What a batch of orders plans with, under the locks of all its creators' money.
struct Till {
    payable: HashMap<String, Payable>,
    holds: BTreeMap<String, Hold>,
    placed: Vec<Hold>,
}

impl Till {
    /// Replay before rules: a hold that is there is answered, whatever is payable today.
    fn hold(&mut self, order: &HoldOrder) -> Result<Hold, Error> {
        if let Some(hold) = self.holds.get(order.payout.as_str()) {
            return same(hold, order);
        }
        let mut none = Payable::new();
        let payable = self
            .payable
            .get_mut(order.creator.as_str())
            .unwrap_or(&mut none);
        let plan = plan_hold(payable, order.amount).map_err(fault)?;
        let hold = planned(order, plan)?;
        take(payable, &hold.parts)?;
        self.holds.insert(order.payout.to_string(), hold.clone());
        self.placed.push(hold.clone());
        Ok(hold)
    }
}

/// What one order took is not there for the next.
fn take(payable: &mut Payable, parts: &[HoldPart]) -> Result<(), Error> {
    for part in parts {
        for (program, month, left) in payable.iter_mut() {
            if (*program, *month) == (part.program, part.month) {
                *left = left.checked_sub(part.amount).map_err(fault)?;
            }
        }
    }
    Ok(())
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
        returned: Amount::zero(order.amount.asset()),
    })
}

fn same(hold: &Hold, order: &HoldOrder) -> Result<Hold, Error> {
    if (hold.amount, &hold.creator) == (order.amount, &order.creator) {
        return Ok(hold.clone());
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
