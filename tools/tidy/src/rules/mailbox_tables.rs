//! Every service's mailbox tables are those of `libs/mailbox/sql/mailbox.sql`.
//!
//! The mailbox works on tables in nine schemas and cannot have its queries checked against
//! each of them. Instead their definitions are the same text, up to the schema's name.

use crate::sql::schema_of;
use crate::{Finding, Tree};

const CANON: &str = "libs/mailbox/sql/mailbox.sql";
const CANON_SCHEMA: &str = "mailbox_schema";
const BEGIN: &str = "-- mailbox begin";
const END: &str = "-- mailbox end";

/// The lines between two markers; `line` is that of the opening one.
struct Block {
    path: String,
    line: usize,
    lines: Vec<String>,
}

/// The blocks of a service, in order of file name, are the blocks of the canonical file; a
/// change of the tables is a new block at its end and a new migration in every service.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let Some(canon) = tree.text(CANON) else {
        return without_canon(tree);
    };
    let mut wanted = blocks(CANON, canon);
    if wanted.is_empty() {
        let lines = canon.lines().map(str::to_owned).collect();
        wanted.push(Block {
            path: CANON.to_owned(),
            line: 0,
            lines,
        });
    }
    let folders = tree.services();
    folders
        .iter()
        .flat_map(|service| of_service(tree, service, &wanted))
        .collect()
}

fn without_canon(tree: &Tree) -> Vec<Finding> {
    let copies = tree
        .files()
        .filter(|(path, text)| is_migration(path) && text.contains(BEGIN));
    let finding = |path| {
        let wrong = format!("there are mailbox tables, and no {CANON} to compare them with");
        Finding::new(path, 0, wrong, "write the canonical text there")
    };
    copies.map(|(path, _)| finding(path)).collect()
}

fn of_service(tree: &Tree, service: &str, wanted: &[Block]) -> Vec<Finding> {
    let folder = format!("migrations/{service}/");
    let files = tree
        .files()
        .filter(|(path, _)| path.starts_with(&folder) && is_migration(path));
    let files: Vec<(&str, &str)> = files.collect();
    if files.is_empty() {
        return Vec::new();
    }
    let schema = schema_of(service);
    let found: Vec<Block> = files
        .iter()
        .flat_map(|(path, text)| blocks(path, text))
        .collect();
    let mut findings = outside_blocks(&files, wanted, &schema);
    for (index, wanted) in wanted.iter().enumerate() {
        match found.get(index) {
            Some(block) => findings.extend(difference(block, wanted, &schema)),
            None => findings.push(Finding::new(
                &folder,
                0,
                format!("block {} of the mailbox tables is missing", index + 1),
                format!("copy it from {CANON} with its markers, {schema} for {CANON_SCHEMA}"),
            )),
        }
    }
    for block in found.iter().skip(wanted.len()) {
        let wrong = "a block that the canonical text does not have";
        let instead = format!("add it to {CANON} first, and to every service");
        findings.push(Finding::new(&block.path, block.line, wrong, instead));
    }
    findings
}

fn difference(block: &Block, wanted: &Block, schema: &str) -> Option<Finding> {
    let wanted: Vec<String> = wanted
        .lines
        .iter()
        .map(|line| line.replace(CANON_SCHEMA, schema))
        .collect();
    let length = block.lines.len().max(wanted.len());
    let differs = (0..length).find(|index| {
        block.lines.get(*index).map(|line| line.trim_end())
            != wanted.get(*index).map(|line| line.trim_end())
    })?;
    let line = wanted
        .get(differs)
        .map_or("the end of the block", |line| line.trim());
    Some(Finding::new(
        &block.path,
        block.line + differs + 1,
        format!("the mailbox tables differ from {CANON}"),
        format!("write `{line}`"),
    ))
}

/// A mailbox table that is made outside the markers is one that nothing compares.
fn outside_blocks(files: &[(&str, &str)], wanted: &[Block], schema: &str) -> Vec<Finding> {
    let prefix = format!("create table {CANON_SCHEMA}.");
    let made = wanted.iter().flat_map(|block| &block.lines);
    let made: Vec<String> = made
        .filter(|line| line.starts_with(&prefix))
        .filter_map(|line| line.split(['(', ' ']).nth(2))
        .map(|table| format!("create table {} ", table.replace(CANON_SCHEMA, schema)))
        .collect();
    let mut findings = Vec::new();
    for (path, text) in files {
        let mut inside = false;
        for (index, line) in text.lines().enumerate() {
            inside = (inside || line.trim() == BEGIN) && line.trim() != END;
            let line = line.replace('(', " ") + " ";
            if !inside && made.iter().any(|table| line.starts_with(table)) {
                let instead = format!("put it between `{BEGIN}` and `{END}`");
                let wrong = "a mailbox table outside the markers";
                findings.push(Finding::new(*path, index + 1, wrong, instead));
            }
        }
    }
    findings
}

fn is_migration(path: &str) -> bool {
    path.starts_with("migrations/") && path.ends_with(".sql") && !path.ends_with("/schema.sql")
}

fn blocks(path: &str, text: &str) -> Vec<Block> {
    let mut found: Vec<Block> = Vec::new();
    let mut open = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim() == BEGIN {
            open = true;
            found.push(Block {
                path: path.to_owned(),
                line: index + 1,
                lines: Vec::new(),
            });
        } else if line.trim() == END {
            open = false;
        } else if open && let Some(block) = found.last_mut() {
            block.lines.push(line.to_owned());
        }
    }
    found
}
