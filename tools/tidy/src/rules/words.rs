//! Words that the glossary refuses, and marks of unfinished work.
//!
//! Only words without an innocent meaning are looked for. The rest of the glossary is for
//! review: "settlement" is wrong for a payout and right for a charge.

use crate::source::{Source, words};
use crate::sql::tokens::tokens;
use crate::{Finding, Tree};

/// Refused everywhere, in any case and as part of a longer word.
const REFUSED: [(&str, &str); 2] = [
    (
        "escrow",
        "say obligations to creators: Stripe holds nothing in that sense",
    ),
    (
        "disbursement",
        "say payout, or transfer for Stripe's move of it",
    ),
];
/// Refused as parts of names in contracts and tables, where Stripe's words do not come in.
const REFUSED_IN_NAMES: [(&str, &str); 1] = [("receipt", "say charge")];
/// Files that must name the refused words.
const MAY_NAME_THEM: [&str; 2] = ["docs/glossary.md", "tools/tidy/"];

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.files().filter(|(path, _)| !may_name_them(path)) {
        for (index, line) in text.lines().enumerate() {
            let line = line.to_lowercase();
            for (word, instead) in REFUSED.iter().filter(|(word, _)| line.contains(word)) {
                findings.push(Finding::new(
                    path,
                    index + 1,
                    format!("the word {word}"),
                    *instead,
                ));
            }
        }
        if path.ends_with(".sql") || path.ends_with(".proto") {
            findings.extend(refused_names(path, text));
        }
    }
    findings
}

fn refused_names(path: &str, text: &str) -> Vec<Finding> {
    // In a contract a comment begins with two slashes; to the reader of SQL with two dashes.
    let text = if path.ends_with(".proto") {
        text.replace("//", "--")
    } else {
        text.to_owned()
    };
    let mut findings = Vec::new();
    for token in tokens(&text) {
        for (word, instead) in REFUSED_IN_NAMES {
            if token
                .text
                .split('_')
                .any(|part| part.trim_end_matches('s') == word)
            {
                let wrong = format!("the name {}", token.text);
                findings.push(Finding::new(path, token.line, wrong, instead));
            }
        }
    }
    findings
}

/// Nothing unfinished is committed: no ignored test, no hole, no note to self.
pub fn check_unfinished(tree: &Tree) -> Vec<Finding> {
    let mut findings: Vec<Finding> = tree.sources().flat_map(holes).collect();
    for (path, text) in tree.files().filter(|(path, _)| !may_name_them(path)) {
        for mark in ["FIXME", "XXX"] {
            for at in words(text, mark) {
                let line = crate::source::line_at(text, at);
                let instead = "do it now, or say in a sentence what is missing and why";
                findings.push(Finding::new(
                    path,
                    line,
                    format!("the mark {mark}"),
                    instead,
                ));
            }
        }
    }
    findings
}

fn holes(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (hole, instead) in [
        (
            "#[ignore",
            "mend the test or delete it: what is not run proves nothing",
        ),
        ("todo!", "write it, or leave the function out"),
        ("unimplemented!", "write it, or leave the function out"),
    ] {
        for at in words(&source.code, hole) {
            let wrong = format!("{hole} is unfinished work");
            findings.push(Finding::new(
                &source.path,
                source.line_at(at),
                wrong,
                instead,
            ));
        }
    }
    findings
}

fn may_name_them(path: &str) -> bool {
    path == "Cargo.lock"
        || MAY_NAME_THEM
            .iter()
            .any(|allowed| path.starts_with(allowed))
}
