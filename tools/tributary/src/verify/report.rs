//! What was found, for people and for programs.

use std::io::{ErrorKind, Write};

use anyhow::Result;
use comfy_table::{Table, presets};
use serde::Serialize;

/// One invariant and everything that breaks it.
#[derive(Debug, Clone, Serialize)]
pub struct Verdict {
    #[serde(skip)]
    pub order: u8,
    /// "1", "3a", …
    pub invariant: &'static str,
    pub claim: &'static str,
    pub holds: bool,
    /// What was looked at: "1,204 postings".
    pub looked_at: String,
    /// What breaks it, by name.
    pub broken_by: Vec<String>,
    /// What is told without breaking it.
    pub notes: Vec<String>,
}

impl Verdict {
    pub fn new(order: u8, invariant: &'static str, claim: &'static str) -> Self {
        Self {
            order,
            invariant,
            claim,
            holds: true,
            looked_at: String::new(),
            broken_by: Vec::new(),
            notes: Vec::new(),
        }
    }

    pub fn looked_at(mut self, what: impl Into<String>) -> Self {
        self.looked_at = what.into();
        self
    }

    /// Adds what breaks the invariant.
    pub fn broken(&mut self, by: impl Into<String>) {
        self.holds = false;
        self.broken_by.push(by.into());
    }
}

/// All verdicts.
#[derive(Debug, Serialize)]
pub struct Report {
    pub strict: bool,
    pub verdicts: Vec<Verdict>,
}

/// Findings shown per invariant; the JSON has all.
const SHOWN_MAX: usize = 12;

impl Report {
    pub fn broken(&self) -> usize {
        self.verdicts
            .iter()
            .filter(|verdict| !verdict.holds)
            .count()
    }

    /// To standard output; whoever closes it early has read enough.
    pub fn print(&self, json: bool) -> Result<()> {
        let text = if json {
            serde_json::to_string_pretty(self)?
        } else {
            self.text()
        };
        match writeln!(std::io::stdout(), "{text}") {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            other => Ok(other?),
        }
    }

    fn text(&self) -> String {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        for verdict in &self.verdicts {
            let word = if verdict.holds { "holds" } else { "BROKEN" };
            table.add_row([verdict.invariant, word, verdict.claim, &verdict.looked_at]);
        }
        let mut lines = vec![table.to_string()];
        for verdict in &self.verdicts {
            let name = verdict.invariant;
            let shown = verdict.broken_by.iter().take(SHOWN_MAX);
            lines.extend(shown.map(|finding| format!("  {name} BROKEN: {finding}")));
            let more = verdict.broken_by.len().saturating_sub(SHOWN_MAX);
            if more > 0 {
                lines.push(format!("  {name} … and {more} more (--json shows all)"));
            }
            let notes = verdict.notes.iter().take(SHOWN_MAX);
            lines.extend(notes.map(|note| format!("  {name} note: {note}")));
        }
        lines.join("\n")
    }
}
