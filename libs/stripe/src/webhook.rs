//! Webhooks: is it from Stripe, and what is it about?
//!
//! Verifying and reading are apart on purpose. A genuine event that we cannot read is stored
//! all the same and acknowledged; only a forged one is turned away.

mod head;
mod signature;

pub use head::{EventHead, EventUnreadable};
pub use signature::{SignatureRefused, TOLERANCE, sign, verify};
