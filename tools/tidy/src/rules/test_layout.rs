//! One integration binary per crate, `tests/it/main.rs`, that declares all its files.
//!
//! Each further binary links the world once more, and a file that no `mod` names never runs.

use toml::Value;

use crate::manifest::manifests;
use crate::source::words;
use crate::{Finding, Tree};

pub fn check(tree: &Tree) -> Vec<Finding> {
    let sources = tree.sources().map(|source| source.path.as_str());
    let mut findings: Vec<Finding> = sources.filter_map(|path| of_file(tree, path)).collect();
    for manifest in manifests(tree) {
        let declared = manifest.table.get("test").and_then(Value::as_array);
        for test in declared.into_iter().flatten() {
            if test.get("path").and_then(Value::as_str) != Some("tests/it/main.rs") {
                let wrong = "a second test binary is declared";
                let instead = "let tests/it/main.rs be the only one";
                findings.push(Finding::new(&manifest.path, 0, wrong, instead));
            }
        }
    }
    findings
}

fn of_file(tree: &Tree, path: &str) -> Option<Finding> {
    let (krate, inside) = path
        .split_once("/tests/")
        .filter(|(krate, _)| !krate.contains("/src"))?;
    let parts: Vec<&str> = inside.split('/').collect();
    let (wrong, instead) = match parts.as_slice() {
        ["it", "main.rs"] => return None,
        [_] | [_, "main.rs"] => (
            "a second test binary".to_owned(),
            "make it a module of tests/it/main.rs",
        ),
        ["it", child, ..] => {
            let module = child.trim_end_matches(".rs");
            let main = tree.source(&format!("{krate}/tests/it/main.rs"));
            let declaration = format!("mod {module};");
            let declared =
                main.is_some_and(|main| words(&main.code, &declaration).next().is_some());
            if declared {
                return None;
            }
            (
                format!("{module} is not declared and never runs"),
                "add it to tests/it/main.rs",
            )
        }
        _ => return None,
    };
    Some(Finding::new(path, 0, wrong, instead))
}
