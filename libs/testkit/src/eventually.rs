//! Waiting for a condition, never for a time.

use std::time::Duration;

/// How long a condition may take before the test fails. Generous: it is only reached by failures.
const PATIENCE: Duration = Duration::from_secs(30);

/// Looks again and again until `look` answers something.
///
/// # Panics
/// With `what` when the condition does not come true.
pub async fn eventually<T, F, L>(what: &str, mut look: L) -> T
where
    L: FnMut() -> F,
    F: Future<Output = Option<T>>,
{
    let waited = tokio::time::timeout(PATIENCE, async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    match waited.await {
        Ok(found) => found,
        Err(_) => panic!("waited {PATIENCE:?} in vain for: {what}"),
    }
}
