//! The desk where holds queue: those that wait while one transaction commits share the next.
//!
//! Nobody waits for a batch to fill. Whoever finds the desk free serves all who queue, himself
//! among them; alone, he is a batch of one.

use std::sync::{Arc, Mutex, PoisonError};

use kit::Error;
use tokio::sync::oneshot;

use super::Usecases;
use super::hold::HoldOrder;
use crate::domain::hold::{HoldState, Snapshot};

/// What a hold is answered.
pub type Answer = Result<(HoldState, Snapshot), Error>;

/// The most that share a transaction: beyond it they only wait longer for one another.
const SERVED_MAX: usize = 100;

struct Waiting {
    order: HoldOrder,
    answer: oneshot::Sender<Answer>,
}

/// The queue, and the place of the one who serves it.
#[derive(Clone, Default)]
pub struct Desk {
    queue: Arc<Mutex<Vec<Waiting>>>,
    place: Arc<tokio::sync::Mutex<()>>,
}

impl Desk {
    fn queue_up(&self, order: &HoldOrder) -> oneshot::Receiver<Answer> {
        let (answer, answered) = oneshot::channel();
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.push(Waiting {
            order: order.clone(),
            answer,
        });
        answered
    }

    fn next_served(&self) -> Vec<Waiting> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let served = queue.len().min(SERVED_MAX);
        queue.drain(..served).collect()
    }
}

impl Usecases {
    /// Moves payable money, oldest month first, into a payout's reserve. Asked again, it tells
    /// what the hold has become.
    ///
    /// # Errors
    /// `INSUFFICIENT_BALANCE` with `payable_minor`; `HOLD_DIFFERS` when the payout's hold is of
    /// another amount or creator.
    pub async fn hold(&self, order: &HoldOrder) -> Answer {
        let mut answered = self.desk.queue_up(order);
        loop {
            let place = self.desk.place.lock().await;
            match answered.try_recv() {
                Ok(answer) => return answer,
                Err(oneshot::error::TryRecvError::Empty) => {
                    self.serve(self.desk.next_served()).await
                }
                // Whoever served us failed, or went away half-way: nobody knows what became of
                // our order, and asking again is told.
                Err(oneshot::error::TryRecvError::Closed) => {
                    drop(place);
                    return self.hold_alone(order).await;
                }
            }
        }
    }

    /// When the whole transaction fails, nobody is answered and each tries alone, so that one
    /// order's trouble is not another's.
    async fn serve(&self, served: Vec<Waiting>) {
        let orders: Vec<HoldOrder> = served.iter().map(|one| one.order.clone()).collect();
        let Ok(answers) = self.hold_together(&orders).await else {
            return;
        };
        for (one, answer) in served.into_iter().zip(answers) {
            // A caller who has gone needs no answer.
            let _ = one.answer.send(answer);
        }
    }
}
