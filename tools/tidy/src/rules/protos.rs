//! Contracts say whose they are, what they mean, and what an absent value is.

use crate::{Finding, Tree};

pub fn check(tree: &Tree) -> Vec<Finding> {
    let protos = tree.files().filter(|(path, _)| path.ends_with(".proto"));
    protos
        .flat_map(|(path, text)| of_file(path, text))
        .collect()
}

fn of_file(path: &str, text: &str) -> Vec<Finding> {
    let mut findings: Vec<Finding> = package(path, text).into_iter().collect();
    let lines: Vec<&str> = text.lines().collect();
    let mut in_enum = false;
    for (index, line) in lines.iter().enumerate() {
        let code = line.split("//").next().unwrap_or_default().trim();
        in_enum = (in_enum || code.starts_with("enum ")) && !code.starts_with('}');
        if in_enum && let Some(name) = zero_value(code) {
            let wrong = format!("{name} is the enum's zero");
            let instead = "let 0 be …_UNSPECIFIED, which convert.rs refuses";
            findings.push(Finding::new(path, index + 1, wrong, instead));
        }
        // An enum on one line is over where it began.
        in_enum = in_enum && !code.ends_with('}');
        let before = index.checked_sub(1).and_then(|index| lines.get(index));
        if let Some(what) = declared(code)
            && !before.is_some_and(|before| is_comment(before))
        {
            let wrong = format!("{what} has no comment");
            let instead = "say in the line above what it means to a caller";
            findings.push(Finding::new(path, index + 1, wrong, instead));
        }
    }
    findings
}

/// `proto/tributary/fraud-limits/v1/x.proto` is of `tributary.fraud_limits.v1`.
fn package(path: &str, text: &str) -> Option<Finding> {
    let (folder, _) = path.strip_prefix("proto/")?.rsplit_once('/')?;
    let package = folder.replace('/', ".").replace('-', "_");
    let wanted = format!("package {package};");
    let found = text
        .lines()
        .position(|line| line.trim_start().starts_with("package "));
    let line = found
        .and_then(|index| text.lines().nth(index))
        .unwrap_or_default();
    if line.trim() == wanted {
        return None;
    }
    let at = found.map_or(0, |index| index + 1);
    Some(Finding::new(
        path,
        at,
        "the package is not the folder's",
        format!("write {wanted}"),
    ))
}

/// The name of a zero value that does not end as it should.
fn zero_value(code: &str) -> Option<&str> {
    let values = code.rsplit(['{']).next()?.split(';');
    let mut zeros = values.filter_map(|value| {
        let (name, number) = value.split_once('=')?;
        let number = number.split('[').next().unwrap_or_default().trim();
        (number == "0" && !name.trim().starts_with("option ")).then_some(name.trim())
    });
    zeros.find(|name| !name.ends_with("_UNSPECIFIED"))
}

fn declared(code: &str) -> Option<String> {
    let mut words = code.split([' ', '(', '{']).filter(|word| !word.is_empty());
    let kind = words
        .next()
        .filter(|kind| ["message", "rpc", "service", "enum"].contains(kind))?;
    Some(format!("{kind} {}", words.next()?))
}

fn is_comment(line: &str) -> bool {
    let line = line.trim();
    line.starts_with("//") || line.ends_with("*/")
}
