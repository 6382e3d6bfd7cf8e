//! The sandbox over real HTTP, in process.

#![expect(
    clippy::unwrap_used,
    reason = "a helper that fails should fail its test"
)]

mod any_order;
mod books;
mod bounds;
mod changes;
mod conservation;
mod coupons;
mod deliveries;
mod disputes;
mod expanding;
mod faults;
mod keys;
mod limits;
mod lists;
mod money_in_shapes;
mod past_due;
mod payouts;
mod refunds;
mod reversals;
mod settings;
mod shapes;
mod standing;
mod subscriber;
mod subscriptions;
mod support;
mod taxes;
mod trials;
mod webhook_faults;
