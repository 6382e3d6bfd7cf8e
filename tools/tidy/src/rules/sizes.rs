//! Files and functions stay small, and what is too large may only shrink.
//!
//! `tools/tidy/ratchet.toml` lists what is over a limit with its size today. An entry that is
//! larger than what it measures must be lowered, so that no one grows back into it.

use std::collections::BTreeMap;

use toml::{Table, Value};

use crate::functions::functions;
use crate::source::Source;
use crate::{Finding, Tree};

const RATCHET: &str = "tools/tidy/ratchet.toml";
const FILE_LINES_MAX: usize = 400;
const MAIN_LINES_MAX: usize = 40;
const FUNCTION_LINES_MAX: usize = 70;

/// Something measured: under the name that the ratchet knows it by.
struct Measure {
    name: String,
    path: String,
    line: usize,
    lines: usize,
    max: usize,
    instead: &'static str,
}

/// Test code and generated code are not measured; inline test modules do not count.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut ratchet = match ratchet(tree.text(RATCHET).unwrap_or_default()) {
        Ok(ratchet) => ratchet,
        Err(wrong) => {
            return vec![Finding::new(
                RATCHET,
                0,
                wrong,
                "write \"path\" = lines under [files]",
            )];
        }
    };
    let measured = tree
        .sources()
        .filter(|source| !source.is_test && !source.is_generated());
    for measure in measured.flat_map(measures) {
        findings.extend(judge(&measure, ratchet.remove(&measure.name)));
    }
    for name in ratchet.into_keys() {
        let wrong = format!("{name} is listed and does not exist");
        findings.push(Finding::new(RATCHET, 0, wrong, "remove the entry"));
    }
    findings
}

fn judge(measure: &Measure, listed: Option<usize>) -> Option<Finding> {
    let Measure {
        name,
        path,
        line,
        lines,
        max,
        instead,
    } = measure;
    let Some(listed) = listed else {
        let wrong = format!("{name} has {lines} lines; the limit is {max}");
        return (lines > max).then(|| Finding::new(path, *line, wrong, *instead));
    };
    if lines <= max {
        let wrong = format!("{name} is listed with {listed} lines and is within {max} now");
        Some(Finding::new(RATCHET, 0, wrong, "remove the entry"))
    } else if *lines < listed {
        let wrong = format!("{name} has {lines} lines and is listed with {listed}");
        Some(Finding::new(
            RATCHET,
            0,
            wrong,
            format!("lower the entry to {lines}"),
        ))
    } else {
        let wrong = format!("{name} grew from {listed} to {lines} lines; it may only shrink");
        (*lines > listed).then(|| Finding::new(path, *line, wrong, *instead))
    }
}

fn measures(source: &Source) -> Vec<Measure> {
    let is_main = source.path.ends_with("/src/main.rs");
    let mut measures = vec![Measure {
        name: source.path.clone(),
        path: source.path.clone(),
        line: 0,
        lines: source.live_lines(),
        max: if is_main {
            MAIN_LINES_MAX
        } else {
            FILE_LINES_MAX
        },
        instead: "split it by the nouns of the domain, or move code to where it belongs",
    }];
    let mut largest: BTreeMap<String, Measure> = BTreeMap::new();
    for function in functions(source.live()) {
        let name = format!("{}::{}", source.path, function.name);
        let measure = Measure {
            name: name.clone(),
            path: source.path.clone(),
            line: function.line,
            lines: function.lines,
            max: FUNCTION_LINES_MAX,
            instead: "give its parts names of their own",
        };
        // Functions of one name in one file share an entry: that of the largest.
        let known = largest.get(&name).map_or(0, |known| known.lines);
        if measure.lines > known {
            largest.insert(name, measure);
        }
    }
    measures.extend(largest.into_values());
    measures
}

fn ratchet(text: &str) -> Result<BTreeMap<String, usize>, String> {
    let table: Table = text
        .parse()
        .map_err(|error| format!("it does not parse: {error}"))?;
    let mut entries = BTreeMap::new();
    for section in ["files", "functions"] {
        let listed = table.get(section).and_then(Value::as_table);
        for (name, lines) in listed.into_iter().flatten() {
            let lines = lines
                .as_integer()
                .and_then(|lines| usize::try_from(lines).ok());
            entries.insert(
                name.clone(),
                lines.ok_or(format!("{name} has no number of lines"))?,
            );
        }
    }
    Ok(entries)
}
