//! The rules of money coming in, without any I/O.

pub mod charge;
pub mod event;
pub mod month;
pub mod plan;
pub mod subscription;
