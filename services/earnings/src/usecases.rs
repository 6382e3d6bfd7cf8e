//! Begin, load, decide, save, announce, commit.

mod books;
mod close;
mod close_now;
mod comeback;
mod desk;
mod hold;
mod post;
mod read;

use kit::{Clock, Error};
use ledger::{Program, Rates};
use mailbox::Outbox;

pub use books::Books;
pub use close::Turned;
pub use comeback::{RefusedAttempt, ReversedTransfer};
pub use desk::Desk;
pub use hold::HoldOrder;
pub use post::Seal;

use crate::store::{self, Store};

/// Programs that the monthly run pays out, and that holds take from.
const SCHEDULED: [Program; 2] = [Program::Allocation, Program::Copies];

/// What this service does, whoever asks.
#[derive(Clone)]
pub struct Usecases {
    pub books: Books,
    pub store: Store,
    pub outbox: Outbox,
    pub clock: Clock,
    pub desk: Desk,
    pub rates: Rates,
    /// Lines closed in one transaction.
    pub lines_per_turn: i64,
}

/// A transaction that lost a race is begun again at most so often; each time, somebody else
/// has won.
const RACES_MAX: usize = 10;

/// Runs a whole transaction, and again when it lost a race with another.
async fn raced<T, F>(mut once: impl FnMut() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    let mut races = 0;
    loop {
        match once().await {
            Err(Error::Unavailable(cause) | Error::Bug(cause))
                if races < RACES_MAX
                    && cause
                        .downcast_ref::<sqlx::Error>()
                        .is_some_and(store::is_raced) =>
            {
                races += 1;
            }
            done => return done,
        }
    }
}
