//! billing over real Postgres and NATS, with the Stripe sandbox in this process.

mod asking;
mod cancel;
mod change;
mod charge;
mod checkout;
mod lossy;
mod month;
mod past_due;
mod reading;
mod reductions;
mod trial;
mod world;
