//! The gateway over real Postgres and NATS, with nobody or fakes behind it: what it decides by itself.

mod advance;
mod behind;
mod bench;
mod document;
mod doors;
mod fake;
mod idempotency;
mod limits;
mod problems;
mod promises;
mod refusals;
mod roles;
mod routes_of_others;
mod routes_of_subscribers;
