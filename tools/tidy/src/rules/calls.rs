//! Calls between services form a graph without cycles, written in `docs/calls.toml`.
//!
//! A cycle of calls is a deadlock that waits for load, and an edge that is not in the file is
//! refused at run time, where the callee checks its caller's token against the same file.

use std::collections::{BTreeMap, BTreeSet};

use toml::{Table, Value};

use crate::source::{Source, is_word_byte, line_at, words};
use crate::tree::service_of;
use crate::{Finding, Tree};

const FILE: &str = "docs/calls.toml";

/// The edges of the file: caller to callees.
type Calls = BTreeMap<String, Vec<String>>;

/// The file itself: it parses, names services that exist, no one twice, and has no cycle.
pub fn check_file(tree: &Tree) -> Vec<Finding> {
    let Some(text) = tree.text(FILE) else {
        return vec![Finding::new(
            FILE,
            0,
            "the file is missing",
            "write the call graph there",
        )];
    };
    let calls = match parse(text) {
        Ok(calls) => calls,
        Err(wrong) => {
            return vec![Finding::new(
                FILE,
                0,
                wrong,
                "write [calls] caller = [\"callee\", …]",
            )];
        }
    };
    let mut findings = strangers(&calls, &tree.services(), text);
    if let Some(cycle) = cycle(&calls) {
        let line = line_of(text, cycle.first().map_or("", String::as_str));
        let wrong = format!("the calls go in a circle: {}", cycle.join(" -> "));
        findings.push(Finding::new(
            FILE,
            line,
            wrong,
            "let one of them announce an event",
        ));
    }
    findings
}

/// Every client that a service's code names is an edge of the file.
pub fn check_clients(tree: &Tree) -> Vec<Finding> {
    let calls = tree
        .text(FILE)
        .and_then(|text| parse(text).ok())
        .unwrap_or_default();
    let services = tree.services();
    let mut findings = Vec::new();
    for source in tree.sources() {
        let Some(caller) = service_of(&source.path) else {
            continue;
        };
        for (line, callee) in clients(source, &services) {
            let listed = calls
                .get(caller)
                .is_some_and(|callees| callees.contains(&callee));
            if !listed {
                findings.push(Finding::new(
                    &source.path,
                    line,
                    format!("{caller} calls {callee}, which {FILE} does not list"),
                    "listen to its events; a new edge is a decision for review, and never \
                     closes a circle",
                ));
            }
        }
    }
    findings
}

fn parse(text: &str) -> Result<Calls, String> {
    let table: Table = text
        .parse()
        .map_err(|error| format!("it does not parse: {error}"))?;
    let calls = table
        .get("calls")
        .and_then(Value::as_table)
        .ok_or("there is no table [calls]")?;
    let mut parsed = Calls::new();
    for (caller, callees) in calls {
        let callees = callees
            .as_array()
            .ok_or(format!("{caller} is not a list"))?;
        let callees = callees
            .iter()
            .map(|callee| callee.as_str().map(str::to_owned));
        let callees: Option<Vec<String>> = callees.collect();
        parsed.insert(
            caller.clone(),
            callees.ok_or(format!("{caller} calls a non-string"))?,
        );
    }
    Ok(parsed)
}

fn strangers(calls: &Calls, services: &BTreeSet<&str>, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (caller, callees) in calls {
        let mut seen = BTreeSet::from([caller]);
        let mut object = |wrong: String| {
            let instead = "name each callee once, by its folder under services/";
            findings.push(Finding::new(FILE, line_of(text, caller), wrong, instead));
        };
        for name in std::iter::once(caller).chain(callees) {
            if !services.contains(name.as_str()) {
                object(format!("{name} is not a service"));
            }
        }
        for callee in callees.iter().filter(|callee| !seen.insert(callee)) {
            object(format!("{caller} lists {callee} twice, or lists itself"));
        }
    }
    findings
}

/// A circle of callers, if there is one, its first name repeated at the end.
fn cycle(calls: &Calls) -> Option<Vec<String>> {
    let mut done = BTreeSet::new();
    calls
        .keys()
        .find_map(|start| walk(calls, start, &mut Vec::new(), &mut done))
}

fn walk<'a>(
    calls: &'a Calls,
    at: &'a str,
    path: &mut Vec<&'a str>,
    done: &mut BTreeSet<&'a str>,
) -> Option<Vec<String>> {
    if let Some(from) = path.iter().position(|name| *name == at) {
        let circle = path.iter().skip(from).copied().chain([at]);
        return Some(circle.map(str::to_owned).collect());
    }
    if done.contains(at) {
        return None;
    }
    path.push(at);
    let callees = calls.get(at).into_iter().flatten();
    for callee in callees {
        if let Some(circle) = walk(calls, callee, path, done) {
            return Some(circle);
        }
    }
    path.pop();
    done.insert(at);
    None
}

/// The clients that shipped code names, as line and callee, each callee once per line.
fn clients(source: &Source, services: &BTreeSet<&str>) -> BTreeSet<(usize, String)> {
    let code = source.live();
    let mut found = BTreeSet::new();
    for service in services {
        let module = format!("wire::{}", service.replace('-', "_"));
        for at in words(code, &module) {
            let path = path_at(code, at);
            if path.contains("_client") || path.contains("::client") {
                found.insert((line_at(code, at), (*service).to_owned()));
            }
        }
        let client = format!("{}ServiceClient", camel(service));
        for at in words(code, &client) {
            found.insert((line_at(code, at), (*service).to_owned()));
        }
    }
    found
}

/// `wire::payout::v1::payout_service_client::…` as far as it goes.
fn path_at(code: &str, at: usize) -> &str {
    let tail = code.get(at..).unwrap_or_default();
    let end = tail
        .bytes()
        .position(|byte| !is_word_byte(byte) && byte != b':');
    tail.get(..end.unwrap_or(tail.len())).unwrap_or_default()
}

/// `fraud-limits` as `FraudLimits`.
fn camel(service: &str) -> String {
    let mut name = String::new();
    for part in service.split('-') {
        let mut chars = part.chars();
        name.extend(chars.next().map(|first| first.to_ascii_uppercase()));
        name.push_str(chars.as_str());
    }
    name
}

fn line_of(text: &str, caller: &str) -> usize {
    let found = text.lines().position(|line| {
        line.split_once('=')
            .is_some_and(|(key, _)| key.trim().trim_matches('"') == caller)
    });
    found.map_or(0, |index| index + 1)
}
