//! What the person at the terminal sees while the story is played: phases, counts, seconds.

use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::kills::Killer;

pub struct Progress {
    killer: Killer,
    /// Whether a line may be written over.
    live: bool,
}

/// One phase, from [`Progress::phase`] to [`Phase::end`].
pub struct Phase<'a> {
    progress: &'a Progress,
    name: String,
    began: Instant,
    steps: AtomicU64,
}

impl Progress {
    pub fn new(killer: Killer) -> Self {
        Self {
            killer,
            live: std::io::stderr().is_terminal(),
        }
    }

    pub fn phase(&self, name: &str) -> Phase<'_> {
        let (name, began) = (name.to_owned(), Instant::now());
        Phase {
            progress: self,
            name,
            began,
            steps: AtomicU64::new(0),
        }
    }

    pub const fn killer(&self) -> &Killer {
        &self.killer
    }
}

impl Phase<'_> {
    /// One more step is about to be taken.
    pub fn step(&self) {
        let before = self.steps.fetch_add(1, Ordering::Relaxed);
        self.progress.killer.step(&self.name, before);
        if self.progress.live && before.is_multiple_of(10) {
            eprint!("\r  {:<22} {before:>6}", self.name);
            let _ = std::io::stderr().flush();
        }
    }

    /// Steps that somebody else took, up to this many.
    pub fn step_to(&self, steps: u64) {
        while self.steps.load(Ordering::Relaxed) < steps {
            self.step();
        }
    }

    /// Says what was done, in words with a count: `200 subscriptions`.
    pub async fn end(self, what: &str) {
        let steps = self.steps.load(Ordering::Relaxed);
        self.progress.killer.end_of(&self.name, steps).await;
        let start = if self.progress.live { "\r" } else { "" };
        let seconds = self.began.elapsed();
        eprintln!("{start}  {:<22} {what:<44} {seconds:>6.1?}", self.name);
    }
}
