//! Pools, months and seals as pure rules.

mod calendar;
mod direction;
mod funding;
mod pool;
mod seal;

pub use calendar::{MonthState, Span, Standing, is_plausible, missing, standing};
pub use direction::{Ask, Refusal, Situation, decide};
pub use funding::{Charge, Funding};
pub use pool::{Outcome, Pool, Setting};
pub use seal::{Cut, Readiness, readiness};
