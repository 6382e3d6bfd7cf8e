//! When a month's cash is complete.

use ledger::Month;

/// Count and wrapping digest of events, over all that count from before a month's end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EventTotals {
    pub event_count: i64,
    pub digest: u64,
}

impl EventTotals {
    #[must_use]
    pub fn plus(self, more: Self) -> Self {
        Self {
            event_count: self.event_count.saturating_add(more.event_count),
            digest: self.digest.wrapping_add(more.digest),
        }
    }
}

/// What is known of the next month to be cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// What webhook-ingest said, if it has.
    pub ingested: Option<EventTotals>,
    /// What we have received.
    pub received: EventTotals,
    /// Objects named by the month's events that are not read yet.
    pub pending_count: i64,
}

impl Standing {
    /// Whether every charge of the month is known: all events are here, and all read.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.ingested == Some(self.received) && self.pending_count == 0
    }
}

/// The first month that charges may be stamped with: after the last cut, or that of the first
/// event of all, before which no month is ever cut.
#[must_use]
pub fn first_open(last_cut: Option<Month>, first_event: Option<Month>) -> Option<Month> {
    last_cut.map(Month::next).or(first_event)
}

/// A sum of signed 64-bit digests, as a database adds them, brought back to a wrapping sum.
#[must_use]
pub fn wrapped(sum: i128) -> u64 {
    let modulus = i128::from(u64::MAX).saturating_add(1);
    u64::try_from(sum.rem_euclid(modulus)).expect("a remainder of 2^64 has 64 bits")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_complete_when_all_its_events_are_here_and_read() {
        let totals = EventTotals {
            event_count: 3,
            digest: 7,
        };
        let complete = Standing {
            ingested: Some(totals),
            received: totals,
            pending_count: 0,
        };
        assert!(complete.is_complete());
        let fewer = EventTotals {
            event_count: 2,
            digest: 7,
        };
        let other = EventTotals {
            event_count: 3,
            digest: 8,
        };
        for received in [fewer, other] {
            assert!(
                !Standing {
                    received,
                    ..complete
                }
                .is_complete()
            );
        }
        assert!(
            !Standing {
                pending_count: 1,
                ..complete
            }
            .is_complete()
        );
        assert!(
            !Standing {
                ingested: None,
                ..complete
            }
            .is_complete()
        );
    }

    #[test]
    fn a_sum_of_stored_digests_is_the_wrapping_sum_of_the_digests() {
        let digests = [u64::MAX, 1 << 63, 7];
        let stored: i128 = digests
            .iter()
            .map(|digest| i128::from(digest.cast_signed()))
            .sum();
        assert_eq!(
            wrapped(stored),
            digests.iter().fold(0, |sum: u64, d| sum.wrapping_add(*d))
        );
    }
}
