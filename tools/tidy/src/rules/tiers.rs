//! Crates depend downward only.
//!
//! Money rules stay testable in milliseconds because nothing below them does I/O, and services
//! stay separable because they meet over gRPC and events alone. See `docs/adr/0001-tiers.md`.

use crate::manifest::{Dependency, Kind, Manifest, manifests};
use crate::{Finding, Tree};

const PURE: [&str; 2] = ["money", "ledger"];
const PURE_EXTERNALS: [&str; 4] = ["thiserror", "serde", "time", "sha2"];
const LIBS: [&str; 7] = [
    "money", "ledger", "wire", "mailbox", "kit", "stripe", "testkit",
];
const MAY_USE_STRIPE: [&str; 4] = ["billing", "payout", "balance-monitor", "webhook-ingest"];
/// For tests any crate may use these two.
const TEST_CRATES: [&str; 2] = ["testkit", "stripe-sandbox"];

/// Findings in the members' manifests; every kind of dependency counts.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let manifests = manifests(tree);
    let ours: Vec<&str> = manifests
        .iter()
        .map(|manifest| manifest.krate.as_str())
        .chain(LIBS)
        .chain(tree.services())
        .collect();
    let mut findings = Vec::new();
    for manifest in &manifests {
        for dependency in &manifest.dependencies {
            let is_ours = ours.contains(&dependency.name.as_str());
            if let Some((wrong, instead)) = objection(manifest, dependency, is_ours) {
                findings.push(Finding::new(
                    &manifest.path,
                    dependency.line,
                    wrong,
                    instead,
                ));
            }
        }
    }
    findings
}

fn objection(
    manifest: &Manifest,
    dependency: &Dependency,
    is_ours: bool,
) -> Option<(String, &'static str)> {
    let (user, used) = (manifest.krate.as_str(), dependency.name.as_str());
    // The sandbox's tests read its answers as a client that we did not write would.
    let reads_shapes = user == "stripe-sandbox" && dependency.kind == Kind::Dev;
    let instead = if used.starts_with("async-stripe") && user != "stripe" && !reads_shapes {
        "use the traits of libs/stripe, the only crate that knows async-stripe"
    } else if !is_ours {
        let is_pure = manifest.group == "libs" && PURE.contains(&user);
        if !is_pure || dependency.kind == Kind::Dev || PURE_EXTERNALS.contains(&used) {
            return None;
        }
        "a pure crate takes thiserror, serde, time and sha2 only; move the I/O to a crate above"
    } else if may_use(manifest, used) || is_for_tests(manifest, dependency) {
        return None;
    } else {
        way_out(manifest, used)
    };
    Some((format!("{user} depends on {used}"), instead))
}

/// Which of our crates a crate may use.
fn may_use(manifest: &Manifest, used: &str) -> bool {
    let user = manifest.krate.as_str();
    match (manifest.group.as_str(), user) {
        ("libs", "money") => false,
        ("libs", "ledger") => used == "money",
        ("libs", "wire" | "stripe") => PURE.contains(&used),
        ("libs", "mailbox") => PURE.contains(&used) || used == "wire",
        ("libs", "kit") => PURE.contains(&used) || used == "wire" || used == "mailbox",
        ("services", _) => {
            PURE.contains(&used)
                || ["wire", "mailbox", "kit"].contains(&used)
                || (used == "stripe" && MAY_USE_STRIPE.contains(&user))
        }
        ("tools", "stripe-sandbox") => used == "money",
        _ => true,
    }
}

fn is_for_tests(manifest: &Manifest, dependency: &Dependency) -> bool {
    // The sandbox is our double of someone else's system: it stays apart from us in tests too.
    dependency.kind == Kind::Dev
        && TEST_CRATES.contains(&dependency.name.as_str())
        && manifest.krate != "stripe-sandbox"
}

fn way_out(manifest: &Manifest, used: &str) -> &'static str {
    match (manifest.group.as_str(), used) {
        (_, "testkit") => "list testkit under [dev-dependencies]",
        ("services", "stripe") => {
            "only billing, payout, balance-monitor and webhook-ingest speak to Stripe; \
             listen to their events"
        }
        ("services", _) => {
            "services meet over gRPC (docs/calls.toml) and events; use the callee's client in wire"
        }
        ("tools", _) => "the sandbox shares no code with what it tests, except money",
        _ => "depend downward only (docs/adr/0001-tiers.md); move the shared part down a tier",
    }
}
