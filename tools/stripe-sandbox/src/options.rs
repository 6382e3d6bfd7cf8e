//! What a sandbox needs to be told before it starts.

use std::path::PathBuf;

use crate::rate::RateLimits;

/// The settings of one sandbox.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder of the journal; made when it does not exist.
    pub data: PathBuf,
    /// Business time of a new world, in unix seconds. A world that exists keeps its own.
    pub clock_start: i64,
    /// Whether each line is forced to disk. Without it a killed process loses nothing, a
    /// machine that loses power may.
    pub fsync: bool,
    /// The address that pages are handed out under; by default that of the listener.
    pub public_url: Option<String>,
    /// How often it may be called, by wall time; by default as often as anybody likes.
    pub rate_limits: Option<RateLimits>,
}

impl Options {
    pub fn new(data: impl Into<PathBuf>, clock_start: i64) -> Self {
        Self {
            data: data.into(),
            clock_start,
            fsync: false,
            public_url: None,
            rate_limits: None,
        }
    }
}
