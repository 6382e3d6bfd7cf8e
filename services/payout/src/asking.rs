//! Questions to Stripe, asked from a loop.
//!
//! The client's questions are futures that the compiler cannot prove to be `Send`, and a loop's
//! turn must be. So each is driven on a thread of its own. Orders need none of this.

use kit::Error;
use stripe::{Failure, Stripe};
use tokio::runtime::Handle;

use crate::orders::error_of;

/// # Errors
/// As [`error_of`] reads the failure.
pub async fn ask<T, Q>(stripe: &Stripe, question: Q) -> Result<T, Error>
where
    T: Send + 'static,
    Q: AsyncFnOnce(Stripe) -> Result<T, Failure> + Send + 'static,
{
    let (stripe, runtime) = (stripe.clone(), Handle::current());
    let asked = tokio::task::spawn_blocking(move || runtime.block_on(question(stripe)));
    asked
        .await
        .map_err(|error| Error::Bug(Box::new(error)))?
        .map_err(error_of)
}
