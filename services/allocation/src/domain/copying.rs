//! An earlier month's allocations as targets for the open one.

use ledger::Month;
use money::{Amount, MoneyError};

use super::{Refusal, Shares};

/// What an earlier month ended with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earlier {
    pub month: Month,
    pub shares: Shares,
}

/// The month that is copied: the one asked for, or the one before the open one. Only an earlier
/// month can be, because only there nothing changes any more.
///
/// # Errors
/// [`Refusal::NotEarlier`].
pub fn source(asked: Option<Month>, open: Month) -> Result<Month, Refusal> {
    let from = asked.unwrap_or_else(|| open.prev());
    if from < open {
        Ok(from)
    } else {
        Err(Refusal::NotEarlier { from, open })
    }
}

/// What the open month shall have: the earlier amounts, or, asked to scale, `funded` in their
/// proportions when it does not reach. Creators whose part is less than a cent are left out.
///
/// # Errors
/// As [`Amount::split`].
pub fn copied(earlier: &Shares, funded: Amount, scale: bool) -> Result<Shares, MoneyError> {
    let sum = Amount::checked_sum(funded.asset(), earlier.values().copied())?;
    if !scale || sum <= funded {
        return Ok(earlier.clone());
    }
    let weights: Result<Vec<u64>, _> = earlier.values().map(|a| a.minor().try_into()).collect();
    let weights = weights.map_err(|_| MoneyError::Negative)?;
    let parts = funded.split(&weights)?;
    let scaled = earlier.keys().cloned().zip(parts);
    Ok(scaled.filter(|(_, part)| !part.is_zero()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::pool::shares;

    fn month(text: &str) -> Month {
        text.parse().unwrap()
    }

    #[test]
    fn the_month_before_the_open_one_is_copied_unless_another_is_named() {
        let open = month("2027-01");
        assert_eq!(source(None, open), Ok(month("2026-12")));
        assert_eq!(source(Some(month("2026-03")), open), Ok(month("2026-03")));
        for from in ["2027-01", "2027-02"] {
            let from = month(from);
            assert_eq!(
                source(Some(from), open),
                Err(Refusal::NotEarlier { from, open })
            );
        }
    }

    #[test]
    fn what_fits_is_copied_as_it_was_whether_scaling_is_asked_or_not() {
        let earlier = shares(&[("alice", 300), ("bob", 200)]);
        for scale in [false, true] {
            assert_eq!(
                copied(&earlier, Amount::usd(500), scale),
                Ok(earlier.clone())
            );
        }
        assert_eq!(copied(&earlier, Amount::usd(499), false), Ok(earlier));
    }

    /// $10.00 of 7 : 7 : 7 is 3.34, 3.33, 3.33: the cent left over goes to the first by id.
    #[test]
    fn scaling_gives_out_the_whole_pool_and_left_over_cents_by_creator() {
        let earlier = shares(&[("carol", 700), ("alice", 700), ("bob", 700)]);
        let scaled = copied(&earlier, Amount::usd(1_000), true).unwrap();
        assert_eq!(
            scaled,
            shares(&[("alice", 334), ("bob", 333), ("carol", 333)])
        );
    }

    #[test]
    fn a_part_of_less_than_a_cent_is_left_out() {
        let earlier = shares(&[("alice", 1), ("bob", 1_000)]);
        let scaled = copied(&earlier, Amount::usd(100), true).unwrap();
        assert_eq!(scaled, shares(&[("bob", 100)]));
    }
}
