//! Every rule on the workspace, and on examples that it must refuse or let pass.

mod attributes;
mod calls;
mod domain;
mod mailbox_tables;
mod migrations;
mod names;
mod places;
mod protos;
mod raw_access;
mod requirements;
mod services;
mod sizes;
mod source;
mod sql_places;
mod sql_text;
mod test_layout;
mod tiers;
mod transactions;
mod words;

use tidy::rules::Rule;
use tidy::{Finding, Tree};

/// The workspace has no findings by this rule.
fn assert_holds(rule: Rule) {
    let tree = Tree::of_workspace().expect("the workspace can be read");
    let findings = rule(&tree);
    assert!(findings.is_empty(), "\n{}\n", listed(&findings));
}

/// The example has exactly these findings, each given as `path:line` and as words that its
/// message holds.
#[track_caller]
fn assert_finds(rule: Rule, files: &[(&str, &str)], expected: &[(&str, &str)]) {
    let findings = rule(&Tree::of(files));
    assert_eq!(
        findings.len(),
        expected.len(),
        "{files:?}\n{}\n",
        listed(&findings)
    );
    for (place, words) in expected {
        let told = findings.iter().map(ToString::to_string);
        let mut told = told.filter(|told| told.starts_with(&format!("{place}: ")));
        assert!(
            told.any(|told| words.split(" … ").all(|word| told.contains(word))),
            "nothing at {place} says {words}\n{}\n",
            listed(&findings)
        );
    }
}

#[track_caller]
fn assert_passes(rule: Rule, files: &[(&str, &str)]) {
    assert_finds(rule, files, &[]);
}

fn listed(findings: &[Finding]) -> String {
    findings
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}
