//! What tests stand on: a database of their own, a nats-server of their own, a clock that
//! they move, services in the test's process. Everything is real but the clock.
//!
//! `make test` starts Postgres and says in the environment where it is (`DATABASE_URL`) and
//! which nats-server to run (`NATS_SERVER_BIN`). Nothing is skipped when they are absent:
//! the test fails and says so.

mod clock;
mod database;
mod eventually;
mod keys;
mod nats;
mod service;

pub use clock::TestClock;
pub use database::{TestDb, admin_url};
pub use eventually::eventually;
pub use keys::Keys;
pub use nats::TestNats;
pub use service::{TestBed, TestService};
