//! Money that Stripe has and does not let out yet: when will it be enough?

use time::{Duration, OffsetDateTime};

use super::next_midnight;

/// A balance transaction, or several, that become available together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pending {
    pub available_on: OffsetDateTime,
    pub net_minor: i64,
}

/// What becomes available, and when.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settling {
    /// In the order of their instants.
    pending: Vec<Pending>,
}

impl Settling {
    /// From what was read of the pending transactions. What was not read (`pending_minor` is all
    /// that Stripe says is pending) is taken to be the last to come: a day that is told is kept.
    #[must_use]
    pub fn new(mut read: Vec<Pending>, pending_minor: i64) -> Self {
        read.sort_by_key(|pending| pending.available_on);
        let known = read
            .iter()
            .fold(0_i64, |sum, pending| sum.saturating_add(pending.net_minor));
        let rest = pending_minor.saturating_sub(known);
        if let Some(last) = read.last().copied().filter(|_| rest > 0) {
            read.push(Pending {
                net_minor: rest,
                ..last
            });
        }
        Self { pending: read }
    }

    /// The day on which `short_minor` more will be there, at its first instant: runs look then.
    /// None when all that is pending does not suffice.
    #[must_use]
    pub fn expected_on(&self, short_minor: i64) -> Option<OffsetDateTime> {
        let mut sum = 0_i64;
        for pending in &self.pending {
            sum = sum.saturating_add(pending.net_minor);
            if sum >= short_minor {
                let before = pending.available_on.saturating_sub(Duration::NANOSECOND);
                return Some(next_midnight(before));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const MONDAY: OffsetDateTime = datetime!(2027-03-01 00:00 UTC);
    const NOON: OffsetDateTime = datetime!(2027-03-02 12:00 UTC);
    const THURSDAY: OffsetDateTime = datetime!(2027-03-04 00:00 UTC);

    fn settling(pending_minor: i64) -> Settling {
        let at = |available_on, net_minor| Pending {
            available_on,
            net_minor,
        };
        Settling::new(
            vec![at(THURSDAY, 500), at(MONDAY, 100), at(NOON, 100)],
            pending_minor,
        )
    }

    #[test]
    fn the_day_is_told_on_which_enough_has_become_available() {
        let settling = settling(700);
        assert_eq!(settling.expected_on(100), Some(MONDAY));
        assert_eq!(
            settling.expected_on(101),
            Some(datetime!(2027-03-03 00:00 UTC))
        );
        assert_eq!(settling.expected_on(201), Some(THURSDAY));
        assert_eq!(settling.expected_on(701), None);
    }

    #[test]
    fn what_was_not_read_is_promised_last() {
        assert_eq!(settling(900).expected_on(900), Some(THURSDAY));
        assert_eq!(Settling::new(Vec::new(), 900).expected_on(1), None);
    }
}
