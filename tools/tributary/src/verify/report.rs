//! What was found, for people and for programs.

use anyhow::Result;
use comfy_table::{Table, presets};
use serde::Serialize;

use crate::say;

/// One invariant and everything that breaks it.
#[derive(Debug, Clone, Serialize)]
pub struct Verdict {
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
    pub fn new(invariant: &'static str, claim: &'static str) -> Self {
        Self {
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
    /// The one month whose close was looked at; all of them if none is named.
    pub month: Option<String>,
    pub verdicts: Vec<Verdict>,
}

/// Findings shown per invariant; the JSON has all.
const SHOWN_MAX: usize = 12;

impl Report {
    /// The names of those that do not hold.
    pub fn broken(&self) -> Vec<&'static str> {
        let broken = self.verdicts.iter().filter(|verdict| !verdict.holds);
        broken.map(|verdict| verdict.invariant).collect()
    }

    pub fn print(&self, json: bool) -> Result<()> {
        if json {
            return say::json(self);
        }
        say::text(&self.text())
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
