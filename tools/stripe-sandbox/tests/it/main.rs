//! The sandbox over real HTTP, in process.

#![expect(
    clippy::unwrap_used,
    reason = "a helper that fails should fail its test"
)]

mod books;
mod bounds;
mod deliveries;
mod keys;
mod lists;
mod shapes;
mod subscriptions;
mod support;
