//! allocation over real Postgres and NATS.

mod again;
mod barrier;
mod copying;
mod directing;
mod funding;
mod history;
mod replacing;
mod replicas;
mod sealing;
mod story;
mod subscribed;
