//! allocation over real Postgres and NATS.

mod barrier;
mod directing;
mod funding;
mod sealing;
mod story;
