//! The rules: total functions of their arguments, without clocks and without I/O.

mod account;
mod action;
mod command;
mod decide;
mod floor;
#[cfg(test)]
mod matrix;
mod payout;
mod plan;
#[cfg(test)]
mod random;
mod reason;
mod rest;
#[cfg(test)]
mod rules;
mod settling;
mod word;

pub use account::{Account, AccountStatus, Creator, Profile};
pub use action::{
    Action, Doubt, KEY_LIFE, LOST, NOT_ALLOWED, OUT_OF_REACH, READ_AGAIN, READ_BACK_AFTER,
    REVERSE_AGAIN, Remedy, believed_from, idempotency_key, is_retryable, next_action, remedy,
    retry_at, reverse_at,
};
pub use command::{Change, Comeback, Command, Decision, Outcome, Rejection, Reversal};
pub use decide::decide;
pub use floor::{FLOOR_EVERY, Floor, Minimums, Settings};
pub use payout::{Asked, Errand, NewPayout, Payout, State, Step};
pub use plan::{
    Candidate, Carried, NOT_VERIFIED, Pass, Plan, Waiting, next_midnight, payout_id, plan,
    requested_id, run_state,
};
pub use reason::cause;
pub use rest::{AMOUNT_LIMITS, back_after_a_run, left_by_a_limit, rest_follows};
pub use settling::{Pending, Settling};
pub use word::UnknownWord;
pub(crate) use word::words;
