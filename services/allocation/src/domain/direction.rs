//! Directing money: what a subscriber may ask for, and what follows from it.

use ledger::{CreatorId, Month, Program, SubscriberId};
use money::Amount;

use super::copying::{Earlier, copied};
use super::{Direction, Outcome, Pool, Refusal, Shares, Standing, Subscribed};

/// What one creator shall get: the amount, not the change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub creator: CreatorId,
    pub to: Amount,
}

/// What a subscriber wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// One creator's share; all others keep theirs.
    One(Target),
    /// All shares, each creator once; who is not named gets nothing.
    All(Vec<Target>),
    /// All shares as in an earlier month, `None` being the one before the open one.
    Copy { from: Option<Month>, scale: bool },
}

/// What a subscriber asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    pub subscriber: SubscriberId,
    pub program: Program,
    pub wish: Wish,
}

impl Ask {
    /// Those whom the registry must know, in the order in which they were named. Who is copied
    /// is known: money was directed there before, and no creator is ever forgotten.
    #[must_use]
    pub fn targets(&self) -> &[Target] {
        match &self.wish {
            Wish::One(target) => std::slice::from_ref(target),
            Wish::All(targets) => targets,
            Wish::Copy { .. } => &[],
        }
    }
}

/// What is known when the decision is taken, under the month's and the pool's locks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Situation {
    pub month: Month,
    pub standing: Standing,
    pub open: Month,
    /// The first creator asked for whom the registry does not know.
    pub unknown: Option<CreatorId>,
    pub subscribed: Subscribed,
    pub pool: Pool,
    /// What each creator gets now.
    pub shares: Shares,
    /// What is to be copied, when that was asked for.
    pub earlier: Option<Earlier>,
}

/// Decides; `None` when all is as wished already.
///
/// # Errors
/// Every reason against it.
pub fn decide(ask: &Ask, situation: &Situation) -> Result<Option<Direction>, Refusal> {
    check_open(ask, situation)?;
    if let Some(unknown) = &situation.unknown {
        return Err(Refusal::CreatorUnknown(unknown.clone()));
    }
    check_subscribed(ask, situation)?;
    let (now, pool) = (&situation.shares, situation.pool);
    let wanted = wanted(ask, situation)?;
    match pool.direct(now, &wanted)? {
        Outcome::Unchanged => Ok(None),
        Outcome::Changed(direction) => Ok(Some(direction)),
        Outcome::TooMuch { needed } => Err(too_much(ask, situation, needed)),
    }
}

fn check_open(ask: &Ask, situation: &Situation) -> Result<(), Refusal> {
    let subscriber = ask.subscriber.as_str();
    let named = |target: &Target| target.creator.as_str() == subscriber;
    if ask.targets().iter().any(named) {
        return Err(Refusal::SelfAllocation(ask.subscriber.clone()));
    }
    let Situation { month, open, .. } = *situation;
    match situation.standing {
        Standing::Open => Ok(()),
        standing @ (Standing::Locked | Standing::Sealed) => Err(Refusal::MonthLocked {
            month,
            standing,
            open,
        }),
        Standing::Future | Standing::Unknown => Err(Refusal::MonthNotOpen { month, open }),
    }
}

/// A subscription that runs may direct; one whose invoice is open may not, whatever the pool
/// holds. When none runs, what was paid for this month can still be directed until it locks.
fn check_subscribed(ask: &Ask, situation: &Situation) -> Result<(), Refusal> {
    let funded = !situation.pool.funded().is_zero();
    let subscriber = || ask.subscriber.clone();
    match situation.subscribed {
        Subscribed::Live => Ok(()),
        Subscribed::No if funded => Ok(()),
        Subscribed::PastDue => Err(Refusal::SubscriptionPastDue(subscriber())),
        Subscribed::No | Subscribed::Suspended => Err(Refusal::SubscriptionRequired(subscriber())),
    }
}

/// All shares as they shall be.
fn wanted(ask: &Ask, situation: &Situation) -> Result<Shares, Refusal> {
    let mut wanted = match &ask.wish {
        Wish::One(target) => {
            let mut wanted = situation.shares.clone();
            wanted.insert(target.creator.clone(), target.to);
            wanted
        }
        Wish::All(targets) => {
            let each = targets
                .iter()
                .map(|target| (target.creator.clone(), target.to));
            each.collect()
        }
        Wish::Copy { from, scale } => {
            let earlier = situation.earlier.as_ref();
            let earlier = earlier.filter(|earlier| !earlier.shares.is_empty());
            let earlier = earlier.ok_or_else(|| Refusal::NothingToCopy {
                subscriber: ask.subscriber.clone(),
                from: from.unwrap_or_else(|| situation.open.prev()),
            })?;
            let funded = situation.pool.funded();
            // Into a pool of nothing nothing can be scaled: the sum is refused as it is.
            copied(&earlier.shares, funded, *scale && !funded.is_zero())?
        }
    };
    wanted.retain(|_, amount| !amount.is_zero());
    Ok(wanted)
}

fn too_much(ask: &Ask, situation: &Situation, needed: Amount) -> Refusal {
    let Situation { pool, shares, .. } = situation;
    let funded = pool.funded();
    let Wish::One(target) = &ask.wish else {
        return Refusal::SumTooLarge { needed, funded };
    };
    let now = shares.get(&target.creator).copied();
    Refusal::InsufficientFunds {
        asked: target.to,
        left: pool.left(),
        funded,
        now: now.unwrap_or(Amount::zero(funded.asset())),
    }
}

#[cfg(test)]
mod tests;
