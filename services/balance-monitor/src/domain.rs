//! What is recorded, and what is judged of it: total functions of what was read.

mod alert;
mod reading;
mod transaction;

pub use alert::{Finding, Kind, Severity, Verdict};
pub use reading::{Books, Held, Reading, Run, agreement, coverage};
pub use transaction::Transaction;
