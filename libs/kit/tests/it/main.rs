//! kit over real Postgres and NATS: starting, being ready, coming to rest, stopping.

mod boot;
mod echo;
mod readiness;
mod replicas;
mod settle;
