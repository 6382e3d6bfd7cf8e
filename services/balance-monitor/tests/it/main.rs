//! balance-monitor over real Postgres and NATS, and over Stripe's sandbox. Earnings is a double.

mod alerts;
mod difference;
mod hints;
mod walk;
mod world;
