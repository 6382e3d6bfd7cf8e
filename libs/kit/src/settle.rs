//! Whether this process has anything left to do at a given business time.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream;
use futures::future::join_all;
use mailbox::{Consumer, Outbox, Pulse};
use sqlx::PgPool;
use time::OffsetDateTime;
use tonic::{Request, Response, Status};
use wire::kit::v1::kit_service_server::KitService;
use wire::kit::v1::{SettleRequest, SettleResponse};

use crate::Clock;
use crate::worker::Loop;

/// How long one call waits for loops before it answers "busy". The caller asks again.
const PATIENCE: Duration = Duration::from_secs(2);

/// Answers the settle call from what kit itself runs.
pub(crate) struct Settle {
    pub clock: Clock,
    pub pulse: Pulse,
    pub pool: PgPool,
    pub outbox: Outbox,
    pub bus: jetstream::Context,
    /// The stream that this process relays to, if it announces anything.
    pub stream: Option<&'static str>,
    pub consumers: Vec<Arc<Consumer>>,
    pub loops: Vec<Arc<Loop>>,
}

impl Settle {
    async fn answer(&self, clock: Option<OffsetDateTime>) -> SettleResponse {
        let mut busy = self.catch_up(clock).await;
        let before = self.pulse.activity();
        // Who has mail is busy, and need not look up from it to say so: a turn of every loop is
        // dear, and whoever waits for rest asks often.
        let waiting = self.waiting().await;
        if !waiting.is_empty() {
            busy.extend(waiting);
            busy.extend(self.loops.iter().filter_map(|one| one.failure()));
            return self.busy(busy);
        }
        let ring = self.pulse.ring();
        let waited = join_all(self.loops.iter().map(|one| one.settled(ring, PATIENCE))).await;
        let mut next_due: Option<OffsetDateTime> = None;
        for one in waited {
            match one {
                Ok(due) => next_due = next_due.into_iter().chain(due).min(),
                Err(reason) => busy.push(reason),
            }
        }
        busy.extend(self.mail().await);
        if self.pulse.activity() != before {
            busy.push("moved while settling".to_owned());
        }
        SettleResponse {
            idle: busy.is_empty(),
            busy,
            next_due: next_due.map(wire::timestamp),
            activity: self.pulse.activity(),
            clock: Some(wire::timestamp(self.clock.now())),
        }
    }

    fn busy(&self, busy: Vec<String>) -> SettleResponse {
        SettleResponse {
            idle: false,
            busy,
            next_due: None,
            activity: self.pulse.activity(),
            clock: Some(wire::timestamp(self.clock.now())),
        }
    }

    async fn catch_up(&self, clock: Option<OffsetDateTime>) -> Vec<String> {
        if clock.is_some_and(|told| told <= self.clock.now()) {
            return Vec::new();
        }
        match self.clock.refresh().await {
            Ok(moved) => {
                // Timers that are due now wait for a ring, also while mail waits.
                if moved {
                    self.pulse.ring();
                }
                Vec::new()
            }
            Err(error) => vec![format!("the clock cannot be read: {error}")],
        }
    }

    async fn stream_problem(&self) -> Vec<String> {
        let Some(stream) = self.stream else {
            return Vec::new();
        };
        match mailbox::relay::in_doubt(&self.bus, stream, &self.outbox).await {
            Ok(false) => Vec::new(),
            Ok(true) => vec![format!("stream {stream} is new to the relay")],
            Err(error) => vec![format!("stream {stream}: {error}")],
        }
    }

    async fn mail(&self) -> Vec<String> {
        // Before the outbox is read: what a lost stream held waits there once the relay saw it.
        let mut busy = self.stream_problem().await;
        busy.extend(self.waiting().await);
        busy
    }

    /// What waits in the outbox and in front of the consumers.
    async fn waiting(&self) -> Vec<String> {
        let mut busy = Vec::new();
        match self.outbox.waiting_count(&self.pool).await {
            Ok(0) => {}
            Ok(count) => busy.push(format!("{count} facts to publish")),
            Err(error) => busy.push(format!("the outbox cannot be read: {error}")),
        }
        for (consumer, lag) in self
            .consumers
            .iter()
            .zip(join_all(self.consumers.iter().map(|consumer| consumer.lag())).await)
        {
            match lag {
                Ok(0) => {}
                Ok(lag) => busy.push(format!("{lag} messages for {}", consumer.durable)),
                Err(error) => busy.push(format!("{}: {error}", consumer.durable)),
            }
        }
        busy
    }
}

#[tonic::async_trait]
impl KitService for Settle {
    async fn settle(
        &self,
        request: Request<SettleRequest>,
    ) -> Result<Response<SettleResponse>, Status> {
        let clock = match request.into_inner().clock {
            None => None,
            clock => Some(wire::instant("clock", clock).map_err(crate::Error::from)?),
        };
        Ok(Response::new(self.answer(clock).await))
    }
}
