//! The mailbox between two real servers: what a relay publishes, a consumer applies once.

mod bench;
mod delivery;
mod loss;
mod poison;
