//! Names that say nothing.

use crate::functions::functions;
use crate::source::Source;
use crate::{Finding, Tree};

const EMPTY_FILES: [&str; 5] = ["utils", "util", "common", "manager", "types"];

/// Modules are domain nouns; tests are sentences that state the rule.
pub fn check(tree: &Tree) -> Vec<Finding> {
    tree.sources()
        .flat_map(|source| file_name(source).into_iter().chain(test_names(source)))
        .collect()
}

fn file_name(source: &Source) -> Option<Finding> {
    let in_src = source.path.contains("/src/");
    let name = source.path.rsplit('/').next()?.strip_suffix(".rs")?;
    if !in_src || !EMPTY_FILES.contains(&name) {
        return None;
    }
    let instead = "name the module after the domain noun that it holds";
    Some(Finding::new(
        &source.path,
        0,
        format!("{name} is no noun of the domain"),
        instead,
    ))
}

fn test_names(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for function in functions(&source.code) {
        let name = function.name.as_str();
        let before = source
            .code
            .get(..function.start)
            .unwrap_or_default()
            .trim_end();
        let before = before.trim_end_matches("async").trim_end();
        let is_test = before.ends_with("test]") || before.ends_with("::test(flavor = \"\")]");
        let says_nothing =
            name.starts_with("test_") || name.ends_with("_works") || name.contains("happy_path");
        if is_test && says_nothing {
            let wrong = format!("the test {name} does not state a rule");
            let instead = "name it as the sentence that it proves";
            findings.push(Finding::new(&source.path, function.line, wrong, instead));
        }
    }
    findings
}
