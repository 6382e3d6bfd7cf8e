//! billing over real Postgres and NATS, with the Stripe sandbox in this process.

mod charge;
mod checkout;
mod month;
mod reading;
mod world;
