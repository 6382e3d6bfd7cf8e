//! The domain is a set of total functions of their arguments.
//!
//! That is what lets its tests try thousands of cases in a second, and lets a decision be
//! repeated after a crash and come out the same.

use crate::source::words;
use crate::{Finding, Tree};

const BANNED: [(&str, &str); 13] = [
    ("async", "let the use case await and pass the answer in"),
    ("await", "let the use case await and pass the answer in"),
    ("tokio", "let the use case do the I/O"),
    ("sqlx", "let the store turn rows into domain types"),
    ("tonic", "let service.rs turn requests and refusals"),
    ("prost", "let convert.rs turn messages into domain types"),
    (
        "async_nats",
        "return the events; the use case enqueues them",
    ),
    ("tracing", "return what happened; the shell logs it"),
    ("now_utc", "take the time as an argument"),
    ("SystemTime", "take the time as an argument"),
    ("Instant", "take the time as an argument"),
    ("rand", "take what was drawn as an argument"),
    ("now_v7", "take the id as an argument"),
];

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in tree.sources().filter(|source| is_domain(&source.path)) {
        for (word, instead) in BANNED {
            for at in words(source.live(), word) {
                let wrong = format!("the domain knows of {word}");
                findings.push(Finding::new(
                    &source.path,
                    source.line_at(at),
                    wrong,
                    instead,
                ));
            }
        }
    }
    findings
}

fn is_domain(path: &str) -> bool {
    path.starts_with("services/")
        && (path.ends_with("/src/domain.rs") || path.contains("/src/domain/"))
}
