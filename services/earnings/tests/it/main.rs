//! earnings over real Postgres and NATS.

mod closing;
mod holds;
mod posting;
mod reading;
mod some;
mod walls;
