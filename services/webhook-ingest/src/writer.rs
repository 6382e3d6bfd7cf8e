//! One writer for all deliveries of a process: whatever waits is stored in one transaction.
//!
//! It never waits for a batch to fill. Under load batches grow by themselves, for deliveries
//! queue up while the last batch is being committed; without load each is a batch of its own.

use kit::Error;
use mailbox::Pulse;
use tokio::sync::{mpsc, oneshot};

use crate::domain::{Event, Outcome};
use crate::tally::Tally;
use crate::usecases::Usecases;

/// Deliveries in one transaction, and deliveries that may wait for the next.
const BATCH_MAX: usize = 512;

/// A delivery that waits to be stored. When it could not be, the answer is dropped.
pub struct Parcel {
    pub event: Event,
    pub answer: oneshot::Sender<Outcome>,
}

/// Starts the writer. It ends, with its queue empty, when all senders are gone.
pub fn start(usecases: Usecases, pulse: Pulse) -> mpsc::Sender<Parcel> {
    let (sender, queue) = mpsc::channel(BATCH_MAX);
    kit::spawn(run(queue, usecases, pulse));
    sender
}

async fn run(mut queue: mpsc::Receiver<Parcel>, usecases: Usecases, pulse: Pulse) {
    let mut parcels = Vec::with_capacity(BATCH_MAX);
    while queue.recv_many(&mut parcels, BATCH_MAX).await > 0 {
        let (events, answers): (Vec<_>, Vec<_>) = parcels
            .drain(..)
            .map(|parcel| (parcel.event, parcel.answer))
            .unzip();
        write(&usecases, events, answers).await;
        pulse.beat();
    }
}

/// Stores a batch; if one delivery breaks it, each by itself, so that only that one is refused.
async fn write(usecases: &Usecases, events: Vec<Event>, answers: Vec<oneshot::Sender<Outcome>>) {
    match usecases.store_events(&events).await {
        Ok(outcomes) => {
            for ((event, outcome), answer) in events.iter().zip(outcomes).zip(answers) {
                note(&usecases.tally, event, outcome);
                // Whoever hung up delivers again, and is told that it is a duplicate.
                let _ = answer.send(outcome);
            }
        }
        Err(Error::Bug(_)) if events.len() > 1 => {
            for (event, answer) in events.into_iter().zip(answers) {
                Box::pin(write(usecases, vec![event], vec![answer])).await;
            }
        }
        Err(error) => {
            let error: &dyn std::error::Error = &error;
            tracing::error!(
                deliveries = events.len(),
                error,
                "deliveries could not be stored"
            );
        }
    }
}

fn note(tally: &Tally, event: &Event, outcome: Outcome) {
    let event_id = event.event_id.as_str();
    match outcome {
        Outcome::Stored if !event.is_readable() => {
            tracing::error!(event_id, "a signed body is no event of Stripe's");
        }
        Outcome::Stored => {}
        Outcome::Duplicate => Tally::count(&tally.duplicate),
        Outcome::Altered => {
            Tally::count(&tally.altered);
            tracing::error!(
                event_id,
                "an event came again with another body; the first stands"
            );
        }
    }
}
