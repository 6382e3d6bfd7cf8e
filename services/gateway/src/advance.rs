//! Moving the sandbox's clock: discrete events, one timer at a time, with rest in between.
//!
//! Every process is asked for its next one-shot timer and whether it has work in hand. Only
//! when all are at rest, twice in a row with nothing done in between, does the clock move, to
//! the earliest timer or to the target.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use kit::{BootError, Clock, Peer, Peers};
use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::sync::Mutex;
use wire::kit::v1::SettleRequest;
use wire::kit::v1::kit_service_client::KitServiceClient;

/// Everyone who has loops, consumers or an outbox.
const SERVICES: [&str; 8] = [
    "billing",
    "allocation",
    "earnings",
    "payout",
    "fraud-limits",
    "balance-monitor",
    "webhook-ingest",
    "notifier",
];
/// Between two looks at processes that are not at rest: the longer it has taken, the longer. A look
/// costs every process something, which it then lacks for its work.
const PAUSES: RangeInclusive<Duration> = Duration::from_millis(5)..=Duration::from_millis(80);

/// Drives the clock. Cheap to clone; one advance at a time.
#[derive(Clone)]
pub struct Advance {
    inner: Arc<Inner>,
}

struct Inner {
    clock: Clock,
    /// Every process of every service.
    processes: Vec<(&'static str, Peer)>,
    http: reqwest::Client,
    patience: Duration,
    turn: Mutex<()>,
}

/// Why the clock did not arrive.
pub enum Refusal {
    Past { now: OffsetDateTime },
    Restless { busy: Vec<String> },
}

/// What everybody says at one look.
struct Look {
    busy: Vec<String>,
    activity: u64,
    due: Vec<OffsetDateTime>,
    now: OffsetDateTime,
}

#[derive(Deserialize)]
struct SandboxState {
    #[serde(with = "time::serde::rfc3339")]
    now: OffsetDateTime,
    idle: bool,
    busy: Vec<String>,
    #[serde(default, with = "time::serde::rfc3339::option")]
    next_due: Option<OffsetDateTime>,
    activity: u64,
}

impl Advance {
    /// # Errors
    /// When a peer's address is missing.
    pub fn new(clock: Clock, peers: &Peers, patience_ms: u64) -> Result<Self, BootError> {
        let mut processes = Vec::new();
        for name in SERVICES {
            let replicas = peers.connect_each(name)?;
            processes.extend(replicas.into_iter().map(|peer| (name, peer)));
        }
        let inner = Inner {
            clock,
            processes,
            http: kit::http::client(),
            patience: Duration::from_millis(patience_ms),
            turn: Mutex::new(()),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Moves business time to `target`, by way of every timer before it. The sandbox keeps whole
    /// seconds: a target within one is that second's beginning, a timer within one the next's.
    ///
    /// # Errors
    /// `Past` when the clock is beyond the target, `Restless` when a step does not come to rest.
    pub async fn to(&self, target: OffsetDateTime) -> Result<OffsetDateTime, Refusal> {
        let inner = &self.inner;
        let _turn = inner.turn.lock().await;
        let target = second(target);
        loop {
            let look = inner.rest().await?;
            if look.now > target {
                return Err(Refusal::Past { now: look.now });
            }
            if look.now == target {
                return Ok(look.now);
            }
            let due = look
                .due
                .into_iter()
                .filter(|due| *due > look.now && *due < target)
                .min();
            inner
                .move_from(look.now, due.map_or(target, second_from))
                .await?;
        }
    }
}

/// The beginning of the second that an instant lies in.
fn second(instant: OffsetDateTime) -> OffsetDateTime {
    instant.replace_nanosecond(0).unwrap_or(instant)
}

/// The first whole second that is not before an instant.
fn second_from(instant: OffsetDateTime) -> OffsetDateTime {
    let begun = second(instant);
    if begun == instant {
        begun
    } else {
        begun.saturating_add(time::Duration::SECOND)
    }
}

impl Inner {
    /// Waits until all are at rest and nothing moved between two looks.
    async fn rest(&self) -> Result<Look, Refusal> {
        let mut busy = Vec::new();
        let rested = tokio::time::timeout(self.patience, self.until_rest(&mut busy)).await;
        rested.map_err(|_| Refusal::Restless { busy })
    }

    /// `busy` keeps what the last look found, for the one who runs out of patience.
    async fn until_rest(&self, busy: &mut Vec<String>) -> Look {
        let (mut before, mut pause): (Option<u64>, _) = (None, *PAUSES.start());
        loop {
            let look = self.look().await;
            if look.busy.is_empty() && before == Some(look.activity) {
                return look;
            }
            before = look.busy.is_empty().then_some(look.activity);
            if !look.busy.is_empty() {
                *busy = look.busy;
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(*PAUSES.end());
            }
        }
    }

    async fn look(&self) -> Look {
        let mut look = Look {
            busy: Vec::new(),
            activity: 0,
            due: Vec::new(),
            now: self.clock.now(),
        };
        match self.sandbox().await {
            Ok(state) => {
                look.now = state.now;
                look.activity = state.activity;
                look.due.extend(state.next_due);
                if !state.idle {
                    look.busy
                        .extend(state.busy.into_iter().map(|why| format!("stripe: {why}")));
                    if look.busy.is_empty() {
                        look.busy.push("stripe is busy".to_owned());
                    }
                }
            }
            Err(error) => look
                .busy
                .push(format!("the sandbox does not answer: {error}")),
        }
        // Whatever it still has to tell makes work for the others.
        if !look.busy.is_empty() {
            return look;
        }
        let answers = join_all(self.processes.iter().map(|(name, peer)| {
            let mut client = KitServiceClient::new(peer.clone());
            let request = SettleRequest {
                clock: Some(wire::timestamp(look.now)),
            };
            async move { (*name, client.settle(request).await) }
        }));
        for (name, answer) in answers.await {
            match answer.map(tonic::Response::into_inner) {
                Ok(answer) => {
                    look.activity = look.activity.wrapping_add(answer.activity);
                    look.due
                        .extend(wire::instant("next_due", answer.next_due).ok());
                    look.busy
                        .extend(answer.busy.iter().map(|why| format!("{name}: {why}")));
                }
                Err(status) => look
                    .busy
                    .push(format!("{name} does not answer: {:?}", status.code())),
            }
        }
        look
    }

    async fn sandbox(&self) -> Result<SandboxState, reqwest::Error> {
        let answer = self
            .http
            .get(self.clock_url())
            .timeout(PATIENCE)
            .send()
            .await?;
        answer.error_for_status()?.json().await
    }

    /// Tells the sandbox until it moved: a reply may be lost on the way, or the sandbox restarted.
    async fn move_from(&self, now: OffsetDateTime, to: OffsetDateTime) -> Result<(), Refusal> {
        let moving = async {
            loop {
                self.set_clock(to).await?;
                if self.sandbox().await.is_ok_and(|state| state.now > now) {
                    return Ok(());
                }
                tokio::time::sleep(*PAUSES.start()).await;
            }
        };
        let stuck = |_| Refusal::Restless {
            busy: vec!["the sandbox's clock did not move".into()],
        };
        tokio::time::timeout(self.patience, moving)
            .await
            .map_err(stuck)?
    }

    async fn set_clock(&self, to: OffsetDateTime) -> Result<(), Refusal> {
        let text = to.format(&Rfc3339).unwrap_or_default();
        let body = serde_json::json!({ "advance_to": text });
        let sent = self
            .http
            .post(self.clock_url())
            .timeout(PATIENCE)
            .json(&body)
            .send()
            .await;
        match sent.and_then(reqwest::Response::error_for_status) {
            Ok(_) => Ok(()),
            // Perhaps only the reply was lost: the caller looks.
            Err(error) if error.is_timeout() || error.is_connect() => Ok(()),
            Err(error) => Err(Refusal::Restless {
                busy: vec![format!("the clock was not moved: {error}")],
            }),
        }
    }

    fn clock_url(&self) -> String {
        self.clock.sandbox_url().unwrap_or_default().to_owned()
    }
}

const PATIENCE: Duration = Duration::from_secs(20);
