//! Questions change nothing, so they are asked again when the line is bad.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

use crate::failure::Failure;

/// Sends after the first.
const RETRIES_MAX: u32 = 3;

/// Doubles with each retry.
const PAUSE_FIRST: Duration = Duration::from_millis(100);

/// A longer wait than this is for the caller, who may have better things to do.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// Asks until there is an answer, a definite failure, or no patience left.
///
/// Takes a closure that makes futures, not an async closure: of the latter the compiler cannot
/// show that its future may move between threads, and every caller's must.
pub(crate) async fn patiently<T, F>(ask: impl Fn() -> F) -> Result<T, Failure>
where
    F: Future<Output = Result<T, Failure>>,
{
    let mut retries = 0;
    loop {
        let failure = match ask().await {
            Ok(answer) => return Ok(answer),
            Err(failure) => failure,
        };
        match pause(&failure, retries) {
            Some(pause) if retries < RETRIES_MAX => tokio::time::sleep(pause).await,
            _ => return Err(failure),
        }
        retries += 1;
    }
}

/// How long to wait before asking again, or `None` where asking again is pointless.
fn pause(failure: &Failure, retries: u32) -> Option<Duration> {
    let own = jittered(PAUSE_FIRST.saturating_mul(2_u32.saturating_pow(retries)));
    match failure {
        Failure::Unknown { .. } | Failure::NotSent { .. } => Some(own),
        Failure::RateLimited { retry_after } => {
            let asked = retry_after.unwrap_or_default();
            (asked <= PAUSE_MAX).then_some(own.max(asked))
        }
        Failure::Refused { .. }
        | Failure::Unauthorized { .. }
        | Failure::KeyMisused { .. }
        | Failure::Mismatch { .. } => None,
    }
}

/// Between half of it and all of it, so that callers who failed together do not return together.
/// The randomness is a hash map's: nothing secret hangs on it.
fn jittered(pause: Duration) -> Duration {
    let percent = 50 + RandomState::new().build_hasher().finish() % 51;
    pause.saturating_mul(u32::try_from(percent).unwrap_or(100)) / 100
}
