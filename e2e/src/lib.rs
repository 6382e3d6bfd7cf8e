//! Journeys through all services, as tests: see `tests/it`.
