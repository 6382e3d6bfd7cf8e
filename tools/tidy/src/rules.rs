//! The rules. Each module holds one subject and says above its checks why they exist.

pub mod attributes;
pub mod calls;
pub mod domain;
pub mod mailbox_tables;
pub mod manifests;
pub mod migrations;
pub mod names;
pub mod places;
pub mod protos;
pub mod raw_access;
pub mod requirements;
pub mod services;
pub mod sizes;
pub mod sql_places;
pub mod sql_text;
pub mod test_layout;
pub mod tiers;
pub mod transactions;
pub mod words;

use crate::{Finding, Tree};

pub type Rule = fn(&Tree) -> Vec<Finding>;

/// Every rule with the name that findings are listed under.
pub const ALL: &[(&str, Rule)] = &[
    ("tiers", tiers::check),
    ("manifests", manifests::check),
    ("call graph in docs/calls.toml", calls::check_file),
    ("calls", calls::check_clients),
    ("sql places", sql_places::check),
    ("qualified names", sql_text::check_names),
    ("time in sql", sql_text::check_time),
    ("session state", sql_text::check_session_state),
    ("domain purity", domain::check),
    ("_in_tx", transactions::check_first_parameter),
    ("begin and commit", transactions::check_commit),
    ("raw access", raw_access::check),
    ("sizes", sizes::check),
    ("mailbox tables", mailbox_tables::check),
    ("migrations", migrations::check),
    ("service anatomy", services::check),
    ("protos", protos::check),
    ("words", words::check),
    ("places", places::check),
    ("unfinished work", words::check_unfinished),
    ("names", names::check),
    ("test layout", test_layout::check),
    ("attributes", attributes::check),
    ("requirements", requirements::check),
];
