//! The relay: from the outbox to JetStream, in batches, at least once.

use std::collections::BTreeMap;
use std::time::Duration;

use async_nats::jetstream;
use async_nats::jetstream::message::PublishMessage;
use bytes::Bytes;
use futures::FutureExt;
use futures::future::join_all;
use prost::Message;
use sha2::{Digest, Sha256};
use sqlx::PgPool;
use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use wire::mailbox::v1::Batch;

use crate::outbox::Waiting;
use crate::{BusError, Outbox, Pulse};

/// Rows taken at once. At 200 bytes a fact this is a fifth of a megabyte a round.
const ROWS_PER_ROUND: i64 = 1000;
/// Facts in one message: durable messages are dear, facts are cheap.
const FACTS_PER_MESSAGE: usize = 200;
/// Below NATS' default limit of one mebibyte, with room for one large fact.
const BYTES_PER_MESSAGE: usize = 256 * 1024;
/// How often the outbox is read when nothing rings.
const POLL: Duration = Duration::from_millis(250);
/// How long facts are gathered before they travel: each message costs every reader a transaction.
const LINGER: Duration = Duration::from_millis(8);
/// How often the relay looks whether the stream is still the one that it knows.
const LOOK: Duration = Duration::from_secs(1);

/// Runs until `stop`. Errors are logged and tried again: what is not acknowledged stays in
/// the outbox.
pub async fn run(
    pool: PgPool,
    outbox: Outbox,
    bus: jetstream::Context,
    stream: &'static str,
    pulse: Pulse,
    stop: CancellationToken,
) {
    let relay = Relay {
        pool: &pool,
        outbox: &outbox,
        bus: &bus,
        stream,
        pulse: &pulse,
    };
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !stop.is_cancelled() {
        match relay.round(&mut looks).await {
            Ok(0) => wait(&outbox, &stop, &pool).await,
            Ok(_) => tokio::time::sleep(LINGER).await,
            Err(error) => {
                looks.reset_immediately();
                tracing::warn!(stream, error = crate::traced(&error), "relay round failed");
                tokio::select! { () = tokio::time::sleep(POLL) => {}, () = stop.cancelled() => {} }
            }
        }
    }
}

/// Whether the relay has yet to see that the stream was made anew: what it held is then neither
/// waiting in the outbox nor on its way, but about to be.
///
/// # Errors
/// When NATS does not answer.
pub async fn in_doubt(
    bus: &jetstream::Context,
    stream: &str,
    outbox: &Outbox,
) -> Result<bool, BusError> {
    Ok(!outbox.trusts(crate::ensure_stream(bus, stream).await?))
}

struct Relay<'r> {
    pool: &'r PgPool,
    outbox: &'r Outbox,
    bus: &'r jetstream::Context,
    stream: &'static str,
    pulse: &'r Pulse,
}

impl Relay<'_> {
    /// Publishes what waits and marks what was acknowledged, also when something else was not.
    async fn round(&self, looks: &mut Interval) -> Result<usize, BusError> {
        if looks.tick().now_or_never().is_some() {
            self.look().await?;
        }
        let mut tx = self.pool.begin().await?;
        let waiting = self
            .outbox
            .lock_waiting_in_tx(&mut tx, ROWS_PER_ROUND)
            .await?;
        if waiting.is_empty() {
            tx.rollback().await?;
            return Ok(0);
        }
        let (published, failure) = publish(self.bus, &waiting).await;
        if !published.is_empty() {
            self.outbox
                .mark_published_in_tx(&mut tx, &published)
                .await?;
            tx.commit().await?;
            self.pulse.count();
        }
        failure.map_or(Ok(published.len()), Err)
    }

    /// Makes the stream if need be. Whoever made it, what an earlier one held waits again.
    async fn look(&self) -> Result<(), BusError> {
        let made = crate::ensure_stream(self.bus, self.stream).await?;
        if !self.outbox.trusts(made) {
            self.outbox.trust(self.pool, made).await?;
        }
        Ok(())
    }
}

/// Publishes all rows and waits for every acknowledgement; answers the rows that have one, and
/// the first failure. A time-out counts as "not published": the rows stay, and dedupe per fact
/// absorbs the second copy.
async fn publish(bus: &jetstream::Context, waiting: &[Waiting]) -> (Vec<i64>, Option<BusError>) {
    let mut sent = Vec::new();
    for parcel in pack(waiting) {
        sent.push(send(bus, parcel).await);
    }
    let acknowledged = join_all(sent.into_iter().map(|sent| async {
        let (rows, what, ack) = sent?;
        ack.await.map_err(|error| not_acknowledged(&what, &error))?;
        Ok(rows)
    }));
    let (mut published, mut failure) = (Vec::new(), None);
    for one in acknowledged.await {
        match one {
            Ok(rows) => published.extend(rows),
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    (published, failure)
}

type Sent = (Vec<i64>, String, jetstream::context::PublishAckFuture);

async fn send(bus: &jetstream::Context, parcel: Parcel) -> Result<Sent, BusError> {
    let Parcel {
        subject,
        batch,
        rows,
    } = parcel;
    let first = batch
        .facts
        .first()
        .map(|fact| fact.fact_id.as_str())
        .unwrap_or_default();
    let what = format!("{} facts from {first}", batch.facts.len());
    let message = PublishMessage::build()
        .message_id(message_id(&batch))
        .payload(Bytes::from(batch.encode_to_vec()));
    match bus.send_publish(subject, message).await {
        Ok(ack) => Ok((rows, what, ack)),
        Err(error) => Err(not_acknowledged(&what, &error)),
    }
}

fn not_acknowledged(what: &str, error: &jetstream::context::PublishError) -> BusError {
    BusError::NotAcknowledged(format!("{what}: {error}"))
}

/// One message to be: a subject's facts and the rows that they come from.
#[derive(Default)]
struct Parcel {
    subject: String,
    batch: Batch,
    rows: Vec<i64>,
}

/// Groups rows by subject and cuts the groups to messages of bounded size.
fn pack(waiting: &[Waiting]) -> Vec<Parcel> {
    let mut open: BTreeMap<&str, (Parcel, usize)> = BTreeMap::new();
    let mut full = Vec::new();
    for row in waiting {
        let (parcel, bytes) = open.entry(&row.fact.subject).or_default();
        let size = row.fact.payload.len();
        let cut = parcel.rows.len() >= FACTS_PER_MESSAGE
            || bytes.saturating_add(size) > BYTES_PER_MESSAGE;
        if cut && !parcel.rows.is_empty() {
            full.push(std::mem::take(parcel));
            *bytes = 0;
        }
        parcel.subject.clone_from(&row.fact.subject);
        parcel.batch.facts.push((&row.fact).into());
        parcel.rows.push(row.outbox_id);
        *bytes = bytes.saturating_add(size);
    }
    full.extend(open.into_values().map(|(parcel, _)| parcel));
    full
}

/// Same facts, same id: JetStream drops the copy of a message that it already has.
fn message_id(batch: &Batch) -> String {
    let mut hash = Sha256::new();
    for fact in &batch.facts {
        hash.update(fact.fact_id.as_bytes());
        hash.update([0]);
    }
    hex::encode(&hash.finalize()[..16])
}

/// Sleeps until rung. The bell rings before the writer's commit, so it is followed by a few
/// early looks before the ordinary poll.
async fn wait(outbox: &Outbox, stop: &CancellationToken, pool: &PgPool) {
    tokio::select! {
        () = tokio::time::sleep(POLL) => {}
        () = stop.cancelled() => {}
        () = outbox.nudged() => {
            for pause in [LINGER, LINGER, 2 * LINGER, 4 * LINGER] {
                tokio::time::sleep(pause).await;
                if outbox.waiting_count(pool).await.is_ok_and(|count| count > 0) {
                    break;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Fact;
    use time::OffsetDateTime;
    use wire::billing::v1::MonthCut;

    fn row(number: i64, subject: &str, bytes: usize) -> Waiting {
        let mut fact = Fact::new(
            format!("f{number}"),
            "a",
            1,
            OffsetDateTime::UNIX_EPOCH,
            &MonthCut::default(),
        );
        fact.subject = subject.to_owned();
        fact.payload = vec![0; bytes];
        Waiting {
            outbox_id: number,
            fact,
        }
    }

    #[test]
    fn every_row_travels_exactly_once_and_no_message_is_too_large() {
        let rows: Vec<_> = (0..950)
            .map(|n| {
                row(
                    n,
                    if n % 3 == 0 { "a" } else { "b" },
                    if n % 100 == 0 { 300_000 } else { 50 },
                )
            })
            .collect();
        let packed = pack(&rows);
        let mut ids: Vec<_> = packed
            .iter()
            .flat_map(|parcel| &parcel.batch.facts)
            .map(|fact| &fact.fact_id)
            .collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 950);
        assert_eq!(
            packed.iter().map(|parcel| parcel.rows.len()).sum::<usize>(),
            950
        );
        for Parcel {
            subject,
            batch,
            rows,
        } in &packed
        {
            assert_eq!(rows.len(), batch.facts.len());
            assert!(batch.facts.len() <= FACTS_PER_MESSAGE);
            assert!(batch.facts.iter().all(|fact| &fact.subject == subject));
            let bytes: usize = batch.facts.iter().map(|fact| fact.payload.len()).sum();
            assert!(bytes <= BYTES_PER_MESSAGE || batch.facts.len() == 1);
        }
    }

    #[test]
    fn the_same_facts_have_the_same_message_id() {
        let one = pack(&[row(1, "a", 1), row(2, "a", 1)]);
        let other = pack(&[row(1, "a", 1), row(3, "a", 1)]);
        assert_eq!(message_id(&one[0].batch), message_id(&one[0].batch));
        assert_ne!(message_id(&one[0].batch), message_id(&other[0].batch));
    }
}
