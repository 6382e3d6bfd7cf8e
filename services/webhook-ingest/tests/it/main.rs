//! webhook-ingest over real Postgres and NATS.

mod delivery;
mod month;
mod signature;
mod stripe_like;
