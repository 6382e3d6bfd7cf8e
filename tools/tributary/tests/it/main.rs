//! The program as its users run it, on real servers.

mod looking;
mod place;
mod servers;
