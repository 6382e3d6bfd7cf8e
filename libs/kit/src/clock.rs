//! Two clocks. *Business time* runs months, schedules, retries and Stripe's keys; *wall
//! time* runs tokens, leases, deadlines and retention. A jump of the first never touches
//! the second.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use serde::Deserialize;
use time::OffsetDateTime;

use crate::Error;

/// The business clock, and the only way to read the wall clock. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Clock {
    mode: Arc<Mode>,
}

#[derive(Debug)]
enum Mode {
    System,
    /// Business time is the sandbox's; milliseconds since 1970, zero until first read.
    Sandbox {
        url: String,
        http: reqwest::Client,
        read: AtomicI64,
    },
    /// Moved by tests alone.
    Manual {
        read: AtomicI64,
    },
}

#[derive(Deserialize)]
struct Reading {
    #[serde(with = "time::serde::rfc3339")]
    now: OffsetDateTime,
}

impl Clock {
    /// Business time is wall time.
    #[must_use]
    pub fn system() -> Self {
        Self {
            mode: Arc::new(Mode::System),
        }
    }

    /// Business time is kept by the Stripe sandbox at `url`.
    #[must_use]
    pub fn sandbox(url: &str) -> Self {
        let url = format!("{}/_sandbox/clock", url.trim_end_matches('/'));
        let http = crate::http::client();
        Self {
            mode: Arc::new(Mode::Sandbox {
                url,
                http,
                read: AtomicI64::new(0),
            }),
        }
    }

    /// Stands still at `start` until [`Clock::set`].
    #[must_use]
    pub fn manual(start: OffsetDateTime) -> Self {
        Self {
            mode: Arc::new(Mode::Manual {
                read: AtomicI64::new(milliseconds(start)),
            }),
        }
    }

    /// Business time. In sandbox mode the last reading; 1970 before the first.
    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        match &*self.mode {
            Mode::System => wall(),
            Mode::Sandbox { read, .. } | Mode::Manual { read } => {
                instant(read.load(Ordering::Acquire))
            }
        }
    }

    /// Wall time.
    #[must_use]
    pub fn wall(&self) -> OffsetDateTime {
        wall()
    }

    /// Whether there is a reading yet.
    #[must_use]
    pub fn is_read(&self) -> bool {
        self.now() > OffsetDateTime::UNIX_EPOCH
    }

    /// Resolves once there is a reading: no work may be done at an instant that is none.
    pub(crate) async fn until_read(&self) {
        while !self.is_read() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }

    /// Whether business time is a sandbox's.
    #[must_use]
    pub fn is_sandbox(&self) -> bool {
        matches!(*self.mode, Mode::Sandbox { .. })
    }

    /// Where the sandbox keeps the clock, in sandbox mode.
    #[must_use]
    pub fn sandbox_url(&self) -> Option<&str> {
        match &*self.mode {
            Mode::Sandbox { url, .. } => Some(url),
            Mode::System | Mode::Manual { .. } => None,
        }
    }

    /// Moves a manual clock forward; earlier instants are ignored.
    pub fn set(&self, to: OffsetDateTime) {
        if let Mode::Manual { read } = &*self.mode {
            read.fetch_max(milliseconds(to), Ordering::AcqRel);
        }
    }

    /// Reads the source again; answers whether the clock moved. It never goes back.
    ///
    /// # Errors
    /// `Unavailable` when the sandbox does not answer.
    pub async fn refresh(&self) -> Result<bool, Error> {
        let Mode::Sandbox { url, http, read } = &*self.mode else {
            return Ok(false);
        };
        let away = |error: reqwest::Error| Error::Unavailable(Box::new(error));
        let answer = http
            .get(url)
            .timeout(READ_TIMEOUT)
            .send()
            .await
            .map_err(away)?;
        let reading: Reading = answer
            .error_for_status()
            .map_err(away)?
            .json()
            .await
            .map_err(away)?;
        let now = milliseconds(reading.now);
        Ok(read.fetch_max(now, Ordering::AcqRel) < now)
    }
}

const READ_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(5);

/// The one place that reads the machine's clock.
fn wall() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

fn milliseconds(instant: OffsetDateTime) -> i64 {
    i64::try_from(instant.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}

fn instant(milliseconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(milliseconds) * 1_000_000)
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn a_clock_never_goes_back() {
        let clock = Clock::manual(datetime!(2027-02-01 00:00 UTC));
        clock.set(datetime!(2027-01-01 00:00 UTC));
        assert_eq!(clock.now(), datetime!(2027-02-01 00:00 UTC));
        clock.set(datetime!(2027-02-01 00:00:00.5 UTC));
        assert_eq!(clock.now(), datetime!(2027-02-01 00:00:00.5 UTC));
    }
}
