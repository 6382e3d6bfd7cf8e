//! The page that says of each requirement where it is met and which tests show it.

use crate::Tree;
use crate::manifest::manifests;

/// Where the page lies.
pub const PAGE: &str = "docs/requirements.md";

/// A test as nextest names it: `allocation::it barrier::a_lock_waits`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedTest {
    pub line: usize,
    pub requirement: String,
    /// `allocation` for unit tests, `allocation::it` for its integration tests.
    pub binary: String,
    /// `barrier::a_lock_waits`.
    pub path: String,
}

/// A row of the page: `| S0-1.1 | what | where | tests |`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub line: usize,
    pub id: String,
    pub place: String,
    pub tests: Vec<NamedTest>,
}

impl Row {
    /// Whether the row says that the requirement is for later.
    pub fn is_for_later(&self) -> bool {
        self.place.starts_with("later:")
    }
}

/// The rows of the page's tables, without their heads.
pub fn rows(page: &str) -> Vec<Row> {
    page.lines()
        .enumerate()
        .filter_map(|(index, line)| row(index + 1, line))
        .collect()
}

fn row(line: usize, text: &str) -> Option<Row> {
    let cells: Vec<&str> = text
        .strip_prefix('|')?
        .trim_end()
        .trim_end_matches('|')
        .split('|')
        .map(str::trim)
        .collect();
    let [id, _, place, tests] = cells.as_slice() else {
        return None;
    };
    if !id.starts_with(|first: char| first.is_ascii_uppercase()) {
        return None;
    }
    // Between backticks: every other piece.
    let named = tests.split('`').skip(1).step_by(2);
    let tests = named.map(|name| {
        let (binary, path) = name.split_once(' ').unwrap_or((name, ""));
        NamedTest {
            line,
            requirement: (*id).to_owned(),
            binary: binary.to_owned(),
            path: path.to_owned(),
        }
    });
    Some(Row {
        line,
        id: (*id).to_owned(),
        place: (*place).to_owned(),
        tests: tests.collect(),
    })
}

impl NamedTest {
    /// Why no such test would run; nothing if one would.
    pub fn obstacle(&self, tree: &Tree) -> Option<String> {
        let name = self.path.rsplit("::").next().unwrap_or_default();
        let krate = self.binary.split("::").next().unwrap_or_default();
        let manifest = manifests(tree)
            .into_iter()
            .find(|manifest| manifest.krate == krate);
        let Some(manifest) = manifest else {
            return Some(format!("there is no crate {krate}"));
        };
        let home = manifest.path.trim_end_matches("Cargo.toml");
        let folder = match self.binary.ends_with("::it") {
            true => format!("{home}tests/it/"),
            false => format!("{home}src/"),
        };
        let head = format!("fn {name}(");
        let mut files = tree
            .sources()
            .filter(|source| source.path.starts_with(&folder));
        let found = files.find_map(|source| source.code.find(&head).map(|at| (source, at)));
        let Some((source, at)) = found else {
            return Some(format!("{folder} has no test {name}"));
        };
        let attributes = above(&source.code, at);
        if !attributes.contains("test") {
            return Some(format!("{name} is no test"));
        }
        attributes
            .contains("ignore")
            .then(|| format!("{name} is ignored"))
    }
}

/// What stands between the item before and this offset: attributes, if anything.
fn above(code: &str, at: usize) -> &str {
    let before = code.get(..at).unwrap_or_default();
    let start = before.rfind(['}', ';']).map_or(0, |found| found + 1);
    before.get(start..).unwrap_or_default()
}

/// The tests of the page that a report of nextest's does not show as run and passed.
pub fn not_run(page: &str, report: &str) -> Vec<String> {
    let ran = passed(report);
    rows(page)
        .into_iter()
        .flat_map(|row| row.tests)
        .filter(|test| !ran.contains(&(test.binary.as_str(), test.path.as_str())))
        .map(|test| format!("{}: {} {}", test.requirement, test.binary, test.path))
        .collect()
}

/// Binary and test of each case in a JUnit report that did not fail.
fn passed(report: &str) -> Vec<(&str, &str)> {
    let cases = report.split("<testcase ").skip(1);
    cases
        .filter(|case| {
            let case = case.split("</testcase>").next().unwrap_or_default();
            !case.contains("<failure") && !case.contains("<error")
        })
        .filter_map(|case| Some((attribute(case, "classname")?, attribute(case, "name")?)))
        .collect()
}

fn attribute<'c>(case: &'c str, name: &str) -> Option<&'c str> {
    let tag = case.split('>').next()?;
    let marked = format!("{name}=\"");
    let at = tag
        .match_indices(&marked)
        .map(|(at, _)| at)
        .find(|at| *at == 0 || tag.as_bytes().get(at - 1) == Some(&b' '))?;
    tag.get(at + marked.len()..)?.split('"').next()
}
