//! payout over real Postgres and NATS and the Stripe sandbox. Only the other services' answers
//! are played: they are fakes with the rules of the contract.

mod before_giving_up;
mod carry;
mod desk;
mod floor;
mod front;
mod left;
mod old_rows;
mod order;
mod others;
mod registry;
mod request;
mod reversal;
mod run;
mod saga;
mod taken_back;
mod turns;
mod undecided;
mod unknown;
mod world;
