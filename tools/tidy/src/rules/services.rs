//! Every service has the same parts under the same names.
//!
//! Who knows one service finds the way in all nine; kit, the images and the Makefile rely on it.

use toml::Table;

use crate::sql::schema_of;
use crate::{Finding, Tree};

const FILES: [&str; 5] = [
    "src/main.rs",
    "src/lib.rs",
    "config.default.toml",
    "README.md",
    "sqlx.toml",
];
const HEADINGS: [&str; 5] = ["Owns", "Answers", "Announces", "Listens to", "Calls"];

pub fn check(tree: &Tree) -> Vec<Finding> {
    let services = tree.services();
    let begun = services.iter().filter(|service| is_begun(tree, service));
    begun
        .flat_map(|service| of_service(tree, service))
        .collect()
}

/// A folder with a manifest and `src/lib.rs` alone is a place kept for a service.
fn is_begun(tree: &Tree, service: &str) -> bool {
    let folder = format!("services/{service}/");
    let kept = [format!("{folder}Cargo.toml"), format!("{folder}src/lib.rs")];
    tree.files()
        .any(|(path, _)| path.starts_with(&folder) && !kept.iter().any(|k| k == path))
}

fn of_service(tree: &Tree, service: &str) -> Vec<Finding> {
    let folder = format!("services/{service}");
    let mut findings = Vec::new();
    for file in FILES {
        let path = format!("{folder}/{file}");
        if tree.text(&path).is_none() {
            let instead = "add it; CONTRIBUTING.md says what it holds";
            findings.push(Finding::new(path, 0, "the file is missing", instead));
        }
    }
    if !tree.has_folder(&format!("migrations/{service}/")) {
        findings.push(Finding::new(
            format!("migrations/{service}/"),
            0,
            "there are no migrations",
            "add 0001_create_….sql with the service's schema and its mailbox tables",
        ));
    }
    findings.extend(readme(tree, &folder));
    findings.extend(sqlx_file(tree, service));
    findings
}

fn readme(tree: &Tree, folder: &str) -> Vec<Finding> {
    let path = format!("{folder}/README.md");
    let Some(text) = tree.text(&path) else {
        return Vec::new();
    };
    let headings: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("##"))
        .map(str::trim)
        .collect();
    let missing = HEADINGS
        .iter()
        .filter(|heading| !headings.contains(heading));
    let finding = |heading: &&str| {
        let wrong = format!("there is no heading {heading}");
        Finding::new(
            &path,
            0,
            wrong,
            format!("add ## {heading}; say \"nothing\" if so"),
        )
    };
    missing.map(finding).collect()
}

/// Without its own bookkeeping table a service would take another's migrations for its own.
fn sqlx_file(tree: &Tree, service: &str) -> Vec<Finding> {
    let path = format!("services/{service}/sqlx.toml");
    let Some(text) = tree.text(&path) else {
        return Vec::new();
    };
    let table: Table = text.parse().unwrap_or_default();
    let migrate = table.get("migrate");
    let value = |key: &str| migrate.and_then(|migrate| migrate.get(key)?.as_str());
    let wanted = [
        (
            "table-name",
            format!("{}._sqlx_migrations", schema_of(service)),
        ),
        ("migrations-dir", format!("../../migrations/{service}")),
    ];
    let wrong = wanted
        .iter()
        .filter(|(key, wanted)| value(key) != Some(wanted));
    let finding = |(key, wanted): &(&str, String)| {
        let instead = format!("write {key} = \"{wanted}\" under [migrate]");
        Finding::new(
            &path,
            0,
            format!("{key} is not this service's own"),
            instead,
        )
    };
    wrong.map(finding).collect()
}
