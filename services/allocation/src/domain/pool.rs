//! A pool: what one subscriber has to direct in one month, and how much of it is directed.

use money::{Amount, MoneyError};

/// One subscriber's money in one program and month. Never directs more than it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pool {
    funded: Amount,
    allocated: Amount,
    left: Amount,
    version: u64,
}

/// An allocation as it was and as it becomes, and the pool after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    pub from: Amount,
    pub to: Amount,
    pub pool: Pool,
}

/// What comes of setting an allocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The creator gets that much already: nothing happens, and nothing is announced.
    Unchanged,
    Changed(Setting),
    /// It takes more than is left.
    TooMuch,
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

    /// Grows by one with each change.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// Sets what one creator gets, `from` being what it gets now.
    /// Errors: `Negative` when `from` is no part of this pool, `Overflow`.
    pub fn set(&self, from: Amount, to: Amount) -> Result<Outcome, MoneyError> {
        if from == to {
            return Ok(Outcome::Unchanged);
        }
        let allocated = self.allocated.checked_sub(from)?.checked_add(to)?;
        if allocated > self.funded {
            return Ok(Outcome::TooMuch);
        }
        let version = self.version.checked_add(1).ok_or(MoneyError::Overflow)?;
        let pool = Self::try_new(self.funded, allocated, version)?;
        Ok(Outcome::Changed(Setting { from, to, pool }))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Method: apply what is accepted, skip what is refused, and add the shares up again.
        #[test]
        fn no_sequence_of_changes_directs_more_than_was_funded(
            funded in 0u32..5_000,
            asks in prop::collection::vec((0u8..5, 0u32..3_000), 0..60),
        ) {
            let mut pool = Pool::try_new(Amount::usd(funded), Amount::usd(0), 0).unwrap();
            let mut shares: BTreeMap<u8, u32> = BTreeMap::new();
            for (creator, cents) in asks {
                let from = shares.get(&creator).copied().unwrap_or(0);
                let others = shares.values().sum::<u32>() - from;
                match pool.set(Amount::usd(from), Amount::usd(cents)).unwrap() {
                    Outcome::Unchanged => prop_assert_eq!(from, cents),
                    Outcome::TooMuch => prop_assert!(others + cents > funded),
                    Outcome::Changed(setting) => {
                        prop_assert_eq!(setting.pool.version(), pool.version() + 1);
                        pool = setting.pool;
                        shares.insert(creator, cents);
                    }
                }
                prop_assert_eq!(pool.allocated(), Amount::usd(shares.values().sum()));
                prop_assert!(pool.allocated() <= pool.funded());
                let whole = pool.left().checked_add(pool.allocated()).unwrap();
                prop_assert_eq!(whole, Amount::usd(funded));
            }
        }
    }

    #[test]
    fn a_pool_that_directs_more_than_it_holds_cannot_be_made() {
        let spent = Pool::try_new(Amount::usd(99), Amount::usd(100), 1);
        assert_eq!(spent, Err(MoneyError::Negative));
    }

    #[test]
    fn the_last_cent_can_be_directed_and_not_one_more() {
        let pool = Pool::try_new(Amount::usd(1_000), Amount::usd(700), 3).unwrap();
        let last = pool.set(Amount::usd(100), Amount::usd(400)).unwrap();
        assert!(matches!(last, Outcome::Changed(setting) if setting.pool.left().is_zero()));
        assert_eq!(
            pool.set(Amount::usd(100), Amount::usd(401)),
            Ok(Outcome::TooMuch)
        );
    }
}
