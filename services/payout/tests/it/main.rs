//! payout over real Postgres and NATS and the Stripe sandbox. Only the other services' answers
//! are played: they are fakes with the rules of the contract.

mod carry;
mod floor;
mod front;
mod others;
mod registry;
mod request;
mod reversal;
mod run;
mod saga;
mod taken_back;
mod unknown;
mod world;
