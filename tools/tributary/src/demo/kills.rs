//! Killing services in the middle of the story, at moments that the seed chooses.
//!
//! A moment is a phase and a count of its steps, not a time, so that a seed means the same on
//! a slow machine. Each kill waits until the service is up and ready, so that each is felt.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde::Serialize;
use tokio::sync::{Mutex, mpsc};

use super::client::Client;
use super::lots::Lots;
use super::stage::Stage;
use crate::child::pid_file;
use crate::fleet::SERVICES;
use crate::process::Process;

/// How long a service may take to come up before its kill is given up.
const UP_PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(5);

/// One service, at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Kill {
    pub service: &'static str,
    pub phase: String,
    /// After so many steps of the phase; at its end, if it has fewer.
    pub step: u64,
}

/// Spreads `count` kills evenly over the phases, each with about how many steps it has.
pub fn plan(seed: u64, count: usize, phases: &[(String, u64)]) -> Vec<Kill> {
    let mut lots = Lots::of(seed, "kills");
    let mut kill = |index: usize| {
        let (phase, steps) = phases.get(index * phases.len() / count.max(1))?;
        let service = SERVICES.get(lots.below(SERVICES.len())).copied()?;
        let step = lots.below(usize::try_from(*steps).ok()?);
        Some(Kill {
            service,
            phase: phase.clone(),
            step: u64::try_from(step).ok()?,
        })
    };
    (0..count).filter_map(&mut kill).collect()
}

/// Carries out a plan as the story reports its steps.
pub struct Killer {
    planned: BTreeMap<String, Vec<Kill>>,
    orders: mpsc::UnboundedSender<Kill>,
    waiting: Arc<AtomicU64>,
    done: Arc<Mutex<Vec<Kill>>>,
}

impl Killer {
    pub fn start(plan: Vec<Kill>, stage: Arc<Stage>, client: Arc<Client>) -> Self {
        let mut planned: BTreeMap<String, Vec<Kill>> = BTreeMap::new();
        for kill in plan {
            planned.entry(kill.phase.clone()).or_default().push(kill);
        }
        let (orders, mut taken) = mpsc::unbounded_channel::<Kill>();
        let (waiting, done) = (
            Arc::new(AtomicU64::new(0)),
            Arc::new(Mutex::new(Vec::new())),
        );
        let (left, list) = (Arc::clone(&waiting), Arc::clone(&done));
        tokio::spawn(async move {
            while let Some(kill) = taken.recv().await {
                if strike(&stage, &client, kill.service).await {
                    eprintln!(
                        "  killed {} in {}, step {}",
                        kill.service, kill.phase, kill.step
                    );
                    list.lock().await.push(kill);
                }
                left.fetch_sub(1, Ordering::AcqRel);
            }
        });
        Self {
            planned,
            orders,
            waiting,
            done,
        }
    }

    /// The story has done so many steps of a phase.
    pub fn step(&self, phase: &str, step: u64) {
        let of_phase = self.planned.get(phase).into_iter().flatten();
        for kill in of_phase.filter(|kill| kill.step == step) {
            self.order(kill);
        }
    }

    /// The phase had so many steps and is over: what was planned for later happens now, and all
    /// of it before the next phase.
    pub async fn end_of(&self, phase: &str, steps: u64) {
        let of_phase = self.planned.get(phase).into_iter().flatten();
        for kill in of_phase.filter(|kill| kill.step >= steps) {
            self.order(kill);
        }
        while self.waiting.load(Ordering::Acquire) > 0 {
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn order(&self, kill: &Kill) {
        self.waiting.fetch_add(1, Ordering::AcqRel);
        if self.orders.send(kill.clone()).is_err() {
            self.waiting.fetch_sub(1, Ordering::AcqRel);
        }
    }

    /// The kills that took effect.
    pub async fn done(&self) -> Vec<Kill> {
        self.done.lock().await.clone()
    }
}

/// Waits until the service serves, kills it, and sees it dead.
async fn strike(stage: &Stage, client: &Client, service: &str) -> bool {
    let began = Instant::now();
    while began.elapsed() < UP_PATIENCE {
        let process = Process::read_file(&pid_file(&stage.dir, service));
        let ready = match stage.url_of(service) {
            Some(url) => client.is_ready(url).await,
            None => false,
        };
        if let Some(process) = process.filter(|_| ready) {
            return process.signal(Signal::SIGKILL)
                && crate::process::gone(&[process], UP_PATIENCE).await;
        }
        tokio::time::sleep(PAUSE).await;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phases() -> Vec<(String, u64)> {
        ["subscribe", "direct", "close"]
            .map(|name| (name.to_owned(), 100))
            .to_vec()
    }

    #[test]
    fn the_same_seed_kills_the_same_services_at_the_same_steps() {
        assert_eq!(plan(7, 20, &phases()), plan(7, 20, &phases()));
        assert_ne!(plan(7, 20, &phases()), plan(8, 20, &phases()));
    }

    #[test]
    fn kills_are_spread_over_all_phases() {
        let planned = plan(7, 10, &phases());
        assert_eq!(planned.len(), 10);
        for (phase, _) in phases() {
            let here = planned.iter().filter(|kill| kill.phase == phase).count();
            assert!((3..=4).contains(&here), "{phase}: {here}");
        }
        assert!(planned.iter().all(|kill| kill.step < 100));
    }
}
