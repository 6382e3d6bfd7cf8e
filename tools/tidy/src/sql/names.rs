//! The tables, views and functions that a piece of SQL names.

use std::collections::BTreeSet;

use super::tokens::{Token, TokenKind};

/// A relation or function in a place where Postgres would otherwise search its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    pub schema: Option<String>,
    pub name: String,
    pub line: usize,
}

/// What ends a list of tables after `from`.
const FROM_LIST_ENDS: [&str; 26] = [
    "where",
    "join",
    "left",
    "right",
    "inner",
    "cross",
    "full",
    "natural",
    "on",
    "using",
    "group",
    "order",
    "limit",
    "for",
    "set",
    "returning",
    "union",
    "except",
    "intersect",
    "window",
    "having",
    "offset",
    "fetch",
    ")",
    "into",
    "loop",
];
/// Functions whose arguments are written with `from`.
const FROM_ARGUMENTS: [&str; 5] = ["extract", "substring", "trim", "overlay", "position"];
/// What may stand before an `update` that is a statement, not a lock, an event or a right.
const BEFORE_UPDATE: [&str; 8] = [";", "(", ")", "begin", "then", "else", "loop", "explain"];
/// What may stand between a keyword and the name.
const FILLERS: [&str; 6] = ["if", "not", "exists", "only", "lateral", "concurrently"];
/// What a right may be granted on besides a table.
const GRANTED_OTHERS: [&str; 12] = [
    "schema",
    "all",
    "database",
    "function",
    "sequence",
    "type",
    "domain",
    "language",
    "procedure",
    "routine",
    "parameter",
    "tablespace",
];
/// Kinds of thing whose names are checked after `create`, `alter` and `drop`.
const KINDS: [&str; 6] = [
    "view",
    "sequence",
    "function",
    "procedure",
    "type",
    "domain",
];

/// Every name that must carry its schema. Names made in passing, by `with` or by a trigger's
/// transition tables, and Postgres's own `pg_…` are left out.
pub fn names(tokens: &[Token]) -> Vec<Name> {
    let local = local_names(tokens);
    let mut found = Vec::new();
    for statement in tokens.split(|token| token.is(";")) {
        Statement { tokens: statement }.collect(&mut found);
    }
    found.retain(|name| {
        name.schema.is_some() || !(local.contains(&name.name) || name.name.starts_with("pg_"))
    });
    found
}

fn local_names(tokens: &[Token]) -> BTreeSet<String> {
    let mut local = BTreeSet::new();
    for (index, _) in tokens
        .iter()
        .enumerate()
        .filter(|(_, token)| token.is("as"))
    {
        let opens = tokens
            .iter()
            .skip(index + 1)
            .find(|t| !t.is_any(&["not", "materialized"]));
        let previous = index.checked_sub(1).and_then(|i| tokens.get(i));
        if previous.is_some_and(|previous| previous.is("table")) {
            // `referencing new table as changed`.
            local.extend(tokens.get(index + 1).map(|token| token.text.clone()));
        } else if opens.is_some_and(|open| open.is("(")) {
            local.extend(name_before(tokens, index));
        }
    }
    local
}

/// The name in `name as (` and in `name (a, b) as (`.
fn name_before(tokens: &[Token], index: usize) -> Option<String> {
    let mut at = index.checked_sub(1)?;
    if tokens.get(at)?.is(")") {
        while !tokens.get(at)?.is("(") {
            at = at.checked_sub(1)?;
        }
        at = at.checked_sub(1)?;
    }
    tokens
        .get(at)
        .filter(|token| token.is_name())
        .map(|token| token.text.clone())
}

struct Statement<'a> {
    tokens: &'a [Token],
}

impl Statement<'_> {
    fn token(&self, at: usize) -> Option<&Token> {
        self.tokens.get(at)
    }

    fn is(&self, at: usize, text: &str) -> bool {
        self.token(at).is_some_and(|token| token.is(text))
    }

    fn before(&self, at: usize) -> Option<&Token> {
        at.checked_sub(1).and_then(|at| self.token(at))
    }

    fn before_is(&self, at: usize, texts: &[&str]) -> bool {
        self.before(at).is_some_and(|token| token.is_any(texts))
    }

    fn starts_with(&self, words: &[&str]) -> bool {
        self.token(0).is_some_and(|token| token.is_any(words))
    }

    /// Whether the statement makes or drops an index, a trigger or a policy: things `on` a table.
    fn is_on_a_table(&self) -> bool {
        let head = self.tokens.iter().take(6);
        self.starts_with(&["create", "drop"])
            && head
                .clone()
                .any(|token| token.is_any(&["index", "trigger", "policy", "rule"]))
    }

    fn collect(&self, found: &mut Vec<Name>) {
        let gives_rights = self.starts_with(&["grant", "revoke"]);
        let mut on_seen = false;
        let mut openers: Vec<Option<&str>> = Vec::new();
        for (at, token) in self.tokens.iter().enumerate() {
            if token.kind == TokenKind::Quoted {
                continue;
            }
            match token.text.as_str() {
                "(" => openers.push(self.before(at).map(|token| token.text.as_str())),
                ")" => drop(openers.pop()),
                "from" if !gives_rights && !self.is_from_argument(at, &openers) => {
                    self.list_after(at + 1, found);
                }
                "join" => found.extend(self.name_at(at + 1, true)),
                "into" if self.before_is(at, &["insert", "merge"]) => {
                    found.extend(self.name_at(at + 1, false));
                }
                "update" if self.before(at).is_none_or(|t| t.is_any(&BEFORE_UPDATE)) => {
                    found.extend(self.name_at(at + 1, false));
                }
                "using" if self.starts_with(&["delete", "merge"]) => {
                    found.extend(self.name_at(at + 1, true));
                }
                "on" if !on_seen && (gives_rights || self.is_on_a_table()) => {
                    on_seen = true;
                    self.on_list(at + 1, found);
                }
                _ => found.extend(self.defined_at(at)),
            }
        }
    }

    /// `create table x`, `references x`, `partition of x`, `execute function x` and their like.
    fn defined_at(&self, at: usize) -> Option<Name> {
        let token = self.token(at)?;
        let names_next = match token.text.as_str() {
            "table" => {
                let made_in_passing = ["returns", "old", "new", "in", "enable", "temp"];
                let granted_on = self.before_is(at, &["on"]) && !self.starts_with(&["comment"]);
                !self.before_is(at, &made_in_passing) && !granted_on
            }
            "references" | "truncate" | "copy" => at == 0 || token.is("references"),
            "of" => self.before_is(at, &["partition"]),
            "partition" => self.before_is(at, &["attach", "detach"]),
            "index" => self.starts_with(&["drop", "alter"]) && at == 1,
            kind if KINDS.contains(&kind) => {
                self.before_is(at, &["execute"])
                    || (self.starts_with(&["create", "alter", "drop"]) && at < 4)
            }
            _ => false,
        };
        let next_is_keyword = self.is(at + 1, "table");
        if names_next && !next_is_keyword {
            self.name_at(at + 1, false)
        } else {
            None
        }
    }

    fn is_from_argument(&self, at: usize, openers: &[Option<&str>]) -> bool {
        let opener = openers.last().copied().flatten();
        self.before_is(at, &["distinct"])
            || opener.is_some_and(|opener| FROM_ARGUMENTS.contains(&opener))
            || self
                .token(at + 1)
                .is_some_and(|token| token.is_any(&["stdin", "program"]))
    }

    /// `a.x, b.y as z, unnest(…)`: each item up to the word that ends the list.
    fn list_after(&self, start: usize, found: &mut Vec<Name>) {
        found.extend(self.name_at(start, true));
        let (mut at, mut depth) = (start, 0_usize);
        while let Some(token) = self.token(at) {
            match token.text.as_str() {
                "(" => depth += 1,
                ")" if depth > 0 => depth -= 1,
                "," if depth == 0 => found.extend(self.name_at(at + 1, true)),
                _ if depth == 0 && token.is_any(&FROM_LIST_ENDS) => return,
                _ => {}
            }
            at += 1;
        }
    }

    /// What an index, a trigger or a right is on; rights may be on several tables.
    fn on_list(&self, start: usize, found: &mut Vec<Name>) {
        if self
            .token(start)
            .is_some_and(|token| token.is_any(&GRANTED_OTHERS))
        {
            return;
        }
        let mut at = if self.is(start, "table") {
            start + 1
        } else {
            start
        };
        loop {
            found.extend(self.name_at(at, false));
            let length = if self.is(at + 1, ".") { 3 } else { 1 };
            if !self.starts_with(&["grant", "revoke"]) || !self.is(at + length, ",") {
                return;
            }
            at += length + 1;
        }
    }

    /// The name that begins here. After `from` and `join` a call is a function of Postgres's
    /// own, which needs no schema, and a parenthesis opens a query.
    fn name_at(&self, at: usize, may_be_call: bool) -> Option<Name> {
        let mut at = at;
        while self.token(at).is_some_and(|token| token.is_any(&FILLERS)) {
            at += 1;
        }
        let first = self.token(at).filter(|token| token.is_name())?;
        if first.is_any(&["select", "values", "as"]) {
            return None;
        }
        if self.is(at + 1, ".") {
            let name = self.token(at + 2)?.text.clone();
            return Some(Name {
                schema: Some(first.text.clone()),
                name,
                line: first.line,
            });
        }
        if may_be_call && self.is(at + 1, "(") {
            return None;
        }
        Some(Name {
            schema: None,
            name: first.text.clone(),
            line: first.line,
        })
    }
}
