//! billing over real Postgres and NATS, with the Stripe sandbox in this process.

mod asking;
mod cancel;
mod change;
mod charge;
mod checkout;
mod line;
mod lossy;
mod month;
mod page_life;
mod pages;
mod past_due;
mod reading;
mod reductions;
mod seconds;
mod trial;
mod world;
