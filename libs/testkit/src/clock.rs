//! A clock source that a test moves, on the wire of the sandbox's.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use anyhow::Result;
use axum::routing::get;
use axum::{Json, Router};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Serves `GET /_sandbox/clock`.
pub struct TestClock {
    seconds: Arc<AtomicI64>,
    url: String,
}

impl TestClock {
    /// Stands still at `start`.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start(start: OffsetDateTime) -> Result<Self> {
        let seconds = Arc::new(AtomicI64::new(start.unix_timestamp()));
        let read = Arc::clone(&seconds);
        let answer = move || {
            let now = OffsetDateTime::from_unix_timestamp(read.load(Ordering::SeqCst));
            let now = now.ok().and_then(|now| now.format(&Rfc3339).ok());
            async move { Json(serde_json::json!({ "now": now, "idle": true, "busy": [] })) }
        };
        let router = Router::new().route("/_sandbox/clock", get(answer));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        kit::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { seconds, url })
    }

    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Moves it; services follow within a second, or at once when they settle.
    pub fn set(&self, to: OffsetDateTime) {
        self.seconds.store(to.unix_timestamp(), Ordering::SeqCst);
    }
}
