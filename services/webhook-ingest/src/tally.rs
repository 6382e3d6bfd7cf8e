//! What is counted and leaves no row: kept in memory and added to the database now and then, so
//! that a flood of forgeries costs no writes.

use std::sync::atomic::{AtomicI64, Ordering};

/// One process' counts since they were last taken.
#[derive(Debug, Default)]
pub struct Tally {
    pub duplicate: AtomicI64,
    pub refused: AtomicI64,
    pub altered: AtomicI64,
}

impl Tally {
    pub fn count(counter: &AtomicI64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes the counts that are not zero, by outcome.
    pub fn take(&self) -> Vec<(&'static str, i64)> {
        self.counters()
            .into_iter()
            .map(|(outcome, counter)| (outcome, counter.swap(0, Ordering::Relaxed)))
            .filter(|(_, count)| *count != 0)
            .collect()
    }

    /// Gives back what could not be written.
    pub fn give_back(&self, counts: &[(&'static str, i64)]) {
        for (outcome, counter) in self.counters() {
            let back = counts
                .iter()
                .filter(|(name, _)| *name == outcome)
                .map(|(_, count)| count);
            counter.fetch_add(back.sum(), Ordering::Relaxed);
        }
    }

    fn counters(&self) -> [(&'static str, &AtomicI64); 3] {
        [
            ("duplicate", &self.duplicate),
            ("refused", &self.refused),
            ("altered", &self.altered),
        ]
    }
}
