//! A pool: what one subscriber has to direct in one month, and how much of it is directed.

use std::collections::{BTreeMap, BTreeSet};

use ledger::CreatorId;
use money::{Amount, Asset, MoneyError};

/// What each creator gets of a pool; nobody with zero.
pub type Shares = BTreeMap<CreatorId, Amount>;

/// One subscriber's money in one program and month. Never directs more than it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pool {
    funded: Amount,
    allocated: Amount,
    left: Amount,
    version: u64,
}

/// One creator's share as it was and as it becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    pub creator: CreatorId,
    pub from: Amount,
    pub to: Amount,
}

/// What changes, by creator, and the pool after it. All of it is one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Direction {
    pub moves: Vec<Move>,
    pub pool: Pool,
}

/// What comes of directing a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Everybody gets that much already: nothing happens, and nothing is announced.
    Unchanged,
    Changed(Direction),
    /// The shares would add up to this, which is more than was funded.
    TooMuch {
        needed: Amount,
    },
}

impl Pool {
    /// Errors: `Negative` when more is allocated than was funded, `AssetMismatch`.
    pub fn try_new(funded: Amount, allocated: Amount, version: u64) -> Result<Self, MoneyError> {
        let left = funded.checked_sub(allocated)?;
        Ok(Self {
            funded,
            allocated,
            left,
            version,
        })
    }

    /// A pool that no charge has funded.
    #[must_use]
    pub fn empty() -> Self {
        let zero = Amount::usd(0);
        Self {
            funded: zero,
            allocated: zero,
            left: zero,
            version: 0,
        }
    }

    #[must_use]
    pub const fn funded(&self) -> Amount {
        self.funded
    }

    #[must_use]
    pub const fn allocated(&self) -> Amount {
        self.allocated
    }

    /// What is not directed yet.
    #[must_use]
    pub const fn left(&self) -> Amount {
        self.left
    }

    /// Grows by one with each change, however many shares it moves.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// Directs the pool from the shares that it has to those that are wanted.
    /// Errors: `Negative` when `now` is not what this pool has allocated, `Overflow`.
    pub fn direct(&self, now: &Shares, wanted: &Shares) -> Result<Outcome, MoneyError> {
        let moves = moves(now, wanted);
        if moves.is_empty() {
            return Ok(Outcome::Unchanged);
        }
        let sum = |amounts: &mut dyn Iterator<Item = Amount>| {
            Amount::checked_sum(self.funded.asset(), amounts)
        };
        let from = sum(&mut moves.iter().map(|moved| moved.from))?;
        let to = sum(&mut moves.iter().map(|moved| moved.to))?;
        let needed = self.allocated.checked_sub(from)?.checked_add(to)?;
        if needed > self.funded {
            return Ok(Outcome::TooMuch { needed });
        }
        let version = self.version.checked_add(1).ok_or(MoneyError::Overflow)?;
        let pool = Self::try_new(self.funded, needed, version)?;
        Ok(Outcome::Changed(Direction { moves, pool }))
    }
}

/// Whose share differs, by creator.
fn moves(now: &Shares, wanted: &Shares) -> Vec<Move> {
    let creators: BTreeSet<&CreatorId> = now.keys().chain(wanted.keys()).collect();
    let share = |shares: &Shares, creator| {
        let share = shares.get(creator).copied();
        share.unwrap_or(Amount::zero(Asset::Usd))
    };
    let each = creators.into_iter().map(|creator| Move {
        creator: creator.clone(),
        from: share(now, creator),
        to: share(wanted, creator),
    });
    each.filter(|moved| moved.from != moved.to).collect()
}

#[cfg(test)]
pub fn shares(given: &[(&str, u32)]) -> Shares {
    let share = |(creator, cents): &(&str, u32)| (creator.parse().unwrap(), Amount::usd(*cents));
    given.iter().map(share).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(funded: u32, allocated: u32) -> Pool {
        Pool::try_new(Amount::usd(funded), Amount::usd(allocated), 3).unwrap()
    }

    #[test]
    fn a_pool_that_directs_more_than_it_holds_cannot_be_made() {
        let spent = Pool::try_new(Amount::usd(99), Amount::usd(100), 1);
        assert_eq!(spent, Err(MoneyError::Negative));
    }

    #[test]
    fn the_last_cent_can_be_directed_and_not_one_more() {
        let now = shares(&[("alice", 100), ("bob", 600)]);
        let to = |cents| shares(&[("alice", cents), ("bob", 600)]);
        let last = pool(1_000, 700).direct(&now, &to(400)).unwrap();
        assert!(matches!(last, Outcome::Changed(given) if given.pool.left().is_zero()));
        let needed = Amount::usd(1_001);
        assert_eq!(
            pool(1_000, 700).direct(&now, &to(401)),
            Ok(Outcome::TooMuch { needed })
        );
    }

    #[test]
    fn a_whole_set_is_one_version_and_moves_only_those_whose_share_differs() {
        let now = shares(&[("alice", 100), ("bob", 600), ("dan", 50)]);
        let wanted = shares(&[("bob", 600), ("carol", 300), ("dan", 100)]);
        let Outcome::Changed(given) = pool(1_000, 750).direct(&now, &wanted).unwrap() else {
            panic!("it was not changed");
        };
        assert_eq!(
            (given.pool.version(), given.pool.left()),
            (4, Amount::usd(0))
        );
        let moved: Vec<String> = given
            .moves
            .iter()
            .map(|m| format!("{} {} {}", m.creator, m.from, m.to))
            .collect();
        assert_eq!(
            moved,
            ["alice $1.00 $0.00", "carol $0.00 $3.00", "dan $0.50 $1.00"]
        );
    }

    /// Money that one creator loses is there for another in the same version.
    #[test]
    fn a_full_pool_can_be_directed_anew() {
        let (now, wanted) = (shares(&[("alice", 1_000)]), shares(&[("bob", 1_000)]));
        let outcome = pool(1_000, 1_000).direct(&now, &wanted).unwrap();
        assert!(matches!(outcome, Outcome::Changed(given) if given.moves.len() == 2));
    }

    #[test]
    fn shares_that_the_pool_has_not_allocated_are_a_contradiction() {
        let now = shares(&[("alice", 701)]);
        let contradiction = pool(1_000, 700).direct(&now, &Shares::new());
        assert_eq!(contradiction, Err(MoneyError::Negative));
    }
}
