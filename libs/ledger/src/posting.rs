//! Postings: what may be written to the books, and what cannot be expressed.
//!
//! A [`Posting`] is a list of entries whose debits equal its credits in each asset.
//! [`Posting::balanced`] is the only way to make one, so no other module checks balance again.
//! The database does, for the day this file is wrong.

use std::collections::BTreeMap;
use std::fmt;

use money::{Amount, Asset, MoneyError};
use sha2::{Digest, Sha256};

use crate::account_kind::Side;
use crate::{Account, LedgerError, StripeId};

/// The business key of a posting: one fact, one key, for ever.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PostingKey(String);

impl PostingKey {
    pub(crate) fn new(text: String) -> Self {
        Self(text)
    }

    /// `charge:ch_…`, `alloc:ann:allocation:2027-01:3:bob`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first 16 bytes of the SHA-256 of the text: what is stored and made unique.
    pub fn hash16(&self) -> [u8; 16] {
        let digest: [u8; 32] = Sha256::digest(self.0.as_bytes()).into();
        let mut hash = [0; 16];
        for (to, from) in hash.iter_mut().zip(digest) {
            *to = from;
        }
        hash
    }
}

impl fmt::Display for PostingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for PostingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostingKey({})", self.0)
    }
}

/// One leg of a posting: so much on this side of that account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub account: Account,
    pub side: Side,
    pub amount: Amount,
}

impl Entry {
    pub const fn debit(account: Account, amount: Amount) -> Self {
        Self {
            account,
            side: Side::Debit,
            amount,
        }
    }

    pub const fn credit(account: Account, amount: Amount) -> Self {
        Self {
            account,
            side: Side::Credit,
            amount,
        }
    }

    /// Minor units, counted from the account's own side: positive where the account grows.
    pub fn normal_minor(&self) -> i64 {
        let minor = self.amount.minor();
        if self.side == self.account.normal() {
            minor
        } else {
            minor.saturating_neg()
        }
    }

    /// Minor units with debits positive, as sums over all accounts need them.
    fn debit_minor(&self) -> i128 {
        let minor = i128::from(self.amount.minor());
        match self.side {
            Side::Debit => minor,
            Side::Credit => minor.saturating_neg(),
        }
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} {}",
            self.side.short(),
            self.account.name(),
            self.amount
        )
    }
}

/// Entries that balance, under the key of the fact that made them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posting {
    key: PostingKey,
    entries: Vec<Entry>,
    txn: Option<StripeId>,
}

impl Posting {
    /// Puts entries together, or says why they are no posting.
    ///
    /// Entries of one account become one, zeros are dropped, and what is left is ordered:
    /// debits first, then by account. Equal facts therefore give equal postings, and a writer
    /// touches no account twice. `txn` is the balance transaction that moved Stripe's side.
    /// Errors: `AssetWrong`, `EvidenceMissing`, `Unbalanced`, `EntriesTooFew`, `Overflow`.
    pub fn balanced(
        key: PostingKey,
        entries: Vec<Entry>,
        txn: Option<StripeId>,
    ) -> Result<Self, LedgerError> {
        for entry in &entries {
            check_entry(entry, txn.is_some())?;
        }
        check_balance(&key, &entries)?;
        let entries = one_per_account(entries)?;
        if entries.len() < 2 {
            return Err(LedgerError::EntriesTooFew {
                key: key.to_string(),
                count: entries.len(),
            });
        }
        Ok(Self { key, entries, txn })
    }

    pub const fn key(&self) -> &PostingKey {
        &self.key
    }

    /// At least two; no account twice; none of zero; debits first, then by account.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The balance transaction that this posting accounts for; it is on no other posting.
    pub const fn txn(&self) -> Option<&StripeId> {
        self.txn.as_ref()
    }
}

fn check_entry(entry: &Entry, has_evidence: bool) -> Result<(), LedgerError> {
    let (wanted, found) = (entry.account.asset(), entry.amount.asset());
    if wanted != found {
        return Err(LedgerError::AssetWrong {
            account: entry.account.name(),
            wanted,
            found,
        });
    }
    let moves = !entry.amount.is_zero() && entry.account.kind().needs_evidence();
    if moves && !has_evidence {
        return Err(LedgerError::EvidenceMissing {
            account: entry.account.name(),
        });
    }
    Ok(())
}

fn check_balance(key: &PostingKey, entries: &[Entry]) -> Result<(), LedgerError> {
    for asset in Asset::ALL {
        let of_asset = entries.iter().filter(|entry| entry.amount.asset() == asset);
        let difference_minor: i128 = of_asset.map(Entry::debit_minor).sum();
        if difference_minor != 0 {
            return Err(LedgerError::Unbalanced {
                key: key.to_string(),
                asset,
                difference_minor,
            });
        }
    }
    Ok(())
}

fn one_per_account(entries: Vec<Entry>) -> Result<Vec<Entry>, LedgerError> {
    let mut net: BTreeMap<Account, i128> = BTreeMap::new();
    for entry in entries {
        let minor = entry.debit_minor();
        let sum = net.entry(entry.account).or_default();
        *sum = sum.checked_add(minor).ok_or(MoneyError::Overflow)?;
    }
    net.retain(|_, minor| *minor != 0);
    let entries: Result<Vec<_>, _> = net
        .into_iter()
        .map(|(account, m)| entry(account, m))
        .collect();
    let mut entries = entries?;
    // The sort is stable, so accounts stay in order on each side.
    entries.sort_by_key(|entry| entry.side);
    Ok(entries)
}

fn entry(account: Account, debit_minor: i128) -> Result<Entry, MoneyError> {
    let side = if debit_minor > 0 {
        Side::Debit
    } else {
        Side::Credit
    };
    let size = debit_minor
        .checked_abs()
        .and_then(|size| i64::try_from(size).ok());
    let amount = Amount::try_new(size.ok_or(MoneyError::Overflow)?, account.asset())?;
    Ok(Entry {
        account,
        side,
        amount,
    })
}
