//! No address in the repository leads out of it, except to those listed here.
//!
//! A path of one machine means nothing on another, and a host in an example is called sooner
//! or later by someone who copies it.

use crate::source::line_at;
use crate::{Finding, Tree};

/// Parts of names, so that this file does not hold what it looks for.
const MACHINE_PATHS: [&str; 3] = [
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
];
const REGISTRIES: [&str; 6] = [
    concat!("crates", ".io"),
    concat!("npmjs", ".org"),
    concat!("npmjs", ".com"),
    concat!("pypi", ".org"),
    concat!("rubygems", ".org"),
    concat!("proxy.golang", ".org"),
];
/// Hosts with all that is under them: examples, ourselves, Stripe, and names of standards.
const HOSTS: [&str; 14] = [
    "example.com",
    "example.org",
    "example.net",
    "example",
    "test",
    "invalid",
    "localhost",
    "local",
    "stripe.com",
    "w3.org",
    "json-schema.org",
    "rfc-editor.org",
    "ietf.org",
    "apache.org",
];

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.files().filter(|(path, _)| !is_left_out(path)) {
        for (needle, at) in MACHINE_PATHS.iter().flat_map(|needle| places(text, needle)) {
            let wrong = format!("{needle} is a path of one machine");
            let instead = "write the path from the root of the repository";
            findings.push(Finding::new(path, line_at(text, at), wrong, instead));
        }
        for (needle, at) in REGISTRIES.iter().flat_map(|needle| places(text, needle)) {
            let wrong = format!("{needle} is the host of a package registry");
            let instead = "leave it out; cargo's configuration knows where packages come from";
            findings.push(Finding::new(path, line_at(text, at), wrong, instead));
        }
        for (host, at) in hosts(text).filter(|(host, _)| !is_allowed(host)) {
            let wrong = format!("the host {host}");
            let instead = "use example.com, localhost or 127.0.0.1; for a standard, add its host";
            findings.push(Finding::new(path, line_at(text, at), wrong, instead));
        }
    }
    findings
}

fn is_left_out(path: &str) -> bool {
    // Cargo writes the lock file; the examples of this crate are wrong on purpose.
    path == "Cargo.lock" || path.starts_with("tools/tidy/tests/")
}

/// Where a path or host begins: `target/work/` is neither.
fn places<'a>(text: &'a str, needle: &'a str) -> impl Iterator<Item = (&'a str, usize)> {
    let inside = move |at: usize| {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        needle.starts_with('/')
            && before.is_some_and(|c| c.is_alphanumeric() || "._-}~*".contains(c))
    };
    text.match_indices(needle)
        .map(move |(at, _)| (needle, at))
        .filter(move |(_, at)| !inside(*at))
}

/// The hosts of all `http` and `https` addresses, with their offsets.
fn hosts(text: &str) -> impl Iterator<Item = (&str, usize)> {
    let schemes = ["http://", "https://"];
    let starts = schemes.into_iter().flat_map(|scheme| {
        text.match_indices(scheme)
            .map(move |(at, _)| (at, at + scheme.len()))
    });
    starts.map(|(at, start)| {
        let tail = text.get(start..).unwrap_or_default();
        let end = tail.find(|c: char| !(c.is_ascii_alphanumeric() || ".-@_:".contains(c)));
        let authority = tail.get(..end.unwrap_or(tail.len())).unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default();
        (
            host.split(':')
                .next()
                .unwrap_or_default()
                .trim_end_matches('.'),
            at,
        )
    })
}

/// A name without a dot is a service's in some network of ours; none at all is a placeholder.
fn is_allowed(host: &str) -> bool {
    let is_number = host.chars().all(|c| c.is_ascii_digit() || c == '.');
    !host.contains('.')
        || is_number
        || HOSTS.iter().any(|allowed| {
            host.strip_suffix(allowed)
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        })
}
