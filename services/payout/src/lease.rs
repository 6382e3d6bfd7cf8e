//! Rows in work: leased for moments, and kept for as long as the work takes.
//!
//! A lease is short, so that the rows of a process that was killed come free soon. Whoever lives
//! extends it, however long Stripe or a peer takes to answer. A lease that is lost all the same,
//! in a stall of the database, costs a repetition and no money: orders go under their key.

use std::time::Duration;

/// Between two extensions; a lease stands out a few that are late.
const EVERY: Duration = Duration::from_secs(1);

/// Does the work, and meanwhile extends its lease by `keep`.
pub async fn kept<T, Keeping>(work: impl Future<Output = T>, keep: impl Fn() -> Keeping) -> T
where
    Keeping: Future<Output = Result<(), sqlx::Error>>,
{
    // Beside the work and not between its steps: the row may be locked by the work itself.
    let keeping = async {
        loop {
            tokio::time::sleep(EVERY).await;
            if let Err(error) = keep().await {
                tracing::warn!(%error, "lease not extended");
            }
        }
    };
    tokio::select! {
        done = work => done,
        never = keeping => never,
    }
}
