//! Loops: work that starts by itself, in turns, woken by the pulse and by a slow poll.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt;
use mailbox::Pulse;
use time::OffsetDateTime;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{Clock, Error};

/// What a turn leaves behind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Turn {
    /// Something was done and there may be more: take another turn at once.
    pub again: bool,
    /// Business time of the next one-shot timer. Periodic work is not a timer.
    pub next_due: Option<OffsetDateTime>,
}

impl Turn {
    /// Nothing to do, no timer.
    pub const IDLE: Self = Self {
        again: false,
        next_due: None,
    };
    /// Something was done.
    pub const AGAIN: Self = Self {
        again: true,
        next_due: None,
    };

    /// Nothing to do before `due`.
    #[must_use]
    pub fn until(due: Option<OffsetDateTime>) -> Self {
        Self {
            again: false,
            next_due: due,
        }
    }
}

/// A loop of a service. All replicas run it: a turn takes rows with `skip locked`.
#[async_trait]
pub trait Worker: Send + Sync + 'static {
    fn name(&self) -> &'static str;

    /// How often a turn is taken when nothing rings.
    fn poll(&self) -> Duration {
        Duration::from_millis(500)
    }

    /// Does one portion of what is due.
    async fn turn(&self) -> Result<Turn, Error>;
}

/// A running loop as the settle call sees it.
pub(crate) struct Loop {
    pub name: &'static str,
    /// The newest ring after which an idle turn was completed.
    settled: AtomicU64,
    state: watch::Sender<State>,
}

#[derive(Debug, Clone, Default)]
struct State {
    next_due: Option<OffsetDateTime>,
    failure: Option<String>,
}

impl Loop {
    pub(crate) fn start(
        worker: Arc<dyn Worker>,
        clock: Clock,
        pulse: Pulse,
        stop: CancellationToken,
    ) -> (Arc<Self>, tokio::task::JoinHandle<()>) {
        let state = watch::Sender::new(State::default());
        let running = Arc::new(Self {
            name: worker.name(),
            settled: AtomicU64::new(0),
            state,
        });
        let looping = Arc::clone(&running);
        let task = crate::spawn(async move {
            tokio::select! { () = clock.until_read() => {}, () = stop.cancelled() => {} }
            looping.run(worker, pulse, stop).await;
        });
        (running, task)
    }

    async fn run(self: Arc<Self>, worker: Arc<dyn Worker>, pulse: Pulse, stop: CancellationToken) {
        let mut bell = pulse.listen();
        while !stop.is_cancelled() {
            let ring = bell.heard();
            let pause = match turn(&*worker).await {
                Ok(turn) if turn.again => {
                    pulse.beat();
                    continue;
                }
                Ok(turn) => {
                    self.rest(
                        ring,
                        State {
                            next_due: turn.next_due,
                            failure: None,
                        },
                    );
                    worker.poll()
                }
                Err(error) => {
                    tracing::warn!(
                        worker = self.name,
                        error = mailbox::traced(&error),
                        "turn failed"
                    );
                    self.state
                        .send_modify(|state| state.failure = Some(describe(&error)));
                    RETRY
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = bell.rung() => {}
                () = stop.cancelled() => {}
            }
        }
    }

    fn rest(&self, ring: u64, state: State) {
        self.settled.store(ring, Ordering::Release);
        self.state.send_replace(state);
    }

    /// Waits until an idle turn that began after `ring`, or says why there was none in time.
    pub(crate) async fn settled(
        &self,
        ring: u64,
        patience: Duration,
    ) -> Result<Option<OffsetDateTime>, String> {
        let mut watched = self.state.subscribe();
        let done = watched.wait_for(|_| self.settled.load(Ordering::Acquire) >= ring);
        match tokio::time::timeout(patience, done).await {
            Ok(Ok(state)) => Ok(state.next_due),
            Ok(Err(_)) => Err(format!("{} has ended", self.name)),
            Err(_) => Err(self
                .failure()
                .unwrap_or_else(|| format!("{} is working", self.name))),
        }
    }

    /// Why its last turn failed, if it did.
    pub(crate) fn failure(&self) -> Option<String> {
        let state = self.state.borrow();
        let failure = state.failure.as_ref()?;
        Some(format!("{} fails: {failure}", self.name))
    }
}

/// A panic is a bug like any other: it must cost one turn, not the loop.
async fn turn(worker: &dyn Worker) -> Result<Turn, Error> {
    let turned = AssertUnwindSafe(worker.turn()).catch_unwind().await;
    turned.unwrap_or_else(|_| Err(Error::bug("the turn panicked")))
}

/// Pause after a failed turn. Rings do not shorten what failed: the next ring does.
const RETRY: Duration = Duration::from_millis(300);

fn describe(error: &Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
