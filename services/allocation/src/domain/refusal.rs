//! Every reason against directing money.

use ledger::{CreatorId, Month, SubscriberId};
use money::{Amount, MoneyError};

use super::Standing;

/// Why money is not directed. Where several apply, the one that stands first here is given.
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
    #[error("{from} cannot be copied: it is not before the open month, {open}")]
    NotEarlier { from: Month, open: Month },
    #[error("there is no creator {0}")]
    CreatorUnknown(CreatorId),
    #[error(
        "an invoice of {0}'s subscription is past due: money can be directed again when it is \
         paid, and what is directed already stays"
    )]
    SubscriptionPastDue(SubscriberId),
    #[error("directing money takes a subscription, and {0} has none")]
    SubscriptionRequired(SubscriberId),
    #[error("{subscriber} directed nothing in {from}: there is nothing to copy")]
    NothingToCopy {
        subscriber: SubscriberId,
        from: Month,
    },
    /// One allocation is too much beside the others.
    #[error("{asked} is more than can be set: {left} of {funded} are left, beside {now} now")]
    InsufficientFunds {
        asked: Amount,
        left: Amount,
        funded: Amount,
        now: Amount,
    },
    /// A whole set is too much. It takes the place of all that is directed, so all that was
    /// funded is there for it.
    #[error("the allocations add up to {needed}, and {funded} are there")]
    SumTooLarge { needed: Amount, funded: Amount },
    /// What is stored contradicts itself.
    #[error("the pool does not add up")]
    Inconsistent(#[from] MoneyError),
}
