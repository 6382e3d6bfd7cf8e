//! notifier over real Postgres and NATS.

mod feed;
