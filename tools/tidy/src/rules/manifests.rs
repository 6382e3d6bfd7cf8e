//! Versions and features are chosen in the root manifest, and every member takes its lints.
//!
//! A feature named in one member changes the build of a dependency for that member alone, so
//! that the crate compiles differently by itself than with the rest.

use toml::Value;

use crate::manifest::{Manifest, manifests};
use crate::{Finding, Tree};

pub fn check(tree: &Tree) -> Vec<Finding> {
    manifests(tree).iter().flat_map(of_member).collect()
}

fn of_member(manifest: &Manifest) -> Vec<Finding> {
    let mut findings = Vec::new();
    for dependency in &manifest.dependencies {
        let wrong = match (dependency.inherited, dependency.adds_features) {
            (false, _) => "is not inherited from the workspace",
            (true, true) => "asks for features of its own",
            (true, false) => continue,
        };
        findings.push(Finding::new(
            &manifest.path,
            dependency.line,
            format!("{} {wrong}", dependency.name),
            "choose version and features under [workspace.dependencies] in the root Cargo.toml",
        ));
    }
    let lints = manifest
        .table
        .get("lints")
        .and_then(|lints| lints.get("workspace"));
    if lints.and_then(Value::as_bool) != Some(true) {
        findings.push(Finding::new(
            &manifest.path,
            0,
            "the workspace's lints are not taken",
            "add [lints] workspace = true",
        ));
    }
    findings
}
