//! Each requirement names the place that meets it and tests that exist, or says what it waits for.
//!
//! A checklist that nobody checks is a wish; one that names a test that was renamed is worse.

use std::collections::BTreeSet;

use crate::requirements::{PAGE, Row, rows};
use crate::{Finding, Tree};

pub fn check(tree: &Tree) -> Vec<Finding> {
    let Some(page) = tree.text(PAGE) else {
        return Vec::new();
    };
    let mut seen = BTreeSet::new();
    let mut findings = Vec::new();
    for row in rows(page) {
        if !seen.insert(row.id.clone()) {
            findings.push(Finding::new(
                PAGE,
                row.line,
                format!("{} stands twice", row.id),
                "keep one row",
            ));
        }
        findings.extend(of_row(tree, &row));
    }
    findings
}

fn of_row(tree: &Tree, row: &Row) -> Vec<Finding> {
    let told = |wrong: String, instead: &str| Finding::new(PAGE, row.line, wrong, instead);
    if row.tests.is_empty() && !row.is_for_later() {
        let wrong = format!("{} names no test", row.id);
        return vec![told(wrong, "name one, or say later: and what it waits for")];
    }
    let obstacles = row.tests.iter().filter_map(|test| test.obstacle(tree));
    obstacles
        .map(|why| told(format!("{}: {why}", row.id), "name a test as nextest does"))
        .collect()
}
