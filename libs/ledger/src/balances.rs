//! Folding: what all postings add up to.

use std::collections::BTreeMap;

use money::{Balance, MoneyError};

use crate::{Account, Entry, LedgerError, Posting};

/// Balances by account, each counted from the account's own side: positive is where it grows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Balances {
    // Sums are kept in 128 bits so that a figure too large on the way, but not at the end,
    // makes no difference: the result depends on the set of postings and not on their order.
    sums: BTreeMap<Account, i128>,
}

impl Balances {
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one posting's entries. Adding it twice counts it twice: keys are the caller's.
    pub fn post(&mut self, posting: &Posting) -> Result<(), LedgerError> {
        posting
            .entries()
            .iter()
            .try_for_each(|entry| self.add(entry))
    }

    /// Sets a balance read from elsewhere, in place of what was there. Errors: `AssetWrong`.
    pub fn set(&mut self, account: Account, balance: Balance) -> Result<(), LedgerError> {
        let (wanted, found) = (account.asset(), balance.asset());
        if wanted != found {
            return Err(LedgerError::AssetWrong {
                account: account.name(),
                wanted,
                found,
            });
        }
        self.put(account, i128::from(balance.minor()));
        Ok(())
    }

    /// An account's balance; zero where nothing was posted. Errors: `Overflow`.
    pub fn balance(&self, account: &Account) -> Result<Balance, LedgerError> {
        balance(account, self.sums.get(account).copied().unwrap_or_default())
    }

    /// Accounts with a balance other than zero, in the order of accounts. Errors: `Overflow`.
    pub fn iter(&self) -> impl Iterator<Item = Result<(&Account, Balance), LedgerError>> {
        let open = self.sums.iter();
        open.map(|(account, minor)| Ok((account, balance(account, *minor)?)))
    }

    /// A balance of zero is not kept, so that books which say the same are equal.
    fn put(&mut self, account: Account, minor: i128) {
        if minor == 0 {
            self.sums.remove(&account);
        } else {
            self.sums.insert(account, minor);
        }
    }

    fn add(&mut self, entry: &Entry) -> Result<(), LedgerError> {
        let minor = i128::from(entry.normal_minor());
        // Looked up before it is inserted: the account is cloned once, not once per entry.
        let Some(sum) = self.sums.get_mut(&entry.account) else {
            self.put(entry.account.clone(), minor);
            return Ok(());
        };
        *sum = sum.checked_add(minor).ok_or(MoneyError::Overflow)?;
        if *sum == 0 {
            self.sums.remove(&entry.account);
        }
        Ok(())
    }
}

fn balance(account: &Account, minor: i128) -> Result<Balance, LedgerError> {
    let minor = i64::try_from(minor).map_err(|_| MoneyError::Overflow)?;
    Ok(Balance::new(minor, account.asset()))
}

/// Adds up postings; the order in which they come makes no difference.
pub fn fold<'a>(postings: impl IntoIterator<Item = &'a Posting>) -> Result<Balances, LedgerError> {
    let mut balances = Balances::new();
    postings
        .into_iter()
        .try_for_each(|posting| balances.post(posting))?;
    Ok(balances)
}
