//! Pools, months and seals as pure rules.

mod calendar;
mod copying;
mod direction;
mod funding;
mod order;
mod pool;
mod refusal;
mod seal;
mod subscribed;

pub use calendar::{MonthState, Span, Standing, is_plausible, missing, standing};
pub use copying::{Earlier, source};
pub use direction::{Ask, Situation, Target, Wish, decide};
pub use funding::{Charge, Funding};
pub use order::Order;
pub use pool::{Direction, Move, Outcome, Pool, Shares};
pub use refusal::Refusal;
pub use seal::{Cut, Readiness, readiness};
pub use subscribed::Subscribed;
