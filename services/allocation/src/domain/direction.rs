//! Directing money: what a subscriber may set, and every reason against it.

use ledger::{CreatorId, Month, Program, SubscriberId};
use money::{Amount, MoneyError};

use super::{Outcome, Pool, Setting, Standing};

/// What a subscriber asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    pub subscriber: SubscriberId,
    pub program: Program,
    pub creator: CreatorId,
    /// What the creator shall get, not the change.
    pub to: Amount,
}

/// What is known when the decision is taken, under the month's and the pool's locks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Situation {
    pub month: Month,
    pub standing: Standing,
    pub open: Month,
    pub creator_known: bool,
    /// Whether a subscription of the program is active or in trial.
    pub subscribed: bool,
    pub pool: Pool,
    /// What the creator gets now.
    pub from: Amount,
}

/// Why an allocation is not set. Where several apply, the one that stands first here is given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("{0} cannot direct money to itself")]
    SelfAllocation(SubscriberId),
    #[error("{month} is {}: the open month is {open}", .standing.as_str())]
    MonthLocked {
        month: Month,
        standing: Standing,
        open: Month,
    },
    #[error("{month} is not open: the open month is {open}")]
    MonthNotOpen { month: Month, open: Month },
    #[error("there is no creator {0}")]
    CreatorUnknown(CreatorId),
    #[error("directing money takes a subscription, and {0} has none")]
    SubscriptionRequired(SubscriberId),
    #[error("{asked} is more than can be set: {left} of {funded} are left, beside {now} now")]
    InsufficientFunds {
        asked: Amount,
        left: Amount,
        funded: Amount,
        now: Amount,
    },
    /// What is stored contradicts itself.
    #[error("the pool does not add up")]
    Inconsistent(#[from] MoneyError),
}

/// Decides; `None` when the creator gets that much already.
///
/// # Errors
/// Every reason against it.
pub fn decide(ask: &Ask, situation: &Situation) -> Result<Option<Setting>, Refusal> {
    let Situation {
        month,
        standing,
        open,
        pool,
        from,
        ..
    } = *situation;
    if ask.subscriber.as_str() == ask.creator.as_str() {
        return Err(Refusal::SelfAllocation(ask.subscriber.clone()));
    }
    match standing {
        Standing::Open => {}
        Standing::Locked | Standing::Sealed => {
            return Err(Refusal::MonthLocked {
                month,
                standing,
                open,
            });
        }
        Standing::Future | Standing::Unknown => return Err(Refusal::MonthNotOpen { month, open }),
    }
    if !situation.creator_known {
        return Err(Refusal::CreatorUnknown(ask.creator.clone()));
    }
    if pool.funded().is_zero() && !situation.subscribed {
        return Err(Refusal::SubscriptionRequired(ask.subscriber.clone()));
    }
    match pool.set(from, ask.to)? {
        Outcome::Unchanged => Ok(None),
        Outcome::Changed(setting) => Ok(Some(setting)),
        Outcome::TooMuch => {
            let (left, funded) = (pool.left(), pool.funded());
            Err(Refusal::InsufficientFunds {
                asked: ask.to,
                left,
                funded,
                now: from,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(creator: &str, cents: u32) -> Ask {
        Ask {
            subscriber: "sam".parse().unwrap(),
            program: Program::Allocation,
            creator: creator.parse().unwrap(),
            to: Amount::usd(cents),
        }
    }

    /// January is open, alice is known, $10.00 are funded and $4.00 directed, $1.00 to alice.
    fn january() -> Situation {
        Situation {
            month: "2027-01".parse().unwrap(),
            standing: Standing::Open,
            open: "2027-01".parse().unwrap(),
            creator_known: true,
            subscribed: true,
            pool: Pool::try_new(Amount::usd(1_000), Amount::usd(400), 2).unwrap(),
            from: Amount::usd(100),
        }
    }

    #[test]
    fn what_is_refused_tells_what_is_left() {
        let refused = decide(&ask("alice", 701), &january()).unwrap_err();
        let (left, funded) = (Amount::usd(600), Amount::usd(1_000));
        let (asked, now) = (Amount::usd(701), Amount::usd(100));
        assert_eq!(
            refused,
            Refusal::InsufficientFunds {
                asked,
                left,
                funded,
                now
            }
        );
        assert_eq!(
            refused.to_string(),
            "$7.01 is more than can be set: $6.00 of $10.00 are left, beside $1.00 now"
        );
        assert!(decide(&ask("alice", 700), &january()).unwrap().is_some());
    }

    /// Method: everything is wrong at once, and is put right from the first refusal to the last.
    #[test]
    fn of_several_reasons_the_first_in_order_is_given() {
        let mut at = Situation {
            standing: Standing::Locked,
            creator_known: false,
            subscribed: false,
            pool: Pool::empty(),
            from: Amount::usd(0),
            ..january()
        };
        assert!(matches!(
            decide(&ask("sam", 1), &at),
            Err(Refusal::SelfAllocation(_))
        ));
        let ask = ask("alice", 1);
        assert!(matches!(
            decide(&ask, &at),
            Err(Refusal::MonthLocked { .. })
        ));
        at.standing = Standing::Future;
        assert!(matches!(
            decide(&ask, &at),
            Err(Refusal::MonthNotOpen { .. })
        ));
        at.standing = Standing::Open;
        assert!(matches!(decide(&ask, &at), Err(Refusal::CreatorUnknown(_))));
        at.creator_known = true;
        assert!(matches!(
            decide(&ask, &at),
            Err(Refusal::SubscriptionRequired(_))
        ));
        at.subscribed = true;
        assert!(matches!(
            decide(&ask, &at),
            Err(Refusal::InsufficientFunds { .. })
        ));
        at.pool = january().pool;
        assert!(decide(&ask, &at).unwrap().is_some());
    }

    #[test]
    fn money_that_is_there_can_be_directed_after_the_subscription_has_ended() {
        let at = Situation {
            subscribed: false,
            ..january()
        };
        assert!(decide(&ask("alice", 200), &at).unwrap().is_some());
    }

    #[test]
    fn the_same_amount_again_changes_nothing() {
        assert_eq!(decide(&ask("alice", 100), &january()), Ok(None));
    }
}
