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

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use ledger::Month;

use crate::command::DEFAULT_DIR;
use crate::exit::{self, Ended};
use crate::gateway::Gateway;
use crate::settings::Settings;
use crate::stripe::Stripe;
use report::Report;
use store::Snapshot;

pub const EXAMPLES: &str = "\
\x20 tributary verify                        do the books hold?
  tributary verify --strict               and is all at rest: no age, no difference, no alert?
  tributary verify --month 2027-01        of closed months, look at this one; it must be closed
  tributary verify --json | jq '.verdicts[] | select(.holds | not)'

Reads as the role auditor (AUDITOR_DATABASE_URL), Stripe by its own API, and the gateway where it
is up. Without an env file in the folder, the same variables of the environment are used.

Invariants: 1 debits equal credits; 2 the Stripe accounts equal Stripe's; 3a what is owed is
covered, 3b and cannot leave by itself; 4 no floor is crossed; 5 clearing is empty or young, and
suspense empty; 6 each balance transaction is posted once; 7 nobody is paid twice; 8 a closed month
says the same everywhere; 9 its close recomputes; 10 nothing acknowledged is lost.
";

#[derive(Debug, Args)]
#[command(after_help = exit::help(EXAMPLES))]
pub struct Options {
    /// Allow no age, no listed difference and no open alert
    #[arg(long)]
    strict: bool,
    /// Of closed months, look at this one only, as 2027-01
    #[arg(long)]
    month: Option<Month>,
    /// Print the findings as JSON
    #[arg(long)]
    json: bool,
    /// The instance's folder
    #[arg(long, default_value = DEFAULT_DIR)]
    dir: PathBuf,
}

/// Prints the findings; an error that names the invariants when one is broken.
pub async fn run(options: Options) -> Result<()> {
    let settings = Settings::of(&options.dir)?;
    let report = verify(&settings, &options).await?;
    report.print(options.json)?;
    let broken = report.broken();
    if broken.is_empty() {
        return Ok(());
    }
    let why = format!("does not hold: {}", broken.join(", "));
    Err(Ended {
        code: exit::BROKEN,
        why,
    }
    .into())
}

async fn verify(settings: &Settings, options: &Options) -> Result<Report> {
    let stripe = Stripe::of(settings)?;
    // Stripe first: what it says was caused before the snapshot, so at rest both sides agree.
    let seen = wire::look(&stripe).await.context("Stripe cannot be read")?;
    let mut books = Snapshot::open(&settings.get("AUDITOR_DATABASE_URL")?).await?;
    let gateway = gateway(settings).await;
    let strict = options.strict;

    let accounts = books.accounts().await?;
    let [same, root] = close::verdicts(&mut books, options.month, gateway.as_ref()).await?;
    let mut verdicts = vec![
        books::balance(&mut books, &accounts).await?,
        stripe_side::balances(&mut books, &accounts, &seen).await?,
        solvency::covered(&mut books, &accounts, strict).await?,
        solvency::separated(&mut books, &seen.settings).await?,
        books::floors(&mut books, &accounts).await?,
        books::clearing(&accounts, &seen, strict),
        stripe_side::evidence(&mut books, &seen).await?,
        money_out::once(&mut books, &seen).await?,
        same,
        root,
        promises::kept(&mut books, &seen).await?,
    ];
    if strict {
        verdicts.push(promises::at_rest(&mut books).await?);
    }
    Ok(Report {
        strict,
        month: options.month.map(|month| month.to_string()),
        verdicts,
    })
}

/// The API, if there is one and it is up: the books are judged without it, too.
async fn gateway(settings: &Settings) -> Option<Gateway> {
    let gateway = Gateway::new(settings, None, None, "finance").ok()?;
    gateway.answers().await.then_some(gateway)
}
