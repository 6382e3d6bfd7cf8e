//! The gateway over real Postgres and NATS, with nobody behind it: what it decides by itself.

mod advance;
mod behind;
mod bench;
mod doors;
mod refusals;
