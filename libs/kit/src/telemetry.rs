//! Logs: one JSON line an event, or text for people. Never a secret, never a body.

use tracing_subscriber::EnvFilter;

use crate::BootError;
use crate::config::{Log, LogFormat};

/// Sets the process' subscriber. A second call in one process (tests) changes nothing.
///
/// # Errors
/// `Config` when the level does not parse.
pub fn init(log: &Log) -> Result<(), BootError> {
    let filter = EnvFilter::try_new(&log.level)
        .map_err(|error| BootError::Config(format!("log.level: {error}")))?;
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    let set = match log.format {
        LogFormat::Json => subscriber.json().flatten_event(true).try_init(),
        LogFormat::Text => subscriber.try_init(),
    };
    drop(set);
    Ok(())
}
