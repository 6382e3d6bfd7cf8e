//! The client against a scripted server on loopback, and the webhook rules.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod classification;
mod connections;
mod fixtures;
mod money_orders;
mod questions;
mod requests;
mod secrecy_rules;
mod server;
mod settlement;
mod subscriptions;
mod webhook_head;
mod webhook_signature;
