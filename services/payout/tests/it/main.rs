//! payout over real Postgres and NATS and the Stripe sandbox. Only the other services' answers
//! are played: they are fakes with the rules of the contract.

mod front;
mod others;
mod registry;
mod run;
mod saga;
mod unknown;
mod world;
