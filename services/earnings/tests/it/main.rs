//! earnings over real Postgres and NATS.

mod bookkeeping;
mod closing;
mod closing_now;
mod comebacks;
mod creators;
mod holds;
mod owed;
mod posting;
mod reading;
mod revenue;
mod some;
mod stories;
mod unchanging;
mod walls;
