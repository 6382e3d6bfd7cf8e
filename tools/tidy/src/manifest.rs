//! The members' `Cargo.toml` files.

use toml::{Table, Value};

use crate::Tree;

/// How a dependency is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Normal,
    Build,
    Dev,
}

pub struct Dependency {
    /// The package, also where the manifest renames it.
    pub name: String,
    pub kind: Kind,
    pub line: usize,
    /// Whether the version comes from the root manifest.
    pub inherited: bool,
    /// Whether the member asks for features of its own.
    pub adds_features: bool,
}

pub struct Manifest {
    pub path: String,
    /// `libs`, `services`, `tools` or `e2e`.
    pub group: String,
    /// The folder's name, which is the crate's.
    pub krate: String,
    pub table: Table,
    pub dependencies: Vec<Dependency>,
}

/// Every member's manifest that parses; cargo itself tells of those that do not.
pub fn manifests(tree: &Tree) -> Vec<Manifest> {
    tree.files()
        .filter_map(|(path, text)| manifest(path, text))
        .collect()
}

fn manifest(path: &str, text: &str) -> Option<Manifest> {
    let folder = path.strip_suffix("/Cargo.toml")?;
    let (group, krate) = folder.split_once('/').unwrap_or((folder, folder));
    if !matches!(group, "libs" | "services" | "tools" | "e2e") || krate.contains('/') {
        return None;
    }
    let table: Table = text.parse().ok()?;
    let dependencies = dependencies(&table, text);
    Some(Manifest {
        path: path.to_owned(),
        group: group.to_owned(),
        krate: krate.to_owned(),
        table,
        dependencies,
    })
}

fn dependencies(table: &Table, text: &str) -> Vec<Dependency> {
    let targets = table.get("target").and_then(Value::as_table);
    let of_targets = targets
        .into_iter()
        .flat_map(Table::values)
        .filter_map(Value::as_table);
    let mut found = Vec::new();
    for holder in std::iter::once(table).chain(of_targets) {
        for (section, kind) in [
            ("dependencies", Kind::Normal),
            ("build-dependencies", Kind::Build),
            ("dev-dependencies", Kind::Dev),
        ] {
            let entries = holder.get(section).and_then(Value::as_table);
            for (name, value) in entries.into_iter().flatten() {
                found.push(dependency(name, value, kind, line_of(text, section, name)));
            }
        }
    }
    found
}

fn dependency(name: &str, value: &Value, kind: Kind, line: usize) -> Dependency {
    let package = value.get("package").and_then(Value::as_str).unwrap_or(name);
    Dependency {
        name: package.to_owned(),
        kind,
        line,
        inherited: value.get("workspace").and_then(Value::as_bool) == Some(true),
        adds_features: value.get("features").is_some(),
    }
}

/// The line of the dependency's key below its section's heading.
fn line_of(text: &str, section: &str, name: &str) -> usize {
    let mut in_section = false;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.starts_with('[') {
            let heading = line.trim_matches(['[', ']']);
            in_section = heading == section || heading.ends_with(&format!(".{section}"));
            if heading == format!("{section}.{name}") {
                return index + 1;
            }
        }
        let key: String = line
            .chars()
            .take_while(|c| !matches!(c, ' ' | '=' | '.'))
            .collect();
        if in_section && key.trim_matches('"') == name {
            return index + 1;
        }
    }
    0
}
