//! `tributary verify`: whether the books hold, from postings and Stripe's own lists.
//!
//! Reads one snapshot of the database as `auditor`, who can write nothing, and Stripe by its
//! public wire. Projections are never believed: where one is looked at, it is to compare it
//! with the postings.

mod books;
mod close;
mod money_out;
mod promises;
mod report;
mod solvency;
mod store;
mod stripe_side;
mod wire;

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::envfile;
use report::{Report, Verdict};
use store::Snapshot;
use wire::Stripe;

/// What is asked of a verification.
#[derive(Debug, Clone, Copy)]
pub struct Manner {
    /// No age, no listed difference, no open alert.
    pub strict: bool,
    pub json: bool,
}

/// Verifies the instance in `dir` and prints the findings; an error when an invariant is broken.
pub async fn run(dir: &Path, manner: Manner) -> Result<()> {
    let report = verify(dir, manner.strict).await?;
    report.print(manner.json)?;
    match report.broken() {
        0 => Ok(()),
        count => bail!("{count} of the invariants above do not hold"),
    }
}

async fn verify(dir: &Path, strict: bool) -> Result<Report> {
    let env = envfile::read(&dir.join("env"))?;
    let get = |key: &str| {
        env.get(key)
            .with_context(|| format!("{key} is not in {}/env", dir.display()))
    };
    let stripe = Stripe::new(get("STRIPE_SANDBOX_URL")?, get("STRIPE_SECRET_KEY")?)?;
    // Stripe first: what it says was caused before the snapshot, so at rest both sides agree.
    let seen = stripe.look().await.context("Stripe cannot be read")?;
    let mut books = Snapshot::open(get("AUDITOR_DATABASE_URL")?).await?;

    let accounts = books.accounts().await?;
    let mut verdicts: Vec<Verdict> = books::balance(&mut books, &accounts).await?;
    verdicts.push(stripe_side::balances(&accounts, &seen));
    verdicts.push(solvency::covered(&mut books, &accounts, strict).await?);
    verdicts.push(books::floors(&mut books, &accounts).await?);
    verdicts.push(books::clearing(&accounts, seen.now, strict)?);
    verdicts.push(stripe_side::evidence(&mut books, &seen).await?);
    verdicts.push(money_out::once(&mut books, &seen).await?);
    verdicts.push(close::recomputes(&mut books).await?);
    verdicts.push(promises::kept(&mut books, &seen).await?);
    if strict {
        verdicts.push(promises::at_rest(&mut books).await?);
    }
    verdicts.sort_by_key(|verdict| verdict.order);
    Ok(Report { strict, verdicts })
}
