//! How much a caller may ask for: a bucket of tokens per caller, in this process' memory. Every
//! request takes a token to be looked at; a write that costs more takes the rest before it is done.
//!
//! Kept as one instant per bucket, the one at which it will be full again (the generic cell rate
//! algorithm): no timer fills buckets, and a bucket that is full needs no entry.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::{HeaderMap, HeaderValue};
use time::OffsetDateTime;

use crate::config;
use crate::policy::Price;
use crate::problem::{Problem, catalogue};

/// The buckets of all callers. Cheap to clone.
#[derive(Clone)]
pub struct Limits {
    prices: config::Limits,
    reads: Arc<Buckets>,
    writes: Arc<Buckets>,
}

/// Whether a request may pass, and what its caller is told either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    pub admitted: bool,
    /// What may be sent at once by one who paused.
    limit: u64,
    remaining: u64,
    /// Seconds until the bucket is full again.
    reset_seconds: u64,
    /// Seconds until the same request passes; 0 when it would now.
    retry_seconds: u64,
}

struct Buckets {
    /// What one token costs, in nanoseconds of waiting.
    interval: u64,
    burst: u64,
    /// By caller: when its bucket will be full, in nanoseconds since 1970.
    full_at: Mutex<HashMap<String, u64>>,
}

/// Beyond this many callers, those whose buckets are full are forgotten.
const CALLERS_MAX: usize = 10_000;
const SECOND: u64 = 1_000_000_000;

impl Limits {
    #[must_use]
    pub fn new(limits: config::Limits) -> Self {
        Self {
            prices: limits,
            reads: Arc::new(Buckets::new(limits.reads_per_second, limits.reads_burst)),
            writes: Arc::new(Buckets::new(limits.writes_per_second, limits.writes_burst)),
        }
    }

    /// Takes a token of the caller's bucket, if there is one. `wall` is wall time.
    #[must_use]
    pub fn take(&self, caller: &str, is_write: bool, wall: OffsetDateTime) -> Allowance {
        let buckets = if is_write { &self.writes } else { &self.reads };
        buckets.take(caller, nanoseconds(wall), 1)
    }

    /// What a write costs. None costs more than a whole bucket: it could never be paid.
    #[must_use]
    pub fn cost(&self, price: Price, body: &[u8]) -> u64 {
        let tokens = price.tokens(&self.prices, body);
        tokens.min(self.prices.writes_burst)
    }

    /// Takes what a write costs beyond the token that it has paid to be looked at.
    #[must_use]
    pub fn take_rest(&self, caller: &str, cost: u64, wall: OffsetDateTime) -> Allowance {
        let rest = cost.saturating_sub(1);
        let mut allowance = self.writes.take(caller, nanoseconds(wall), rest);
        if !allowance.admitted {
            // Who comes again pays to be looked at again.
            allowance.retry_seconds += self.writes.interval.div_ceil(SECOND);
        }
        allowance
    }

    /// Where the caller's writes stand; takes nothing.
    #[must_use]
    pub fn look(&self, caller: &str, wall: OffsetDateTime) -> Allowance {
        self.writes.take(caller, nanoseconds(wall), 0)
    }
}

fn nanoseconds(wall: OffsetDateTime) -> u64 {
    u64::try_from(wall.unix_timestamp_nanos()).unwrap_or(0)
}

impl Buckets {
    fn new(per_second: u64, burst: u64) -> Self {
        Self {
            interval: SECOND.checked_div(per_second).unwrap_or(SECOND),
            burst,
            full_at: Mutex::default(),
        }
    }

    fn take(&self, caller: &str, now: u64, tokens: u64) -> Allowance {
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that was set back must not lock anybody out.
        let whole = self.interval.saturating_mul(self.burst);
        let owed = full_at.get(caller).map_or(0, |at| at.saturating_sub(now));
        let owed = owed.min(whole);
        let after = owed.saturating_add(self.interval.saturating_mul(tokens));
        let admitted = after <= whole;
        let owed = if admitted { after } else { owed };
        make_room(&mut full_at, now);
        // Also when it is refused: what was cut to a whole bucket runs from now.
        full_at.insert(caller.to_owned(), now.saturating_add(owed));
        Allowance {
            admitted,
            limit: self.burst,
            remaining: whole.saturating_sub(owed) / self.interval.max(1),
            reset_seconds: owed.div_ceil(SECOND),
            retry_seconds: after.saturating_sub(whole).div_ceil(SECOND),
        }
    }
}

/// Memory is bounded: first those go that lose nothing, and if all are busy, everybody starts anew.
fn make_room(full_at: &mut HashMap<String, u64>, now: u64) {
    if full_at.len() < CALLERS_MAX {
        return;
    }
    full_at.retain(|_, at| *at > now);
    if full_at.len() >= CALLERS_MAX {
        full_at.clear();
    }
}

impl Allowance {
    /// What one is told who was not admitted.
    pub fn refusal(self) -> Problem {
        let detail = format!("wait {} s before the next request", self.retry_seconds);
        Problem::new(catalogue::RATE_LIMITED, detail).retry_after(self.retry_seconds)
    }

    /// Tells the caller where it stands.
    pub fn write(self, headers: &mut HeaderMap) {
        headers.insert("ratelimit-limit", HeaderValue::from(self.limit));
        headers.insert("ratelimit-remaining", HeaderValue::from(self.remaining));
        headers.insert("ratelimit-reset", HeaderValue::from(self.reset_seconds));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten a second, three at once.
    fn buckets() -> Buckets {
        Buckets::new(10, 3)
    }

    const NOW: u64 = 1_800_000_000 * SECOND;
    const TENTH: u64 = SECOND / 10;

    #[test]
    fn a_burst_passes_and_then_one_request_per_interval() {
        let buckets = buckets();
        let passed = |at: u64| buckets.take("u", at, 1).admitted;
        assert!(passed(NOW) && passed(NOW) && passed(NOW));
        assert!(!passed(NOW) && !passed(NOW + TENTH - 1));
        assert!(passed(NOW + TENTH) && !passed(NOW + TENTH));
        assert!(passed(NOW + 10 * SECOND) && passed(NOW + 10 * SECOND));
    }

    #[test]
    fn a_request_takes_as_many_tokens_as_it_costs_or_none() {
        let buckets = Buckets::new(10, 10);
        let left = |tokens| {
            let allowance = buckets.take("u", NOW, tokens);
            (allowance.admitted, allowance.remaining)
        };
        assert_eq!(left(4), (true, 6));
        assert_eq!(left(7), (false, 6), "what is refused takes nothing");
        assert_eq!(left(6), (true, 0));
        assert_eq!(left(0), (true, 0), "a look");
        assert_eq!(left(1), (false, 0));
        let later = NOW + 3 * TENTH;
        assert!(buckets.take("u", later, 3).admitted);
        assert!(!buckets.take("u", later, 1).admitted);
    }

    #[test]
    fn callers_do_not_share_a_bucket() {
        let buckets = buckets();
        (0..3).for_each(|_| assert!(buckets.take("a", NOW, 1).admitted));
        assert!(!buckets.take("a", NOW, 1).admitted);
        assert!(buckets.take("b", NOW, 1).admitted);
    }

    #[test]
    fn a_caller_is_told_what_is_left_and_when_to_come_again() {
        let buckets = Buckets::new(1, 2);
        let told = |allowance: Allowance| {
            (
                allowance.remaining,
                allowance.reset_seconds,
                allowance.retry_seconds,
            )
        };
        assert_eq!(told(buckets.take("u", NOW, 1)), (1, 1, 0));
        assert_eq!(told(buckets.take("u", NOW, 1)), (0, 2, 0));
        assert_eq!(told(buckets.take("u", NOW, 1)), (0, 2, 1));
        assert_eq!(told(buckets.take("u", NOW + SECOND / 2, 1)), (0, 2, 1));
    }

    #[test]
    fn a_clock_that_was_set_back_locks_nobody_out() {
        let buckets = buckets();
        (0..3).for_each(|_| assert!(buckets.take("u", NOW, 1).admitted));
        let before = NOW - 3600 * SECOND;
        assert!(!buckets.take("u", before, 1).admitted);
        assert!(buckets.take("u", before + TENTH, 1).admitted);
    }

    #[test]
    fn the_callers_that_are_remembered_are_bounded() {
        let buckets = buckets();
        for caller in 0..=CALLERS_MAX {
            let _ = buckets.take(&caller.to_string(), NOW, 1);
        }
        assert!(buckets.full_at.lock().unwrap().len() <= CALLERS_MAX);
    }
}
