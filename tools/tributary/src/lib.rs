//! Runs Tributary on one machine: finds or fetches Postgres and NATS, starts them privately with
//! the nine services and Stripe's sandbox, keeps them alive, and stops them in order.
//!
//! [`instance`] is the entrance for programs; `main.rs` is the one for people.

pub mod account;
pub mod bring_up;
pub mod child;
pub mod cli;
pub mod close;
pub mod command;
pub mod database;
pub mod demo;
pub mod detach;
pub mod doctor;
pub mod endpoints;
pub mod envfile;
pub mod exit;
pub mod fleet;
pub mod gateway;
pub mod instance;
pub mod ladder;
pub mod nats;
pub mod ports;
pub mod postgres;
pub mod process;
pub mod programs;
pub mod random;
pub mod replica;
pub mod say;
pub mod settings;
pub mod state;
pub mod stripe;
pub mod supervisor;
pub mod token;
pub mod token_key;
#[cfg(feature = "verify")]
pub mod trace;
#[cfg(feature = "verify")]
pub mod verify;
pub mod version;
