//! House rules as tests.
//!
//! Each rule is a function from the text of the repository to a list of [`Finding`]s: file,
//! line, what is wrong and what to do instead. `cargo test -p tidy` runs every rule on the
//! workspace, and on small bad examples that show that the rule can fail. `cargo run -p tidy`
//! prints all findings at once.
//!
//! The rules read text, not types. They know comments, literals and test modules apart from
//! code, and no more: a rule that needs more than that belongs in the type system or in clippy.
//! Parts that do not exist yet are passed over; what exists is held to the whole rule.

pub mod cli;
pub mod finding;
pub mod functions;
pub mod manifest;
pub mod requirements;
pub mod rules;
pub mod source;
pub mod sql;
pub mod tree;

pub use finding::Finding;
pub use tree::Tree;
