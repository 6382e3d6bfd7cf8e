//! The rules of the books, each as a sentence; `money_rules` runs the examples of the docs.

mod accounts;
mod bodies;
mod controls;
mod facts;
mod manifests;
mod money_rules;
mod months;
mod ownership;
mod postings;
mod solvency;
mod some;
mod transcript;
