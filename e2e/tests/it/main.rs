//! Journeys through all services, as real processes: one file per story.

mod month;
