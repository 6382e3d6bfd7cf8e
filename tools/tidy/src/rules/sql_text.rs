//! What SQL may say: its own schema by name, no clock of its own, no state of the session.

use crate::sql::tokens::{Token, tokens};
use crate::sql::{Sql, all, names};
use crate::{Finding, Tree};

const POSTGRES_SCHEMAS: [&str; 2] = ["pg_catalog", "information_schema"];
const CLOCK_FUNCTIONS: [&str; 5] = [
    "now",
    "clock_timestamp",
    "statement_timestamp",
    "transaction_timestamp",
    "timeofday",
];
const CLOCK_WORDS: [&str; 5] = [
    "current_timestamp",
    "current_date",
    "current_time",
    "localtimestamp",
    "localtime",
];
const SESSION_LOCKS: [&str; 4] = [
    "pg_advisory_lock",
    "pg_advisory_lock_shared",
    "pg_try_advisory_lock",
    "pg_try_advisory_lock_shared",
];

/// Every table carries its schema, and a service's SQL names its own schema alone. What a
/// search path would find depends on who is connected; what a service reads of another's
/// schema breaks when that one migrates.
pub fn check_names(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for sql in all(tree) {
        for name in names::names(&tokens(&sql.text)) {
            let (wrong, instead) = match (&name.schema, &sql.schema) {
                (None, own) => {
                    let own = own.as_deref().unwrap_or("<schema>");
                    (
                        format!("{} has no schema", name.name),
                        format!("write {own}.{}", name.name),
                    )
                }
                (Some(schema), Some(own))
                    if schema != own && !POSTGRES_SCHEMAS.contains(&schema.as_str()) =>
                {
                    (
                        format!(
                            "{schema}.{} is not in this service's schema {own}",
                            name.name
                        ),
                        "ask its owner over gRPC, or keep what its events tell".to_owned(),
                    )
                }
                _ => continue,
            };
            findings.push(Finding::new(
                &sql.path,
                line(&sql, name.line),
                wrong,
                instead,
            ));
        }
    }
    findings
}

/// Business time is a parameter: it stands still in the sandbox and Postgres's clock does not.
/// Wall time is recorded in columns named `…_wall_at`, and the line must say so.
pub fn check_time(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for sql in all(tree) {
        let file: Vec<&str> = tree.text(&sql.path).unwrap_or_default().lines().collect();
        let tokens = tokens(&sql.text);
        for (index, token) in tokens.iter().enumerate() {
            let line = line(&sql, token.line);
            let text = line
                .checked_sub(1)
                .and_then(|index| file.get(index))
                .copied();
            let is_wall = text.unwrap_or_default().contains("_wall_at");
            if reads_clock(token, tokens.get(index + 1)) && !is_wall {
                findings.push(Finding::new(
                    &sql.path,
                    line,
                    format!("{} reads Postgres's clock", token.text),
                    "pass business time as a parameter; for wall time name the column \
                     …_wall_at on the same line",
                ));
            }
        }
    }
    findings
}

/// Locks and settings of a session outlive the transaction and leak through the pool.
pub fn check_session_state(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for sql in all(tree) {
        for (index, line_text) in sql.text.lines().enumerate() {
            let code = line_text
                .split("--")
                .next()
                .unwrap_or_default()
                .to_lowercase();
            if code.contains("search_path") {
                let instead = "write the schema before every name";
                findings.push(at_line(&sql, index, "the search path is changed", instead));
            }
            // The test kit makes its template database outside any transaction.
            let locks = SESSION_LOCKS
                .iter()
                .any(|lock| code.contains(&format!("{lock}(")));
            if locks && !sql.path.starts_with("libs/testkit/") {
                let instead = "use pg_advisory_xact_lock, or lock the row";
                findings.push(at_line(
                    &sql,
                    index,
                    "an advisory lock of the session",
                    instead,
                ));
            }
        }
    }
    findings
}

fn reads_clock(token: &Token, next: Option<&Token>) -> bool {
    token.is_any(&CLOCK_WORDS)
        || (token.is_any(&CLOCK_FUNCTIONS) && next.is_some_and(|next| next.is("(")))
}

fn line(sql: &Sql, line_of_text: usize) -> usize {
    sql.first_line + line_of_text - 1
}

fn at_line(sql: &Sql, index: usize, wrong: &str, instead: &str) -> Finding {
    Finding::new(&sql.path, sql.first_line + index, wrong, instead)
}
