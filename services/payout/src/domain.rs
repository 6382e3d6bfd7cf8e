//! The rules: total functions of their arguments, without clocks and without I/O.

mod account;
mod action;
mod command;
mod decide;
#[cfg(test)]
mod matrix;
mod payout;
mod plan;
mod word;

pub use account::{Account, AccountStatus, Creator, Profile};
pub use action::{
    Action, Doubt, KEY_LIFE, LOST, READ_AGAIN, READ_BACK_AFTER, Remedy, idempotency_key,
    is_retryable, next_action, remedy,
};
pub use command::{Change, Command, Decision, Outcome, Rejection};
pub use decide::decide;
pub use payout::{Errand, NewPayout, Payout, State};
pub use plan::{
    Candidate, Carried, NOT_VERIFIED, Pass, Plan, next_midnight, payout_id, plan, run_state,
};
pub use word::UnknownWord;
pub(crate) use word::words;
