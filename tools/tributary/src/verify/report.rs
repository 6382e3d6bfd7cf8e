//! What was found, for people and for programs.

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

    pub fn print(&self, json: bool) -> Result<()> {
        if json {
            println!("{}", serde_json::to_string_pretty(self)?);
            return Ok(());
        }
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        for verdict in &self.verdicts {
            let word = if verdict.holds { "holds" } else { "BROKEN" };
            table.add_row([verdict.invariant, word, verdict.claim, &verdict.looked_at]);
        }
        println!("{table}");
        for verdict in &self.verdicts {
            for finding in verdict.broken_by.iter().take(SHOWN_MAX) {
                println!("  {} BROKEN: {finding}", verdict.invariant);
            }
            if verdict.broken_by.len() > SHOWN_MAX {
                println!(
                    "  {} … and {} more (--json shows all)",
                    verdict.invariant,
                    verdict.broken_by.len() - SHOWN_MAX
                );
            }
            for note in verdict.notes.iter().take(SHOWN_MAX) {
                println!("  {} note: {note}", verdict.invariant);
            }
        }
        Ok(())
    }
}
