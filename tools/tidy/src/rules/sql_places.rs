//! SQL is written in stores only.
//!
//! A reader who asks what touches a table has one file per service to read, and a rule hidden
//! between two queries has nowhere to hide.

use crate::source::words;
use crate::sql::{may_hold_sql, query_calls};
use crate::{Finding, Tree};

/// Shipped code only: a test may look at the rows that it asked for.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in tree.sources().filter(|source| !may_hold_sql(&source.path)) {
        let live = source.live();
        let calls = query_calls(source).into_iter().map(|(start, _)| start);
        let calls = calls.filter(|at| source.is_live_at(*at));
        for at in calls.chain(words(live, "AssertSqlSafe")) {
            findings.push(Finding::new(
                &source.path,
                source.line_at(at),
                "SQL outside a store",
                "move the statement to the service's store.rs or store/, as a function that \
                 says what it reads or writes",
            ));
        }
    }
    findings
}
