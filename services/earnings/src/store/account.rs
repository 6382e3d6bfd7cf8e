//! Accounts: made on demand, known by number.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ledger::{Account, Class};
use sqlx::PgConnection;

use super::Store;

/// Numbers of accounts that are in the database for good.
#[derive(Default)]
pub struct Cache {
    ids: Mutex<HashMap<Account, i64>>,
}

/// At about 200 bytes each, 50 MB. When it is full it begins anew: what is in use comes back
/// with the next batch, and no list of what was used when is kept.
const CACHED_MAX: usize = 250_000;

impl Cache {
    fn lock(&self) -> MutexGuard<'_, HashMap<Account, i64>> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, wanted: &BTreeSet<&Account>) -> HashMap<Account, i64> {
        let ids = self.lock();
        let known = wanted
            .iter()
            .filter_map(|account| ids.get_key_value(*account));
        known.map(|(account, id)| (account.clone(), *id)).collect()
    }

    fn keep(&self, found: impl Iterator<Item = (Account, i64)>) {
        let mut ids = self.lock();
        if ids.len() >= CACHED_MAX {
            ids.clear();
        }
        ids.extend(found);
    }
}

impl Store {
    /// The numbers of accounts, which are made where they are missing.
    pub async fn ensure_accounts_in_tx(
        &self,
        tx: &mut PgConnection,
        wanted: &BTreeSet<&Account>,
    ) -> Result<HashMap<Account, i64>, sqlx::Error> {
        let mut ids = self.accounts.find(wanted);
        // In the order of names, so that two who make the same accounts wait and never deadlock.
        let missing: BTreeMap<String, &Account> = wanted
            .iter()
            .filter(|account| !ids.contains_key(**account))
            .map(|account| (account.name(), *account))
            .collect();
        if missing.is_empty() {
            return Ok(ids);
        }
        self.find_accounts_in_tx(tx, &missing, &mut ids).await?;
        let missing: BTreeMap<String, &Account> = missing
            .into_iter()
            .filter(|(_, account)| !ids.contains_key(*account))
            .collect();
        if !missing.is_empty() {
            insert_accounts_in_tx(tx, &missing).await?;
            // Read again rather than returned: another replica may have made some of them.
            self.find_accounts_in_tx(tx, &missing, &mut ids).await?;
        }
        Ok(ids)
    }

    async fn find_accounts_in_tx(
        &self,
        tx: &mut PgConnection,
        wanted: &BTreeMap<String, &Account>,
        ids: &mut HashMap<Account, i64>,
    ) -> Result<(), sqlx::Error> {
        let names: Vec<String> = wanted.keys().cloned().collect();
        let rows = sqlx::query!(
            r#"select account_id, name,
                      xmin <> pg_current_xact_id()::xid as "is_committed!"
               from earnings.account where name = any($1)"#,
            &names
        )
        .fetch_all(tx)
        .await?;
        // What this transaction made is not kept in memory: it may yet be rolled back.
        let mut lasting = Vec::new();
        for row in rows {
            let Some(account) = wanted.get(&row.name) else {
                continue;
            };
            ids.insert((*account).clone(), row.account_id);
            if row.is_committed {
                lasting.push(((*account).clone(), row.account_id));
            }
        }
        self.accounts.keep(lasting.into_iter());
        Ok(())
    }
}

#[expect(
    clippy::as_conversions,
    reason = "sqlx's way to say that elements may be null"
)]
async fn insert_accounts_in_tx(
    tx: &mut PgConnection,
    missing: &BTreeMap<String, &Account>,
) -> Result<(), sqlx::Error> {
    let accounts = || missing.values();
    let texts = |read: fn(&Account) -> &str| {
        accounts()
            .map(|account| read(account).to_owned())
            .collect::<Vec<String>>()
    };
    let parts = |read: fn(&Account) -> Option<&str>| {
        accounts()
            .map(|account| read(account).map(str::to_owned))
            .collect::<Vec<_>>()
    };
    let months: Vec<Option<i32>> = accounts()
        .map(|account| account.month().map(ledger::Month::to_i32))
        .collect();
    let names: Vec<String> = missing.keys().cloned().collect();
    let platform: Vec<bool> = accounts().map(|account| account.is_platform()).collect();
    sqlx::query!(
        "with made as (
             insert into earnings.account
                 (kind, owner, program, month, reference, asset, name, class, is_platform)
             select * from unnest($1::text[], $2::text[], $3::text[], $4::integer[], $5::text[],
                                  $6::text[], $7::text[], $8::text[], $9::boolean[])
             on conflict on constraint account__name_once do nothing
             returning account_id, class, is_platform
         )
         insert into earnings.balance (account_id, amount_minor, is_floor)
         select account_id, 0, class = 'floor' from made where not is_platform",
        &texts(|account| account.kind().as_str()),
        &parts(Account::owner) as &[Option<String>],
        &parts(|account| account.program().map(ledger::Program::as_str)) as &[Option<String>],
        &months as &[Option<i32>],
        &parts(Account::reference) as &[Option<String>],
        &texts(|account| account.asset().code()),
        &names,
        &texts(|account| class(account.class())),
        &platform
    )
    .execute(tx)
    .await?;
    Ok(())
}

const fn class(class: Class) -> &'static str {
    match class {
        Class::Floor => "floor",
        Class::Settles => "settles",
        Class::Signed => "signed",
    }
}
