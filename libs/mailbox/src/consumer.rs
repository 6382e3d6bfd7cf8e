//! Applying what others announce, one batch per transaction.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, PullConsumer, pull};
use async_nats::jetstream::{self, Message};
use async_trait::async_trait;
use futures::future::join_all;
use futures::stream::ReadyChunks;
use futures::{FutureExt, StreamExt};
use prost::Message as _;
use sqlx::{PgConnection, PgPool};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;
use wire::mailbox::v1::Batch;

use crate::{ApplyError, BusError, DeadLetters, Fact, Inbox, Pulse, cause};

/// Messages taken at once; with up to 200 facts each.
const MESSAGES_PER_BATCH: usize = 16;
/// After this long without an acknowledgement a message is delivered again.
const ACK_WAIT: Duration = Duration::from_secs(10);
/// Pause after a failure that passes by itself.
const PAUSE: Duration = Duration::from_millis(300);

/// How a subscriber's effects are made once-only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dedupe {
    /// The mailbox's inbox: `apply_in_tx` sees only facts that are new.
    Inbox,
    /// The effect's own unique key, as the posting key in earnings.
    OwnKey,
}

/// A fact that its neighbours must not wait for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    pub fact_id: String,
    /// A sentence for the person who resolves it.
    pub reason: String,
}

/// What a service does with others' facts.
#[async_trait]
pub trait Subscriber: Send + Sync + 'static {
    /// Subjects of one publisher.
    fn subjects(&self) -> &'static [&'static str];

    /// How a second delivery is recognised.
    fn dedupe(&self) -> Dedupe {
        Dedupe::Inbox
    }

    /// Whether a fact of these subjects is this service's business. What is not is acknowledged
    /// as it comes: it costs no transaction and wakes no loop. A fact that cannot be read is
    /// business: applying it says what is wrong with it.
    fn concerns(&self, _fact: &Fact) -> bool {
        true
    }

    /// Applies facts, in the order given, in the caller's transaction. Facts that can never
    /// be applied are answered, not failed on: they become dead letters while the rest commit.
    async fn apply_in_tx(
        &self,
        tx: &mut PgConnection,
        facts: &[Fact],
    ) -> Result<Vec<Refused>, ApplyError>;
}

/// One durable consumer: a service's reading of one publisher's stream.
pub struct Consumer {
    /// Stream to read: the publisher's name.
    pub stream: &'static str,
    /// `{service}__{stream}`, shared by all replicas.
    pub durable: String,
    pub subscriber: Arc<dyn Subscriber>,
    pub pool: PgPool,
    pub bus: jetstream::Context,
    pub inbox: Inbox,
    pub dead_letters: DeadLetters,
    pub pulse: Pulse,
}

impl Consumer {
    /// Runs until `stop`; whatever fails is tried again from the durable consumer's state. The
    /// batch in hand is finished first.
    pub async fn run(&self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if let Err(error) = self.consume(&stop).await {
                tracing::warn!(
                    consumer = self.durable,
                    error = crate::traced(&error),
                    "consumer starts again"
                );
            }
            tokio::select! { () = tokio::time::sleep(PAUSE) => {}, () = stop.cancelled() => {} }
        }
    }

    /// Messages that are waiting or not yet acknowledged.
    ///
    /// # Errors
    /// When NATS does not answer.
    pub async fn lag(&self) -> Result<u64, BusError> {
        // Looked up, never made: re-making a consumer that is in use may lose its acknowledgements
        // on the way, and they come again only after `ACK_WAIT`.
        let consumer: PullConsumer = self
            .bus
            .get_consumer_from_stream(&self.durable, self.stream)
            .await
            .map_err(|error| self.refused(&error))?;
        let info = consumer.cached_info();
        let unacknowledged = u64::try_from(info.num_ack_pending).unwrap_or(u64::MAX);
        Ok(info.num_pending.saturating_add(unacknowledged))
    }

    async fn ensure(&self) -> Result<PullConsumer, BusError> {
        crate::ensure_stream(&self.bus, self.stream).await?;
        let wanted = pull::Config {
            durable_name: Some(self.durable.clone()),
            ack_policy: AckPolicy::Explicit,
            ack_wait: ACK_WAIT,
            max_ack_pending: 256,
            // Poison is set aside per fact by us, never per message by the server.
            max_deliver: -1,
            filter_subjects: self
                .subscriber
                .subjects()
                .iter()
                .map(ToString::to_string)
                .collect(),
            ..Default::default()
        };
        let consumer = self
            .bus
            .create_consumer_on_stream(wanted.clone(), self.stream)
            .await
            .map_err(|error| self.refused(&error))?;
        if consumer.cached_info().config.filter_subjects != wanted.filter_subjects {
            return Err(BusError::Echo {
                name: self.durable.clone(),
                what: "filter_subjects",
            });
        }
        Ok(consumer)
    }

    async fn consume(&self, stop: &CancellationToken) -> Result<(), BusError> {
        let begun = async { self.messages(self.ensure().await?).await };
        let messages = tokio::select! {
            messages = begun => messages?,
            () = stop.cancelled() => return Ok(()),
        };
        let mut batches = messages.ready_chunks(MESSAGES_PER_BATCH);
        loop {
            let batch = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                batch = batches.next() => batch,
            };
            let Some(batch) = batch else { return Ok(()) };
            let batch: Vec<Message> = batch
                .into_iter()
                .collect::<Result<_, _>>()
                .map_err(|error| self.refused(&error))?;
            self.handle(&batch).await;
        }
        self.leave(batches).await;
        Ok(())
    }

    /// What was fetched and not begun is another replica's at once, not after `ACK_WAIT`.
    async fn leave(&self, mut batches: ReadyChunks<pull::Stream>) {
        let mut left = Vec::new();
        while let Some(Some(batch)) = batches.next().now_or_never() {
            left.extend(batch.into_iter().flatten());
        }
        // Unsubscribed first: the server would hand them to this very stream again.
        drop(batches);
        let client = self.bus.client();
        let _ = tokio::time::timeout(PAUSE, client.flush()).await;
        give_back(&left, None).await;
        let _ = tokio::time::timeout(PAUSE, client.flush()).await;
    }

    async fn messages(&self, consumer: PullConsumer) -> Result<pull::Stream, BusError> {
        consumer
            .stream()
            .max_messages_per_batch(64)
            .heartbeat(Duration::from_secs(2))
            .expires(Duration::from_secs(10))
            .messages()
            .await
            .map_err(|error| self.refused(&error))
    }

    /// Applies and acknowledges, or gives the messages back. Never loses one.
    async fn handle(&self, messages: &[Message]) {
        let mut facts = decode(messages);
        facts.retain(|fact| self.subscriber.concerns(fact));
        match self.apply(&facts).await {
            Ok(()) => {
                if !facts.is_empty() {
                    self.pulse.beat();
                }
                // At once, so that a broker that is away is waited for once, not once a message.
                for done in join_all(messages.iter().map(Message::double_ack)).await {
                    if let Err(error) = done {
                        // It comes again and is recognised fact by fact.
                        tracing::warn!(consumer = self.durable, %error, "acknowledgement lost");
                    }
                }
            }
            Err(error) => {
                tracing::warn!(
                    consumer = self.durable,
                    error = crate::traced(&error),
                    "batch given back"
                );
                give_back(messages, Some(PAUSE)).await;
            }
        }
    }

    /// The whole batch in one transaction; if a fact breaks it, one transaction per fact, so
    /// that only the culprit is set aside.
    async fn apply(&self, facts: &[Fact]) -> Result<(), ApplyError> {
        if facts.is_empty() {
            return Ok(());
        }
        match self.apply_once(facts).await {
            Err(ApplyError::Bug(source)) if facts.len() > 1 => {
                tracing::warn!(
                    consumer = self.durable,
                    error = crate::traced(&*source),
                    "batch refused, applying one by one"
                );
                for fact in facts {
                    self.apply_or_bury(fact).await?;
                }
                Ok(())
            }
            Err(ApplyError::Bug(_)) if facts.len() == 1 => self.apply_or_bury(&facts[0]).await,
            other => other,
        }
    }

    async fn apply_or_bury(&self, fact: &Fact) -> Result<(), ApplyError> {
        let reason = match self.apply_once(std::slice::from_ref(fact)).await {
            Err(ApplyError::Bug(source)) => chain(&*source),
            other => return other,
        };
        let mut tx = self.pool.begin().await?;
        let refused = Refused {
            fact_id: fact.fact_id.clone(),
            reason,
        };
        self.dead_letters
            .bury_in_tx(&mut tx, &self.durable, fact, &refused)
            .await?;
        Ok(tx.commit().await?)
    }

    async fn apply_once(&self, facts: &[Fact]) -> Result<(), ApplyError> {
        let mut tx = self.pool.begin().await?;
        let fresh = self.fresh_in_tx(&mut tx, facts).await?;
        if !fresh.is_empty() {
            for refused in self.applied_in_tx(&mut tx, &fresh).await? {
                if let Some(fact) = fresh.iter().find(|fact| fact.fact_id == refused.fact_id) {
                    self.dead_letters
                        .bury_in_tx(&mut tx, &self.durable, fact, &refused)
                        .await?;
                }
            }
        }
        Ok(tx.commit().await?)
    }

    /// A panic is a bug like any other: it must cost one fact, not the consumer.
    async fn applied_in_tx(
        &self,
        tx: &mut PgConnection,
        facts: &[Fact],
    ) -> Result<Vec<Refused>, ApplyError> {
        let applying = AssertUnwindSafe(self.subscriber.apply_in_tx(tx, facts)).catch_unwind();
        let request_id = cause::shared_by(facts);
        let span = tracing::info_span!("apply", consumer = self.durable, request.id = %request_id);
        cause::within(request_id, applying.instrument(span))
            .await
            .unwrap_or_else(|_| Err(ApplyError::bug("the code that applies it panicked")))
    }

    async fn fresh_in_tx(
        &self,
        tx: &mut PgConnection,
        facts: &[Fact],
    ) -> Result<Vec<Fact>, ApplyError> {
        if self.subscriber.dedupe() == Dedupe::OwnKey {
            return Ok(facts.to_vec());
        }
        let ids: Vec<String> = facts.iter().map(|fact| fact.fact_id.clone()).collect();
        let mut admitted = self.inbox.admit_in_tx(tx, &self.durable, &ids).await?;
        // `remove`, so that a fact that stands twice in one batch is applied once.
        Ok(facts
            .iter()
            .filter(|fact| admitted.remove(&fact.fact_id))
            .cloned()
            .collect())
    }

    fn refused(&self, error: &dyn std::error::Error) -> BusError {
        BusError::Consumer {
            name: self.durable.clone(),
            why: chain(error),
        }
    }
}

async fn give_back(messages: &[Message], pause: Option<Duration>) {
    for message in messages {
        let _ = message.ack_with(jetstream::AckKind::Nak(pause)).await;
    }
}

/// All facts of all messages. Bytes that are no batch are logged and skipped: every publisher
/// is ours, so such a message was never a fact.
fn decode(messages: &[Message]) -> Vec<Fact> {
    let mut facts = Vec::new();
    for message in messages {
        match Batch::decode(message.payload.clone()) {
            Ok(batch) => facts.extend(batch.facts.into_iter().filter_map(|fact| {
                Fact::from_proto(fact)
                    .inspect_err(|error| tracing::error!(%error, "not a fact"))
                    .ok()
            })),
            Err(error) => tracing::error!(subject = %message.subject, %error, "not a batch"),
        }
    }
    facts
}

/// An error with its causes, outermost first.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text.push_str(": ");
        text.push_str(&source.to_string());
        next = source.source();
    }
    text
}
