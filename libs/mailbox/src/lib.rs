//! Facts between services: at-least-once delivered, exactly once applied.
//!
//! *Out*: [`Outbox::enqueue_in_tx`] is the only way to publish, in the transaction that
//! makes the fact true; a [`relay`] packs waiting rows into messages and marks them when
//! JetStream has them on disk. *In*: a [`Subscriber`] applies a batch in one transaction,
//! deduped per fact, with poisoned facts set aside as dead letters in that same
//! transaction; the message is acknowledged after the commit.
//!
//! JetStream is transport, Postgres is the record. Nothing here needs order: facts commute.

pub mod cause;
mod consumer;
mod dead_letter;
mod error;
mod fact;
mod inbox;
mod outbox;
mod pulse;
pub mod relay;
mod stream;

pub use consumer::{Consumer, Dedupe, Refused, Subscriber};
pub use dead_letter::DeadLetters;
pub use error::{ApplyError, passes_by_itself, traced};
pub use fact::Fact;
pub use inbox::Inbox;
pub use outbox::Outbox;
pub use pulse::{Bell, Pulse};
pub use stream::{BusError, ensure_stream};

/// The canonical DDL of the mailbox's tables; every service's migration carries a copy
/// with `mailbox_schema` replaced by its own schema.
pub const DDL: &str = include_str!("../sql/mailbox.sql");
