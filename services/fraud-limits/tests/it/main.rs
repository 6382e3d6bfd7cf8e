//! fraud-limits over real Postgres and NATS.

mod reserve;
