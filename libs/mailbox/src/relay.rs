//! The relay: from the outbox to JetStream, in batches, at least once.

use std::collections::BTreeMap;
use std::time::Duration;

use async_nats::jetstream;
use async_nats::jetstream::message::PublishMessage;
use bytes::Bytes;
use futures::future::try_join_all;
use prost::Message;
use sha2::{Digest, Sha256};
use sqlx::PgPool;
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
    let mut ready = false;
    while !stop.is_cancelled() {
        match round(&pool, &outbox, &bus, stream, &mut ready).await {
            Ok(0) => wait(&outbox, &stop, &pool).await,
            Ok(_) => pulse.beat(),
            Err(error) => {
                ready = false;
                tracing::warn!(stream, error = &error as &dyn std::error::Error, "relay round failed");
                tokio::select! { () = tokio::time::sleep(POLL) => {}, () = stop.cancelled() => {} }
            }
        }
    }
}

async fn round(
    pool: &PgPool,
    outbox: &Outbox,
    bus: &jetstream::Context,
    stream: &'static str,
    ready: &mut bool,
) -> Result<usize, BusError> {
    if !*ready {
        crate::ensure_stream(bus, stream).await?;
        *ready = true;
    }
    let mut tx = pool.begin().await?;
    let waiting = outbox.lock_waiting_in_tx(&mut tx, ROWS_PER_ROUND).await?;
    if waiting.is_empty() {
        tx.rollback().await?;
        return Ok(0);
    }
    publish(bus, &waiting).await?;
    let ids: Vec<i64> = waiting.iter().map(|row| row.outbox_id).collect();
    outbox.mark_published_in_tx(&mut tx, &ids).await?;
    tx.commit().await?;
    Ok(ids.len())
}

/// Publishes all rows and waits for every acknowledgement. A time-out counts as "not
/// published": the rows stay, and dedupe per fact absorbs the second copy.
async fn publish(bus: &jetstream::Context, waiting: &[Waiting]) -> Result<(), BusError> {
    let refused = |error: jetstream::context::PublishError| {
        BusError::NotAcknowledged(error.to_string())
    };
    let mut acks = Vec::new();
    for (subject, batch) in pack(waiting) {
        let message = PublishMessage::build()
            .message_id(message_id(&batch))
            .payload(Bytes::from(batch.encode_to_vec()));
        acks.push(bus.send_publish(subject, message).await.map_err(refused)?);
    }
    try_join_all(acks.into_iter().map(IntoFuture::into_future)).await.map_err(refused)?;
    Ok(())
}

/// Groups rows by subject and cuts the groups to messages of bounded size.
fn pack(waiting: &[Waiting]) -> Vec<(String, Batch)> {
    let mut open: BTreeMap<&str, (Batch, usize)> = BTreeMap::new();
    let mut full = Vec::new();
    for row in waiting {
        let (batch, bytes) = open.entry(&row.fact.subject).or_default();
        let size = row.fact.payload.len();
        let cut = batch.facts.len() >= FACTS_PER_MESSAGE
            || bytes.saturating_add(size) > BYTES_PER_MESSAGE;
        if cut && !batch.facts.is_empty() {
            full.push((row.fact.subject.clone(), std::mem::take(batch)));
            *bytes = 0;
        }
        batch.facts.push((&row.fact).into());
        *bytes = bytes.saturating_add(size);
    }
    let rest = open.into_iter().map(|(subject, (batch, _))| (subject.to_owned(), batch));
    full.extend(rest.filter(|(_, batch)| !batch.facts.is_empty()));
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
            for pause in [1, 2, 4, 8, 16, 32] {
                tokio::time::sleep(Duration::from_millis(pause)).await;
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
        let mut fact =
            Fact::new(format!("f{number}"), "a", 1, OffsetDateTime::UNIX_EPOCH, &MonthCut::default());
        fact.subject = subject.to_owned();
        fact.payload = vec![0; bytes];
        Waiting { outbox_id: number, fact }
    }

    #[test]
    fn every_row_travels_exactly_once_and_no_message_is_too_large() {
        let rows: Vec<_> = (0..950)
            .map(|n| row(n, if n % 3 == 0 { "a" } else { "b" }, if n % 100 == 0 { 300_000 } else { 50 }))
            .collect();
        let packed = pack(&rows);
        let mut ids: Vec<_> =
            packed.iter().flat_map(|(_, batch)| &batch.facts).map(|fact| &fact.fact_id).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 950);
        assert_eq!(packed.iter().map(|(_, batch)| batch.facts.len()).sum::<usize>(), 950);
        for (subject, batch) in &packed {
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
        assert_eq!(message_id(&one[0].1), message_id(&one[0].1));
        assert_ne!(message_id(&one[0].1), message_id(&other[0].1));
    }
}
