//! Transactions are visible in names and are finished where they are begun.

use crate::functions::{Function, functions, parameters};
use crate::{Finding, Tree};

/// A name that ends in `_in_tx` promises that the caller's transaction is used: it comes first.
pub fn check_first_parameter(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in tree.sources() {
        for function in functions(&source.code) {
            if !function.name.ends_with("_in_tx") {
                continue;
            }
            let first = parameters(&source.code, &function).into_iter().next();
            if !first.is_some_and(|first| is_transaction(&first)) {
                findings.push(Finding::new(
                    &source.path,
                    function.line,
                    format!("{} does not take a transaction first", function.name),
                    "let its first parameter be the Transaction or PgConnection, or drop _in_tx",
                ));
            }
        }
    }
    findings
}

/// A transaction that is begun and dropped rolls back in silence.
///
/// A function named `begin…` hands its transaction on; its caller commits.
pub fn check_commit(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in tree.sources() {
        let code = source.live();
        let functions = functions(code);
        let begins = code.match_indices(".begin(").map(|(at, _)| at);
        let begins = begins.filter(|at| !hands_on(&functions, *at));
        if code.contains(".commit(") {
            continue;
        }
        for at in begins {
            findings.push(Finding::new(
                &source.path,
                source.line_at(at),
                "a transaction is begun in a file that commits none",
                "commit where it is begun; a function that hands it on is named begin…",
            ));
        }
    }
    findings
}

fn is_transaction(parameter: &str) -> bool {
    let kind = parameter.split_once(':').map_or("", |(_, kind)| kind);
    ["Transaction", "Connection", "Tx"]
        .iter()
        .any(|name| kind.contains(name))
}

fn hands_on(functions: &[Function], at: usize) -> bool {
    let holders = functions
        .iter()
        .filter(|function| (function.body..function.end).contains(&at));
    holders
        .max_by_key(|function| function.start)
        .is_some_and(|f| f.name.starts_with("begin"))
}
