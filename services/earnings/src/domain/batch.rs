//! What becomes of each fact of a batch, decided in memory under the accounts' locks.
//!
//! Every fact is decided by itself: one that is refused takes none of its neighbours down.

use std::collections::{HashMap, HashSet};

use ledger::{Class, Fact, FactBody, Month};
use time::OffsetDateTime;

/// A fact, and when it happened in business time.
#[derive(Debug, Clone)]
pub struct Occurred {
    pub fact: Fact,
    pub at: OffsetDateTime,
}

/// What became of one fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Posted,
    /// The same fact was posted before.
    AlreadyThere,
    Refused(Refusal),
}

/// Why a fact is not posted, in order of precedence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("{key} was posted with other contents")]
    KeyTaken { key: String },
    #[error("{month} is closed: no fact is stamped with it any more")]
    MonthClosed { month: Month },
    #[error("balance transaction {txn} is on another posting")]
    TxnTaken { txn: String },
    #[error("{account} has {balance_minor} and would fall below zero")]
    BelowZero { account: String, balance_minor: i64 },
    #[error("the balance of {account} would leave the range of its column")]
    Overflow { account: String },
}

/// The month whose figures a fact changes: its stamp, or for a late earning the month that it is
/// paid with, although no seal counts it.
pub fn entered(fact: &Fact) -> Option<Month> {
    if let FactBody::LateEarning(late) = fact.body() {
        return Some(late.month);
    }
    fact.month()
}

/// A fact with what the store knows it by.
pub struct Line<'a> {
    pub occurred: &'a Occurred,
    pub key: [u8; 16],
    /// The fact's digest as a column holds it.
    pub digest: i64,
    /// Of the posting's entries, in their order.
    pub account_ids: Vec<i64>,
}

impl<'a> Line<'a> {
    pub fn new(occurred: &'a Occurred, account_ids: Vec<i64>) -> Self {
        let fact = &occurred.fact;
        let digest = fact.digest64().cast_signed();
        Self {
            occurred,
            key: fact.key().hash16(),
            digest,
            account_ids,
        }
    }
}

/// What the books say before the batch, and then with every fact that was accepted.
#[derive(Debug, Default)]
pub struct Known {
    /// Digests of postings by key.
    pub digests: HashMap<[u8; 16], i64>,
    /// Balance transactions that are on a posting.
    pub txns: HashSet<String>,
    /// Months that are closed, or being closed.
    pub closed: HashSet<Month>,
    /// Of accounts that keep a balance, which platform accounts do not.
    pub balances: HashMap<i64, i64>,
    /// Accounts whose balance has changed.
    pub touched: HashSet<i64>,
}

/// Decides a batch in the order given; what is accepted counts for those that follow.
pub fn decide(lines: &[Line], known: &mut Known) -> Vec<Outcome> {
    lines.iter().map(|line| known.decide(line)).collect()
}

impl Known {
    fn decide(&mut self, line: &Line) -> Outcome {
        let posting = line.occurred.fact.posting();
        // Replay before rules: what was posted stays posted, whatever a balance says today.
        match self.digests.get(&line.key) {
            Some(digest) if *digest == line.digest => return Outcome::AlreadyThere,
            Some(_) => {
                let key = posting.key().to_string();
                return Outcome::Refused(Refusal::KeyTaken { key });
            }
            None => {}
        }
        let entered = entered(&line.occurred.fact);
        if let Some(month) = entered.filter(|month| self.closed.contains(month)) {
            return Outcome::Refused(Refusal::MonthClosed { month });
        }
        let txn = posting.txn().map(ToString::to_string);
        if let Some(txn) = txn.as_ref().filter(|txn| self.txns.contains(*txn)) {
            return Outcome::Refused(Refusal::TxnTaken { txn: txn.clone() });
        }
        let after = match self.after(line) {
            Ok(after) => after,
            Err(refusal) => return Outcome::Refused(refusal),
        };
        self.digests.insert(line.key, line.digest);
        self.txns.extend(txn);
        for (account_id, balance) in after {
            self.touched.insert(account_id);
            self.balances.insert(account_id, balance);
        }
        Outcome::Posted
    }

    /// The balances that a posting leaves. No account stands in a posting twice.
    fn after(&self, line: &Line) -> Result<Vec<(i64, i64)>, Refusal> {
        let entries = line.occurred.fact.posting().entries().iter();
        let mut after = Vec::with_capacity(line.account_ids.len());
        for (entry, account_id) in entries.zip(&line.account_ids) {
            let Some(&balance) = self.balances.get(account_id) else {
                continue;
            };
            let account = &entry.account;
            let sum =
                balance
                    .checked_add(entry.normal_minor())
                    .ok_or_else(|| Refusal::Overflow {
                        account: account.name(),
                    })?;
            if sum < 0 && sum < balance && account.class() == Class::Floor {
                let account = account.name();
                return Err(Refusal::BelowZero {
                    account,
                    balance_minor: balance,
                });
            }
            after.push((*account_id, sum));
        }
        Ok(after)
    }
}
