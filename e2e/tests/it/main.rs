//! Journeys through all services, as real processes: one file per story.

mod books;
mod month;
mod operator;
mod place;
mod replicas;
mod stripe;
mod verify_can_fail;
