//! The sandbox over real HTTP, in process.

mod books;
mod bounds;
mod deliveries;
mod keys;
mod lists;
mod shapes;
mod subscriptions;
mod support;
