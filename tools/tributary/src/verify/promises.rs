//! Invariant 10: nothing that was acknowledged is lost. And, when strict, that all is at rest.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use ledger::Month;

use super::report::Verdict;
use super::store::{Promise, Snapshot};
use super::wire::Seen;

/// What the services can show, to look promises up in.
struct Shown {
    creators: BTreeMap<String, i64>,
    accounts: BTreeSet<String>,
    sessions: BTreeSet<String>,
    subscriptions: BTreeSet<String>,
    payouts: BTreeSet<String>,
    /// Closed months, as 2027-01.
    closed: BTreeSet<String>,
}

/// 10: each acknowledged write has its effect, and each event that Stripe counts as delivered
/// has its row.
pub async fn kept(books: &mut Snapshot, seen: &Seen) -> Result<Verdict> {
    let promises = books.promises().await?;
    let shown = Shown::read(books).await?;
    let mut verdict =
        Verdict::new("10", "nothing that was acknowledged is lost").looked_at(format!(
            "{} writes, {} delivered events",
            promises.len(),
            seen.delivered.len()
        ));
    let (posted, others): (Vec<&Promise>, Vec<&Promise>) = promises
        .iter()
        .partition(|promise| promise.effect.starts_with("alloc:"));
    let keys: Vec<String> = posted
        .iter()
        .map(|promise| promise.effect.clone())
        .collect();
    for key in books.unposted(&keys).await? {
        verdict.broken(format!("{key} was acknowledged and is not in the books"));
    }
    for promise in others.iter().filter(|promise| !shown.has(&promise.effect)) {
        verdict.broken(format!(
            "{} ({}) was acknowledged and cannot be shown",
            promise.effect, promise.request_id
        ));
    }
    for event in books.unstored_events(&seen.delivered).await? {
        verdict.broken(format!("{event} was delivered and is not stored"));
    }
    Ok(verdict)
}

impl Shown {
    async fn read(books: &mut Snapshot) -> Result<Self> {
        let accounts = books.connected_accounts().await?.into_iter();
        let payouts = books.payouts().await?.into_iter();
        let months = books.months().await?.into_iter();
        let closed = months.filter(|month| month.state == "closed");
        Ok(Self {
            creators: books.creators().await?.into_iter().collect(),
            accounts: accounts.map(|(_, account)| account).collect(),
            sessions: books.checkout_sessions().await?.into_iter().collect(),
            subscriptions: books.subscriptions().await?.into_iter().collect(),
            payouts: payouts.map(|payout| payout.payout_id).collect(),
            closed: closed
                .map(|row| Ok(Month::from_i32(row.month)?.to_string()))
                .collect::<Result<_>>()?,
        })
    }

    fn has(&self, effect: &str) -> bool {
        match effect.split_once(':') {
            Some(("creator", rest)) => rest.rsplit_once(':').is_some_and(|(id, version)| {
                let version = version.parse::<i64>().unwrap_or(i64::MAX);
                self.creators
                    .get(id)
                    .is_some_and(|newest| *newest >= version)
            }),
            Some(("account", id)) => self.accounts.contains(id),
            Some(("checkout", id)) => self.sessions.contains(id),
            Some(("subscription", id)) => self.subscriptions.contains(id),
            Some(("payout", id)) => self.payouts.contains(id),
            Some(("close", month)) => self.closed.contains(month),
            _ => false,
        }
    }
}

/// Strict: no open alert, no dead letter, no fact that waits.
pub async fn at_rest(books: &mut Snapshot) -> Result<Verdict> {
    let mut verdict = Verdict::new("rest", "nothing is open, set aside or waiting");
    for one in books.unrest().await? {
        verdict.broken(one);
    }
    Ok(verdict)
}
