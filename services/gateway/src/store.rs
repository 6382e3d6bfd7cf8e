//! Every SQL statement of this service.

mod acknowledged;
mod requests;

use std::time::Duration;

use sqlx::PgPool;

pub use acknowledged::{Promise, keep_in_tx};
pub use requests::{Claim, Held, Key, Reply};

/// Access to the schema. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    pub pool: PgPool,
    /// How long a claim lasts when its process is lost.
    pub lease: Duration,
}
