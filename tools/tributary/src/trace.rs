//! `tributary trace`: walks a cent from the charge that brought it in to the bank that took it, or
//! back, by the postings.

mod near;
mod page;
mod store;
mod walk;

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use ledger::Month;

use crate::command::DEFAULT_DIR;
use crate::exit::{self, Ended};
use crate::say;
use crate::settings::Settings;
use store::Books;

pub const EXAMPLES: &str = "\
\x20 tributary trace ch_1                     a charge: pool, allocations, closes, payouts, banks
  tributary trace in_1                     an invoice: its charge
  tributary trace po_1                     a payout, ours or the bank's: where its money came from
  tributary trace tr_1                     a transfer: its payout
  tributary trace txn_1                    a balance transaction: the posting that it proves
  tributary trace creator_001/2027-01      all that a creator made in a month, and where it went
  tributary trace funding:ch_1             a posting, by its key
  tributary trace ch_1 --json | jq '.stages[] | {stage, count: (.facts | length)}'

Reads the books as the role auditor (AUDITOR_DATABASE_URL). A name that is not known is answered
with those that look like it.
";

/// What may be asked after.
const FORMS: &str = "a charge (ch_… or py_…), an invoice (in_…), a payout (po_…), a transfer \
                     (tr_…), a balance transaction (txn_…), a creator's month (ada/2027-01) or a \
                     posting's key (alloc:…)";

#[derive(Debug, Args)]
#[command(after_help = exit::help(EXAMPLES))]
pub struct Options {
    /// A charge, invoice, payout, transfer, balance transaction, creator/month, or posting key
    what: String,
    /// Print all facts as JSON
    #[arg(long)]
    json: bool,
    /// The instance's folder
    #[arg(long, default_value = DEFAULT_DIR)]
    dir: PathBuf,
}

/// A name by its form alone.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Name {
    Charge(String),
    Invoice(String),
    Transfer(String),
    Transaction(String),
    /// Ours, or a bank's: both begin with `po_`.
    Payout(String),
    CreatorMonth(String, Month),
    Posting(String),
}

impl Name {
    fn of(what: &str) -> Option<Self> {
        let own = || what.to_owned();
        if what.contains(':') {
            return Some(Self::Posting(own()));
        }
        if let Some((creator, month)) = what.split_once('/') {
            return Some(Self::CreatorMonth(creator.to_owned(), month.parse().ok()?));
        }
        let (form, _) = what.split_once('_')?;
        match form {
            "ch" | "py" => Some(Self::Charge(own())),
            "in" => Some(Self::Invoice(own())),
            "tr" => Some(Self::Transfer(own())),
            "txn" => Some(Self::Transaction(own())),
            "po" => Some(Self::Payout(own())),
            _ => None,
        }
    }
}

pub async fn run(options: Options) -> Result<()> {
    let settings = Settings::of(&options.dir)?;
    let mut books = Books::open(&settings.get("AUDITOR_DATABASE_URL")?).await?;
    let found = match Name::of(&options.what) {
        Some(name) => walk::from(&mut books, &name).await?,
        None => None,
    };
    match found {
        Some(trace) if options.json => say::json(&trace),
        Some(trace) => say::text(&page::render(&options.what, &trace)),
        None => Err(unknown(&mut books, &options.what).await?.into()),
    }
}

async fn unknown(books: &mut Books, what: &str) -> Result<Ended> {
    let near = near::of(what, &books.names().await?);
    let near = match near.join(", ") {
        none if none.is_empty() => String::new(),
        some => format!(" Near it: {some}."),
    };
    Ok(Ended {
        code: exit::UNKNOWN,
        why: format!("nothing is known as {what:?}.{near} What can be traced: {FORMS}."),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_told_by_its_form() {
        let text = str::to_owned;
        let month: Month = "2027-01".parse().expect("a month");
        let cases = [
            ("ch_1", Some(Name::Charge(text("ch_1")))),
            ("py_1", Some(Name::Charge(text("py_1")))),
            ("in_1", Some(Name::Invoice(text("in_1")))),
            ("tr_1", Some(Name::Transfer(text("tr_1")))),
            ("txn_1", Some(Name::Transaction(text("txn_1")))),
            ("po_1", Some(Name::Payout(text("po_1")))),
            ("a_b/2027-01", Some(Name::CreatorMonth(text("a_b"), month))),
            ("hold:po_1:1", Some(Name::Posting(text("hold:po_1:1")))),
            ("ada/January", None),
            ("ada", None),
            ("evt_1", None),
        ];
        for (what, name) in cases {
            assert_eq!(Name::of(what), name, "{what}");
        }
    }
}
