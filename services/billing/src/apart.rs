//! Asking Stripe apart from the caller's task.
//!
//! The client asks its questions through async closures, and the compiler cannot yet prove that
//! such a future may move between threads, which tasks and gRPC handlers must. So a question
//! stays on one thread of its own until it is answered.

use stripe::{Doubt, Failure};
use tokio::runtime::Handle;

/// Runs a question to its end on a blocking thread, of which there are plenty.
///
/// # Errors
/// The question's; `Unknown` if the process stops meanwhile.
pub async fn ask<T, F>(question: impl FnOnce() -> F + Send + 'static) -> Result<T, Failure>
where
    F: Future<Output = Result<T, Failure>>,
    T: Send + 'static,
{
    let runtime = Handle::current();
    let asked = tokio::task::spawn_blocking(move || runtime.block_on(question()));
    let lost = Failure::Unknown {
        why: Doubt::ConnectionLost,
        request_id: None,
    };
    asked.await.unwrap_or(Err(lost))
}
