//! The gateway over real Postgres and NATS, with nobody behind it: what it decides by itself.

mod bench;
mod doors;
mod refusals;
