//! Chance that can be had again: the same seed and subject draw the same lots on every machine.

use sha2::{Digest, Sha256};

/// A sequence of lots (SplitMix64).
#[derive(Debug, Clone)]
pub struct Lots(u64);

impl Lots {
    /// The lots of one subject. Each subject has its own, so that the order in which concurrent
    /// subjects draw makes no difference.
    pub fn of(seed: u64, subject: &str) -> Self {
        let digest: [u8; 32] = Sha256::digest(format!("{seed}:{subject}").as_bytes()).into();
        let mut first = [0; 8];
        for (to, from) in first.iter_mut().zip(digest) {
            *to = from;
        }
        Self(u64::from_le_bytes(first))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`; 0 when there is none.
    pub fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.next() % limit).unwrap_or_default()
    }

    /// A number of cents from `low` to `high`.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        let width = usize::try_from(high - low + 1).unwrap_or(1);
        low + i64::try_from(self.below(width)).unwrap_or_default()
    }

    /// True in so many of a hundred cases.
    pub fn chance(&mut self, per_cent: usize) -> bool {
        self.below(100) < per_cent
    }

    /// An index below `count`, the low ones far more often: what popularity looks like.
    pub fn skewed(&mut self, count: usize) -> usize {
        let (one, other) = (self.below(count), self.below(count));
        one * other / count.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_lots_and_another_seed_others() {
        let draw = |seed, subject| {
            let mut lots = Lots::of(seed, subject);
            (0..20).map(|_| lots.below(1_000)).collect::<Vec<_>>()
        };
        assert_eq!(draw(1, "a"), draw(1, "a"));
        assert_ne!(draw(1, "a"), draw(2, "a"));
        assert_ne!(draw(1, "a"), draw(1, "b"));
    }

    #[test]
    fn skewed_lots_prefer_the_first() {
        let mut lots = Lots::of(1, "skew");
        let mut counts = [0; 10];
        for _ in 0..1_000 {
            counts[lots.skewed(10)] += 1;
        }
        assert!(counts[0] > 3 * counts[5], "{counts:?}");
        assert!(counts.iter().sum::<i32>() == 1_000);
    }
}
