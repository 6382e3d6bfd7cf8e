//! Stripe's limits on how often it may be called: in all, and for each endpoint, per account, by
//! wall time. They stand before everything else: a limited request was never looked at.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use serde::{Deserialize, Serialize};

/// A call in millionths, so that a bucket fills evenly with each microsecond.
const CALL: u64 = 1_000_000;

/// Calls per second; a bucket holds as many as one second brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimits {
    /// Of one account, in all.
    pub total: u64,
    /// Of one account, to one endpoint.
    pub per_endpoint: u64,
}

impl RateLimits {
    /// Those of Stripe's test mode.
    pub const STRIPE_TEST: Self = Self {
        total: 25,
        per_endpoint: 25,
    };
    /// Those of live mode.
    pub const STRIPE_LIVE: Self = Self {
        total: 100,
        per_endpoint: 25,
    };

    /// Reads `stripe-test`, `stripe-live`, or two numbers: `total,per-endpoint`.
    ///
    /// # Errors
    /// When it is none of these.
    pub fn read(text: &str) -> Result<Self, String> {
        match text {
            "stripe-test" => return Ok(Self::STRIPE_TEST),
            "stripe-live" => return Ok(Self::STRIPE_LIVE),
            _ => {}
        }
        let numbers = text.split_once(',').and_then(|(total, each)| {
            let (total, per_endpoint) = (total.trim().parse().ok()?, each.trim().parse().ok()?);
            Some(Self {
                total,
                per_endpoint,
            })
        });
        let wrong = || "stripe-test, stripe-live, or calls per second like 25,25".to_owned();
        numbers
            .filter(|limits| limits.total > 0 && limits.per_endpoint > 0)
            .ok_or_else(wrong)
    }
}

struct Bucket {
    left: u64,
    filled_at: Instant,
}

impl Bucket {
    fn fill(&mut self, rate: u64, now: Instant) {
        let passed = now.duration_since(self.filled_at).as_micros();
        let brought = u64::try_from(passed)
            .unwrap_or(u64::MAX)
            .saturating_mul(rate);
        if brought > 0 {
            self.left = self.left.saturating_add(brought).min(rate * CALL);
            self.filled_at = now;
        }
    }
}

/// The buckets of everybody who calls.
#[derive(Default)]
pub struct Rates(Mutex<HashMap<String, Bucket>>);

impl Rates {
    /// Takes one call out of the account's bucket and out of its bucket for the endpoint.
    ///
    /// # Errors
    /// When one of them is empty: which limit it was, in Stripe's words.
    pub fn take(
        &self,
        limits: RateLimits,
        account: &str,
        endpoint: &str,
        now: Instant,
    ) -> Result<(), &'static str> {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all = [
            (account.to_owned(), limits.total, "global-rate"),
            (
                format!("{account}\n{endpoint}"),
                limits.per_endpoint,
                "endpoint-rate",
            ),
        ];
        for (name, rate, reason) in &all {
            let bucket = buckets.entry(name.clone()).or_insert(Bucket {
                left: rate * CALL,
                filled_at: now,
            });
            bucket.fill(*rate, now);
            if bucket.left < CALL {
                return Err(reason);
            }
        }
        for (name, ..) in &all {
            if let Some(bucket) = buckets.get_mut(name) {
                bucket.left -= CALL;
            }
        }
        Ok(())
    }

    /// Fills all buckets, as when limits are set anew.
    pub fn refill(&self) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_second_brings_as_many_calls_as_the_limit_and_no_more() {
        let (rates, start) = (Rates::default(), Instant::now());
        let limits = RateLimits {
            total: 30,
            per_endpoint: 25,
        };
        let take = |endpoint: &str, now: Instant| rates.take(limits, "", endpoint, now);
        for _ in 0..25 {
            assert_eq!(take("a", start), Ok(()));
        }
        assert_eq!(take("a", start), Err("endpoint-rate"));
        for _ in 0..5 {
            assert_eq!(take("b", start), Ok(()));
        }
        assert_eq!(take("b", start), Err("global-rate"));
        assert_eq!(rates.take(limits, "acct_1", "b", start), Ok(()));
        let soon = start + Duration::from_millis(40);
        assert_eq!(take("a", soon), Ok(()));
        assert_eq!(take("a", soon), Err("global-rate"));
        let late = start + Duration::from_secs(9);
        let granted = (0..99).take_while(|_| take("a", late).is_ok()).count();
        assert_eq!(granted, 25);
    }

    #[test]
    fn limits_are_read_by_name_or_as_two_numbers() {
        assert_eq!(RateLimits::read("stripe-test"), Ok(RateLimits::STRIPE_TEST));
        let own = RateLimits {
            total: 7,
            per_endpoint: 3,
        };
        assert_eq!(RateLimits::read("7, 3"), Ok(own));
        assert!(RateLimits::read("0,3").is_err());
        assert!(RateLimits::read("many").is_err());
    }
}
