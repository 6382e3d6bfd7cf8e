//! Invariant 9: the close recomputes to the same root from the same facts.

use anyhow::{Context, Result};
use ledger::{CreatorClosed, CreatorId, CreatorLine, Manifest, Month};
use money::{Amount, Asset, BasisPoints};

use super::report::Verdict;
use super::store::{MonthRow, Snapshot};

/// Rebuilds each closed month's manifest from its facts, and its control totals from its
/// postings, and compares both with what was sealed and closed.
pub async fn recomputes(books: &mut Snapshot) -> Result<Verdict> {
    let mut verdict = Verdict::new(
        90,
        "9",
        "each close recomputes to the same root from the same facts",
    );
    let months = books.months().await?;
    let closed: Vec<&MonthRow> = months
        .iter()
        .filter(|month| month.state == "closed")
        .collect();
    for row in &closed {
        let month = Month::from_i32(row.month)?;
        let posted = books.posted_totals(row.month).await?;
        let sealed = books.sealed_totals(row.month).await?;
        if posted != sealed {
            verdict.broken(format!("{month}: sealed {sealed:?}, posted {posted:?}"));
        }
        let manifest = rebuild(books, row, month).await?;
        let root = row.root.clone().unwrap_or_default();
        if manifest.root() != root {
            verdict.broken(format!(
                "{month}: facts give root {}, closed as {root}",
                manifest.root()
            ));
        }
        if books.manifest_text(row.month).await?.as_deref() != Some(manifest.text().as_str()) {
            verdict.broken(format!(
                "{month}: the manifest's text is not that of the facts"
            ));
        }
    }
    for row in months.iter().filter(|month| month.state == "stopped") {
        verdict.broken(format!(
            "{}: stopped, its totals differ",
            Month::from_i32(row.month)?
        ));
    }
    Ok(verdict.looked_at(format!("{} closed months", closed.len())))
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
    for line in books
        .before_close(row.month, "subscriber_unallocated")
        .await?
    {
        manifest.add_rest(
            line.program.parse()?,
            Amount::try_new(line.minor, Asset::Usd)?,
        )?;
    }
    Ok(manifest)
}
