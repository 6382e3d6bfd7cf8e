//! Migrations are numbered without gaps and wait for locks a short time only.
//!
//! Two branches that add the same number collide where it can be seen; a migration that waits
//! for a lock without limit stops every query that comes after it.

use std::collections::BTreeMap;

use crate::{Finding, Tree};

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
    for (path, text) in tree.files() {
        let Some((folder, file)) = migration(path) else {
            continue;
        };
        let expected = numbers.entry(folder).or_default();
        *expected += 1;
        if !is_well_named(file, *expected) {
            findings.push(Finding::new(
                path,
                0,
                format!("the file is not number {expected:04} of its folder, or not verb_object"),
                format!("name it {expected:04}_verb_object.sql, in lower case"),
            ));
        }
        if !text.contains("lock_timeout") {
            let instead = "begin with: set local lock_timeout = '5s';";
            findings.push(Finding::new(
                path,
                0,
                "it may wait for a lock for ever",
                instead,
            ));
        }
    }
    findings
}

fn migration(path: &str) -> Option<(&str, &str)> {
    let (folder, file) = path.strip_prefix("migrations/")?.split_once('/')?;
    (file.ends_with(".sql") && file != "schema.sql").then_some((folder, file))
}

fn is_well_named(file: &str, number: usize) -> bool {
    let words = file
        .trim_end_matches(".sql")
        .strip_prefix(&format!("{number:04}_"));
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    words.is_some_and(|words| words.contains('_') && words.chars().all(is_plain))
}
