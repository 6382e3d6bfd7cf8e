//! SQL wherever it is written: `.sql` files and the literals of Rust files.

pub mod names;
pub mod tokens;

use crate::Tree;
use crate::source::{Source, after_matching, words};
use crate::tree::service_of;

/// One piece of SQL. Line `n` of `text` is line `first_line + n - 1` of the file.
pub struct Sql {
    pub path: String,
    pub first_line: usize,
    pub text: String,
    /// The schema that it may name: the one of the service that it belongs to.
    pub schema: Option<String>,
}

/// The calls and macros of sqlx that take SQL.
pub const QUERY_CALLS: [&str; 14] = [
    "query!",
    "query_as!",
    "query_scalar!",
    "query_unchecked!",
    "query_as_unchecked!",
    "query_scalar_unchecked!",
    "query_file!",
    "query_file_as!",
    "query_file_scalar!",
    "sqlx::query",
    "sqlx::query_as",
    "sqlx::query_scalar",
    "sqlx::raw_sql",
    "QueryBuilder::new",
];

/// A service's schema is its name, '-' as '_'.
pub fn schema_of(service: &str) -> String {
    service.replace('-', "_")
}

/// The files that may hold SQL: a service's store, and the crates whose business is Postgres.
pub fn may_hold_sql(path: &str) -> bool {
    if service_of(path).is_some() {
        return path.ends_with("/src/store.rs") || path.contains("/src/store/");
    }
    path.starts_with("libs/mailbox/")
        || path == "libs/kit/src/postgres.rs"
        || path.starts_with("libs/kit/src/postgres/")
        || path.starts_with("libs/testkit/")
        || path.starts_with("tools/")
        || path.starts_with("e2e/")
}

/// All SQL of the repository. Left out are `schema.sql`, which `pg_dump` writes, and this crate,
/// whose examples are wrong on purpose.
pub fn all(tree: &Tree) -> Vec<Sql> {
    let files = tree.files().filter(|(path, _)| path.ends_with(".sql"));
    let files = files.filter(|(path, _)| !path.ends_with("/schema.sql"));
    let mut found: Vec<Sql> = files.map(|(path, text)| of_file(path, text)).collect();
    for source in tree
        .sources()
        .filter(|source| !source.path.starts_with("tools/tidy/"))
    {
        found.extend(in_source(source));
    }
    found
}

fn of_file(path: &str, text: &str) -> Sql {
    Sql {
        path: path.to_owned(),
        first_line: 1,
        text: text.to_owned(),
        schema: owner_of(path),
    }
}

fn owner_of(path: &str) -> Option<String> {
    let migrations = path
        .strip_prefix("migrations/")
        .and_then(|path| path.split_once('/'));
    migrations
        .map(|(service, _)| service)
        .or_else(|| service_of(path))
        .map(schema_of)
}

fn in_source(source: &Source) -> Vec<Sql> {
    let calls = query_calls(source);
    let may_hold = may_hold_sql(&source.path);
    // A service's tests keep to its schema as well; other tests make up tables as they need.
    let tests_count = service_of(&source.path).is_some();
    let literals = source
        .literals
        .iter()
        .filter(|literal| tests_count || source.is_live_at(literal.offset.saturating_sub(1)));
    let literals = literals.filter(|literal| {
        let in_call = calls
            .iter()
            .any(|(start, end)| (*start..*end).contains(&literal.offset));
        in_call || (may_hold && looks_like_sql(&literal.text))
    });
    let pieces = literals.map(|literal| Sql {
        path: source.path.clone(),
        first_line: source.line_at(literal.offset),
        text: literal.text.clone(),
        schema: owner_of(&source.path),
    });
    pieces.collect()
}

/// The extents of the calls that take SQL, as offsets.
pub fn query_calls(source: &Source) -> Vec<(usize, usize)> {
    let mut calls = Vec::new();
    for call in QUERY_CALLS {
        for at in words(&source.code, call) {
            let tail = source.code.get(at + call.len()..).unwrap_or_default();
            if let Some(open) = argument_list(tail) {
                calls.push((at, after_matching(&source.code, at + call.len() + open)));
            }
        }
    }
    calls
}

/// The parenthesis that follows, a turbofish passed over.
fn argument_list(tail: &str) -> Option<usize> {
    let trimmed = tail.trim_start();
    let skipped = tail.len() - trimmed.len();
    if trimmed.starts_with('(') {
        return Some(skipped);
    }
    let mut depth = 0_usize;
    for (at, byte) in trimmed.strip_prefix("::")?.bytes().enumerate() {
        match byte {
            b'<' => depth += 1,
            b'>' => depth = depth.saturating_sub(1),
            b'(' if depth == 0 => return Some(skipped + 2 + at),
            b';' | b'{' => return None,
            _ => {}
        }
    }
    None
}

/// A literal that begins as a statement and goes on as one. "update" alone is an English word.
fn looks_like_sql(text: &str) -> bool {
    let tokens = tokens::tokens(text);
    let Some(first) = tokens.first() else {
        return false;
    };
    let has = |word: &str| tokens.iter().any(|token| token.is(word));
    match first.text.as_str() {
        "select" => has("from") && tokens.len() > 4,
        "with" => has("as") && has("select"),
        "insert" => has("into"),
        "update" => has("set"),
        "delete" => tokens.get(1).is_some_and(|token| token.is("from")),
        "create" | "alter" | "drop" | "truncate" | "lock" => has("table") || has("schema"),
        _ => false,
    }
}
