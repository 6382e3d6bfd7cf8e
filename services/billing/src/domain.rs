//! The rules of money coming in, without any I/O.

pub mod change;
pub mod charge;
pub mod event;
pub mod month;
pub mod plan;
pub mod start;
pub mod subscription;
