//! The sandbox in one piece: the world under its lock, and the journal that follows it.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use crate::clock;
use crate::error::Refusal;
use crate::journal::{Journal, Note};
use crate::mint;
use crate::options::Options;
use crate::rate::{RateLimits, Rates};
use crate::store::{Cause, World};
use crate::timers::Timer;

/// Timers fired before the lock is let go, so that a long jump does not shut others out.
const TIMERS_AT_ONCE: usize = 20;

/// The world, and the journal that it follows.
pub struct Held {
    pub world: World,
    pub journal: Journal,
}

pub struct Sandbox {
    held: Mutex<Held>,
    pub base: String,
    /// Idempotency keys of requests that are being served.
    pub keys_in_use: Mutex<HashSet<String>>,
    /// Jumps of the clock take turns.
    jump: tokio::sync::RwLock<()>,
    requests: AtomicU64,
    boot: u64,
    pub rates: Rates,
    pub first_limits: Option<RateLimits>,
}

/// The world, and nothing but the world, for reading.
pub struct Reading<'a>(MutexGuard<'a, Held>);

impl std::ops::Deref for Reading<'_> {
    type Target = World;
    fn deref(&self) -> &World {
        &self.0.world
    }
}

impl std::ops::DerefMut for Reading<'_> {
    fn deref_mut(&mut self) -> &mut World {
        &mut self.0.world
    }
}

impl Sandbox {
    /// Opens the data folder and takes up the world where the journal left it.
    ///
    /// # Errors
    /// When the folder or its journal cannot be used.
    pub fn open(options: &Options, base: String) -> anyhow::Result<Self> {
        let (mut journal, mut world) =
            Journal::open(&options.data, options.clock_start, options.fsync)?;
        let note = Note {
            op: "boot",
            account: None,
            request: json!({}),
            status: None,
        };
        journal.append(&mut world, &note)?;
        world.base.clone_from(&base);
        // The line just written has a number of its own: it tells this run from all others.
        let boot = journal.seq();
        let held = Mutex::new(Held { world, journal });
        let (keys_in_use, jump) = (Mutex::default(), tokio::sync::RwLock::default());
        Ok(Self {
            held,
            base,
            keys_in_use,
            jump,
            requests: AtomicU64::new(0),
            boot,
            rates: Rates::default(),
            first_limits: options.rate_limits,
        })
    }

    pub fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn lock(&self) -> Reading<'_> {
        Reading(self.held())
    }

    pub fn journal_path(&self) -> PathBuf {
        self.held().journal.path().to_owned()
    }

    /// An id for a request, never given before in this data folder.
    pub fn request_id(&self) -> String {
        let turn = self.requests.fetch_add(1, Ordering::Relaxed);
        format!("req_{}", mint::word((self.boot << 32) + turn, 14))
    }

    /// The next delivery to be made. None is made of what may not be on disk.
    pub fn next_delivery(&self) -> Option<u64> {
        let mut held = self.held();
        if held.journal.is_broken() {
            return None;
        }
        held.world.deliveries.take()
    }

    /// The refusal of everything, once the journal cannot be written.
    pub fn check_journal(&self) -> Result<(), Refusal> {
        if self.held().journal.is_broken() {
            return Err(crate::serving::broken());
        }
        Ok(())
    }

    /// Does something of the sandbox's own and journals it.
    pub fn work<T>(&self, op: &str, job: impl FnOnce(&mut World) -> T) -> T {
        self.work_on(op, json!({}), job)
    }

    /// The same, for what was asked for with parameters.
    pub fn work_on<T>(&self, op: &str, request: Value, job: impl FnOnce(&mut World) -> T) -> T {
        let mut held = self.held();
        held.world.cause = Cause::default();
        let outcome = job(&mut held.world);
        let note = Note {
            op,
            account: None,
            request,
            status: None,
        };
        if let Err(error) = write(&mut held, &note) {
            tracing::error!(%error, op, "the journal cannot be written");
        }
        outcome
    }

    /// Moves the clock forward, firing on the way what falls due.
    ///
    /// # Errors
    /// Refuses to move it back.
    pub async fn advance(&self, target: i64) -> Result<(), Refusal> {
        let _turn = self.jump.write().await;
        if target < self.lock().now {
            let message = "The clock never goes back.";
            return Err(Refusal::invalid("advance_to", message));
        }
        while self.fire_some(target) {
            tokio::task::yield_now().await;
        }
        self.work("clock", |world| {
            world.now = target;
            world.keys.prune(target);
        });
        Ok(())
    }

    /// Fires a few timers; `false` when none is due before the target.
    fn fire_some(&self, target: i64) -> bool {
        let mut held = self.held();
        for _ in 0..TIMERS_AT_ONCE {
            let Some((at, timer)) = held.world.take_timer(target) else {
                return false;
            };
            held.world.now = at.max(held.world.now);
            held.world.cause = Cause::default();
            fire(&mut held.world, &timer);
            let (op, request) = (format!("timer {}", timer.job), json!({ "id": timer.id }));
            let note = Note {
                op: &op,
                account: None,
                request,
                status: None,
            };
            if let Err(error) = write(&mut held, &note) {
                tracing::error!(%error, op, "the journal cannot be written");
            }
        }
        true
    }

    /// The clock as `GET /_sandbox/clock` shows it.
    pub fn clock(&self) -> Value {
        let world = self.lock();
        let (waiting, flying) = world.deliveries.in_hand();
        let mut busy = Vec::new();
        if waiting > 0 {
            busy.push(format!("{waiting} webhook deliveries waiting"));
        }
        if flying > 0 {
            busy.push(format!("{flying} webhook deliveries in flight"));
        }
        if self.jump.try_read().is_err() {
            busy.push("the clock is moving".to_owned());
        }
        json!({
            "now": clock::show(world.now), "idle": busy.is_empty(), "busy": busy,
            "next_due": world.timers.next_due().map(clock::show), "activity": world.activity,
        })
    }
}

pub fn write(held: &mut Held, note: &Note<'_>) -> std::io::Result<()> {
    held.journal.append(&mut held.world, note)?;
    write_faults(held)
}

/// Writes a line for each fault that took effect.
pub fn write_faults(held: &mut Held) -> std::io::Result<()> {
    for request in std::mem::take(&mut held.world.faults.took) {
        let note = Note {
            op: "fault",
            account: None,
            request,
            status: None,
        };
        held.journal.append(&mut held.world, &note)?;
    }
    Ok(())
}

fn fire(world: &mut World, timer: &Timer) {
    match timer.job.as_str() {
        "renew" => world.renew(&timer.id),
        "retry" => world.retry_invoice(&timer.id),
        "trial" => world.announce_trial_end(&timer.id),
        "cancel" => world.cancel_as_planned(&timer.id),
        "refund" => world.settle_refund(&timer.id),
        "dispute" => world.resolve_dispute(&timer.id),
        "expire" => world.expire_session(&timer.id),
        "arrive" => world.arrive_payout(&timer.id),
        "sweep" => world.sweep_automatically(&timer.id),
        "submit" => world.submit_payout(&timer.id),
        "bounce" => world.bounce_payout(&timer.id),
        "webhook" => world.wake_delivery(&timer.id),
        other => tracing::error!(job = other, "a timer of an unknown kind fired"),
    }
}
