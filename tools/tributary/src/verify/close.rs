//! Invariants 8 and 9: a closed month says the same everywhere and for ever, and recomputes to the
//! same root from the same facts.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use ledger::{CreatorClosed, CreatorId, CreatorLine, Manifest, Month};
use money::{Amount, Asset, BasisPoints};
use reqwest::Method;
use serde_json::Value;

use super::report::Verdict;
use super::store::{CreatorRow, MonthRow, Snapshot};
use crate::gateway::Gateway;

/// A closed month: as it is stored, and rebuilt from its facts.
struct Closed {
    month: Month,
    row: MonthRow,
    /// The manifest's text as stored, and its lines as they are kept one by one.
    text: String,
    kept: Vec<String>,
    rebuilt: Manifest,
    shown: Vec<CreatorRow>,
}

/// Both verdicts on every closed month, or on `only` one. `gateway` is asked too, where it is up.
pub async fn verdicts(
    books: &mut Snapshot,
    only: Option<Month>,
    gateway: Option<&Gateway>,
) -> Result<[Verdict; 2]> {
    let mut same = Verdict::new("8", "a closed month says the same everywhere");
    let claim = "each close recomputes to the same root from the same facts";
    let mut root = Verdict::new("9", claim);
    let mut months = books.months().await?;
    months.retain(|row| only.is_none_or(|only| only.to_i32() == row.month));
    if let Some(only) = only.filter(|_| !months.iter().any(|row| row.state == "closed")) {
        same.broken(format!("{only} is not closed"));
    }
    let mut count = 0_usize;
    for row in months {
        let month = Month::from_i32(row.month)?;
        if row.state == "stopped" {
            root.broken(format!("{month}: stopped, its totals differ"));
        }
        if row.state == "closed" {
            count += 1;
            let closed = Closed::read(books, row, month).await?;
            closed.recompute(books, &mut root).await?;
            closed.compare(&mut same)?;
            if let Some(gateway) = gateway {
                closed.ask(gateway, &mut same).await?;
            }
        }
    }
    let asked = match gateway {
        Some(_) => "rows, manifests, postings and the API",
        None => "rows, manifests and postings; no API to be asked",
    };
    Ok([
        same.looked_at(format!("{count} closed months: {asked}")),
        root.looked_at(format!("{count} closed months")),
    ])
}

impl Closed {
    async fn read(books: &mut Snapshot, row: MonthRow, month: Month) -> Result<Self> {
        let text = books.manifest_text(row.month).await?.unwrap_or_default();
        let kept = books.manifest_lines(row.month).await?;
        let rebuilt = rebuild(books, &row, month).await?;
        let shown = books.creator_rows(row.month).await?;
        Ok(Self {
            month,
            row,
            text,
            kept,
            rebuilt,
            shown,
        })
    }

    /// 9: control totals and the root.
    async fn recompute(&self, books: &mut Snapshot, verdict: &mut Verdict) -> Result<()> {
        let (month, number) = (self.month, self.row.month);
        let posted = books.posted_totals(number).await?;
        let sealed = books.sealed_totals(number).await?;
        if posted != sealed {
            verdict.broken(format!("{month}: sealed {sealed:?}, posted {posted:?}"));
        }
        let root = self.row.root.clone().unwrap_or_default();
        if self.rebuilt.root() != root {
            verdict.broken(format!(
                "{month}: facts give root {}, closed as {root}",
                self.rebuilt.root()
            ));
        }
        Ok(())
    }

    /// 8: the stored figures, lines and rows against the facts.
    fn compare(&self, verdict: &mut Verdict) -> Result<()> {
        let rebuilt = self.rebuilt.text();
        self.lines("the manifest", self.text.lines(), rebuilt.lines(), verdict);
        let kept = self.kept.iter().map(String::as_str);
        self.lines("the list of lines", kept, rebuilt.lines(), verdict);
        let shown = self.shown.iter().map(|row| {
            let CreatorRow {
                creator_id,
                program,
                gross_minor,
                fee_minor,
                net_minor,
            } = row;
            format!("v1|creator|{creator_id}|{program}|{gross_minor}|{fee_minor}|{net_minor}")
        });
        let shown: Vec<String> = shown.collect();
        let creators = rebuilt
            .lines()
            .filter(|line| line.starts_with("v1|creator|"));
        let shown = shown.iter().map(String::as_str);
        self.lines("what creators are shown", shown, creators, verdict);
        let row = &self.row;
        let stored = [
            row.gross_minor,
            row.fee_minor,
            row.net_minor,
            row.unallocated_minor,
            i64::from(row.creator_count),
        ];
        self.figures("the month's row", stored, verdict)
    }

    /// 8: what the API says of it.
    async fn ask(&self, gateway: &Gateway, verdict: &mut Verdict) -> Result<()> {
        let path = format!("/v1/admin/months/{}", self.month);
        let body = gateway.get(&path).await?;
        let close = &body["close"];
        let figure = |name: &str| close[name].as_i64().unwrap_or(i64::MIN);
        let told = [
            figure("gross_cents"),
            figure("fee_cents"),
            figure("net_cents"),
            figure("unallocated_cents"),
            figure("creator_count"),
        ];
        self.figures("the API", told, verdict)?;
        if close["manifest_root"].as_str() != self.row.root.as_deref() {
            verdict.broken(format!(
                "{}: the API's root is {}",
                self.month, close["manifest_root"]
            ));
        }
        // An older gateway has no lines to show.
        let lines = format!("{path}/lines");
        if gateway.send(Method::GET, &lines).await?.status == 404 {
            verdict
                .notes
                .push("the API has no lines of a month".to_owned());
            return Ok(());
        }
        let listed = gateway.list(&lines).await?;
        let texts = listed.iter().filter_map(|line| line["text"].as_str());
        let rebuilt = self.rebuilt.text();
        self.lines("the API's lines", texts, rebuilt.lines(), verdict);
        let uneven = listed.iter().filter(|line| !is_itself(line));
        for line in uneven {
            verdict.broken(format!(
                "{}: the API's line {line} is not its text",
                self.month
            ));
        }
        Ok(())
    }

    /// Names the lines that only one side has. The line that names the month may be left out.
    fn lines<'t>(
        &self,
        whose: &str,
        said: impl Iterator<Item = &'t str>,
        facts: impl Iterator<Item = &'t str>,
        verdict: &mut Verdict,
    ) {
        let head = format!("v1|manifest|{}", self.month);
        let set = |lines: &mut dyn Iterator<Item = &'t str>| -> BTreeSet<&'t str> {
            lines.filter(|line| *line != head).collect()
        };
        let (mut said, mut facts) = (said, facts);
        let (said, facts) = (set(&mut said), set(&mut facts));
        for line in said.difference(&facts) {
            verdict.broken(format!("{}: {whose} has {line}, not the facts", self.month));
        }
        for line in facts.difference(&said) {
            verdict.broken(format!("{}: {whose} lacks {line} of the facts", self.month));
        }
    }

    /// Gross, fee, net, left over and the count of creators, against the facts.
    fn figures(&self, whose: &str, said: [i64; 5], verdict: &mut Verdict) -> Result<()> {
        let mut facts = [0_i64; 5];
        let mut creators: BTreeSet<&CreatorId> = BTreeSet::new();
        let mut add = |at: usize, amount: Amount| -> Result<()> {
            let figure = facts.get_mut(at).context("five figures")?;
            *figure = figure
                .checked_add(amount.minor())
                .context("a sum overflows")?;
            Ok(())
        };
        for line in self.rebuilt.creators() {
            creators.insert(&line.creator);
            for (at, amount) in [(0, line.gross), (1, line.fee), (2, line.net)] {
                add(at, amount)?;
            }
        }
        for (_, rest) in self.rebuilt.rests() {
            add(3, rest)?;
        }
        facts[4] = i64::try_from(creators.len())?;
        let names = ["gross", "fee", "net", "left over", "count of creators"];
        for ((name, said), fact) in names.iter().zip(said).zip(facts) {
            if said != fact {
                verdict.broken(format!(
                    "{}: {whose} says {name} {said}, the facts give {fact}",
                    self.month
                ));
            }
        }
        Ok(())
    }
}

/// Whether a line's figures are those of its own text.
fn is_itself(line: &Value) -> bool {
    let number = |name: &str| line[name].as_i64().unwrap_or_default().to_string();
    let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
    let program = text("program");
    let said = match line["creator_id"].as_str().filter(|id| !id.is_empty()) {
        Some(creator) => format!(
            "v1|creator|{creator}|{program}|{}|{}|{}",
            number("gross_cents"),
            number("fee_cents"),
            number("net_cents")
        ),
        None => format!("v1|rest|{program}|{}", number("unallocated_cents")),
    };
    let own = text("text");
    own == said || own.starts_with("v1|manifest|")
}

async fn rebuild(books: &mut Snapshot, row: &MonthRow, month: Month) -> Result<Manifest> {
    let bps = row.fee_bps.context("a closed month without its fee")?;
    let bps = BasisPoints::try_new(u32::try_from(bps)?)?;
    let mut manifest = Manifest::new(month);
    for line in books.before_close(row.month, "creator_pending").await? {
        let creator = CreatorId::try_new(&line.owner)?;
        let gross = Amount::try_new(line.minor, Asset::Usd)?;
        let program = line.program.parse()?;
        let closed = CreatorClosed {
            month,
            program,
            creator,
            gross,
            bps,
        };
        manifest.add_creator(CreatorLine::try_from(&closed)?)?;
    }
    let kind = "subscriber_unallocated";
    for line in books.before_close(row.month, kind).await? {
        let rest = Amount::try_new(line.minor, Asset::Usd)?;
        manifest.add_rest(line.program.parse()?, rest)?;
    }
    Ok(manifest)
}
