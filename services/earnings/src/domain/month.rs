//! A month from its seal to its close.

use ledger::{ControlTotals, Month};
use money::BasisPoints;
use time::{Duration, OffsetDateTime};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$why:meta])* $word:ident $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[$why])* $word,)+ }

        impl $name {
            /// As the column and messages say it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$word => $text,)+ }
            }

            pub fn find(text: &str) -> Option<Self> {
                [$(Self::$word,)+].into_iter().find(|word| word.as_str() == text)
            }
        }
    };
}

words! {
    /// Where a month stands, once it is sealed.
    MonthState {
        Sealed "sealed",
        Closing "closing",
        Closed "closed",
        /// It does not add up, and was told so. It goes on by itself when it does.
        Stopped "stopped",
    }
}

words! {
    /// What the close does next.
    Step {
        /// Compare what was sealed with what was posted.
        Compare "compare",
        Creators "creators",
        Subscribers "subscribers",
        Manifest "manifest",
    }
}

/// How far a month's close has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closing {
    pub month: Month,
    pub state: MonthState,
    pub step: Step,
    /// Where the step's next lines begin: accounts are taken in their order.
    pub after_account_id: i64,
    /// The fee in force when the close began.
    pub fee: Option<BasisPoints>,
    pub sealed_at: OffsetDateTime,
    /// How often it was announced that the month does not add up.
    pub unbalanced_count: i32,
}

impl Closing {
    /// On to a step, from its first account.
    pub fn enter(&mut self, step: Step) {
        (self.step, self.after_account_id, self.state) = (step, 0, MonthState::Closing);
    }
}

/// A month's figures as closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    pub at: OffsetDateTime,
    /// Hex SHA-256 of the manifest.
    pub root: String,
    pub gross_minor: i64,
    pub fee_minor: i64,
    pub net_minor: i64,
    pub unallocated_minor: i64,
    pub creator_count: i32,
}

/// A month as people ask for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MonthReport {
    pub month: Month,
    /// open, sealed, closing, closed or stopped.
    pub state: &'static str,
    pub closed: Option<Closed>,
    pub sealed: ControlTotals,
    pub posted: ControlTotals,
}

/// How long a sealed month may differ in business time before it is announced: by then, facts
/// that were under way have arrived.
const PATIENCE: Duration = Duration::minutes(10);
/// The same in wall time, for as long as nothing more arrives.
const QUIET_LONG: Duration = Duration::seconds(60);
/// Business time can jump past [`PATIENCE`] while facts are under way; this much quiet in wall
/// time says that none are.
const QUIET_SHORT: Duration = Duration::seconds(2);

/// What to do with a month that does not add up, or not yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiting {
    /// Nothing before this business time, unless a fact arrives.
    Until(OffsetDateTime),
    /// Time is up but facts arrived a moment ago.
    Moment,
    Announce,
}

/// `quiet` is how long, in wall time, nothing that counts for the month has been posted.
pub fn decide_waiting(sealed_at: OffsetDateTime, now: OffsetDateTime, quiet: Duration) -> Waiting {
    let due = sealed_at.saturating_add(PATIENCE);
    if quiet >= QUIET_LONG || (now >= due && quiet >= QUIET_SHORT) {
        Waiting::Announce
    } else if now >= due {
        Waiting::Moment
    } else {
        Waiting::Until(due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn a_month_that_differs_is_announced_when_facts_under_way_must_have_arrived() {
        let sealed = datetime!(2027-02-01 00:00 UTC);
        let (early, due) = (
            sealed + Duration::minutes(9),
            sealed + Duration::minutes(10),
        );
        let decide = |now, quiet| decide_waiting(sealed, now, Duration::seconds(quiet));
        assert_eq!(decide(early, 5), Waiting::Until(due));
        assert_eq!(decide(early, 60), Waiting::Announce);
        assert_eq!(decide(due, 1), Waiting::Moment);
        assert_eq!(decide(due, 2), Waiting::Announce);
    }
}
