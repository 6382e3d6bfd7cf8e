//! Streams as code: the same definition at every boot, and the server's echo compared with it.

use std::time::Duration;

use async_nats::jetstream::{self, stream};
use time::OffsetDateTime;

/// Why the bus could not be used.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    #[error("NATS did not accept stream {name}")]
    Stream {
        name: String,
        #[source]
        source: jetstream::context::CreateStreamError,
    },
    #[error("NATS did not accept consumer {name}: {why}")]
    Consumer { name: String, why: String },
    #[error("NATS kept another configuration of {name} than asked for: {what}")]
    Echo { name: String, what: &'static str },
    #[error("publishing was not acknowledged: {0}")]
    NotAcknowledged(String),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Makes a publisher's stream if it is absent, and answers when it was made. Consumers call it
/// too, so that no service has to start before another.
///
/// # Errors
/// [`BusError::Stream`], and [`BusError::Echo`] when an old server dropped a setting.
pub async fn ensure_stream(
    bus: &jetstream::Context,
    name: &str,
) -> Result<OffsetDateTime, BusError> {
    let wanted = stream::Config {
        name: name.to_owned(),
        subjects: vec![format!("{name}.v1.>")],
        retention: stream::RetentionPolicy::Limits,
        // Full means refuse, never forget: the outbox waits.
        discard: stream::DiscardPolicy::New,
        max_bytes: STREAM_BYTES_MAX,
        max_age: Duration::from_secs(14 * 24 * 3600),
        duplicate_window: Duration::from_secs(120),
        storage: stream::StorageType::File,
        deny_delete: true,
        deny_purge: true,
        ..Default::default()
    };
    let created = bus
        .get_or_create_stream(wanted.clone())
        .await
        .map_err(|source| BusError::Stream {
            name: name.to_owned(),
            source,
        })?;
    let kept = &created.cached_info().config;
    let difference = if kept.subjects != wanted.subjects {
        Some("subjects")
    } else if kept.discard != wanted.discard {
        Some("discard")
    } else if !kept.deny_delete || !kept.deny_purge {
        Some("deny_delete, deny_purge")
    } else {
        None
    };
    match difference {
        Some(what) => Err(BusError::Echo {
            name: name.to_owned(),
            what,
        }),
        None => Ok(created.cached_info().created),
    }
}

/// The most that one stream keeps on disk, in bytes.
///
/// Eight streams of this size fit the private server's `max_file_store` of 8 GiB with room
/// to spare; a deployment sets its own by editing this with the volume.
const STREAM_BYTES_MAX: i64 = 512 * 1024 * 1024;
