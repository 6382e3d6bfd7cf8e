//! Every SQL statement of the verification, in one repeatable-read snapshot.

mod floor;
mod month;
mod promise;

use std::str::FromStr;

use anyhow::{Context, Result};
use ledger::{Account, Side};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Executor, PgConnection};
use time::OffsetDateTime;

pub use self::floor::FloorRow;
pub use self::month::{CreatorRow, MonthRow};
pub use self::promise::Promise;

/// One consistent view of the whole database.
pub struct Snapshot {
    connection: PgConnection,
}

/// An account and what its entries add up to.
#[derive(Debug, Clone)]
pub struct AccountSum {
    pub account: Account,
    pub name: String,
    /// Counted from the account's own side.
    pub minor: i64,
    /// What the projection says; absent for platform accounts.
    pub kept_minor: Option<i64>,
    /// Business time of its newest posting.
    pub touched_at: Option<OffsetDateTime>,
}

/// A posting that carries a balance transaction as its evidence.
pub struct Evidence {
    pub txn: String,
    pub key: String,
    pub kind: String,
    /// What it moved on `stripe/payments`.
    pub payments_minor: i64,
}

/// A payout as its service says.
pub struct PayoutRow {
    pub payout_id: String,
    pub creator_id: String,
    pub amount_minor: i64,
    pub state: String,
}

impl Snapshot {
    pub async fn open(url: &str) -> Result<Self> {
        let options = PgConnectOptions::from_str(url)?.application_name("verify");
        let mut connection = options
            .connect()
            .await
            .context("the database does not answer")?;
        connection
            .execute("begin isolation level repeatable read read only")
            .await?;
        Ok(Self { connection })
    }

    pub async fn accounts(&mut self) -> Result<Vec<AccountSum>> {
        let rows = sqlx::query!(
            r#"select a.name, b.amount_minor as "kept_minor?",
                      coalesce(sum(e.amount_minor), 0)::bigint as "debit_minor!",
                      max(p.occurred_at) as touched_at
               from earnings.account a
               left join earnings.entry e on e.account_id = a.account_id
               left join earnings.posting p on p.posting_id = e.posting_id
               left join earnings.balance b on b.account_id = a.account_id
               group by a.name, b.amount_minor order by a.name"#
        )
        .fetch_all(&mut self.connection)
        .await?;
        rows.into_iter()
            .map(|row| {
                let account = Account::parse(&row.name)?;
                let minor = match account.normal() {
                    Side::Debit => row.debit_minor,
                    Side::Credit => row.debit_minor.checked_neg().context("a sum overflows")?,
                };
                let (kept_minor, touched_at) = (row.kept_minor, row.touched_at);
                Ok(AccountSum {
                    account,
                    name: row.name,
                    minor,
                    kept_minor,
                    touched_at,
                })
            })
            .collect()
    }

    /// Postings that do not balance per asset, are empty, or whose key is not their text's.
    pub async fn defects(&mut self) -> Result<Vec<String>> {
        let rows = sqlx::query_scalar!(
            r#"select what as "what!" from (
                 select 'posting ' || coalesce(p.key_text, e.posting_id::text) || ' is off by '
                        || sum(e.amount_minor)::text || ' ' || e.asset as what
                 from earnings.entry e left join earnings.posting p on p.posting_id = e.posting_id
                 group by e.posting_id, p.key_text, e.asset having sum(e.amount_minor) <> 0
                 union all
                 select 'posting ' || p.key_text || ' has no entries' from earnings.posting p
                 where not exists (select from earnings.entry e where e.posting_id = p.posting_id)
                 union all
                 select 'entries of posting ' || e.posting_id::text || ' have no posting'
                 from earnings.entry e
                 where not exists (select from earnings.posting p where p.posting_id = e.posting_id)
                 group by e.posting_id
                 union all
                 select 'posting ' || p.key_text || ' has the key of another text'
                 from earnings.posting p
                 where p.posting_key
                       <> substring(sha256(convert_to(p.key_text, 'UTF8')) from 1 for 16)
               ) found"#
        )
        .fetch_all(&mut self.connection)
        .await?;
        Ok(rows)
    }

    pub async fn posting_count(&mut self) -> Result<i64> {
        let count = sqlx::query_scalar!(r#"select count(*) as "count!" from earnings.posting"#);
        Ok(count.fetch_one(&mut self.connection).await?)
    }

    /// Floor accounts that were below zero after some posting, whenever.
    pub async fn below_floor(&mut self) -> Result<Vec<String>> {
        let names = sqlx::query_scalar!(
            r#"select distinct name as "name!" from (
                 select a.name, case when a.kind = 'creator_debt' then 1 else -1 end
                        * sum(e.amount_minor) over (partition by e.account_id order by e.posting_id)
                        as running
                 from earnings.entry e join earnings.account a on a.account_id = e.account_id
                 where a.class = 'floor'
               ) walk where running < 0 order by 1"#
        );
        Ok(names.fetch_all(&mut self.connection).await?)
    }

    pub async fn evidence(&mut self) -> Result<Vec<Evidence>> {
        let rows = sqlx::query_as!(
            Evidence,
            r#"select p.txn as "txn!", p.key_text as key, p.kind,
                      coalesce(sum(e.amount_minor) filter (where a.name = 'stripe/payments'), 0)
                          ::bigint as "payments_minor!"
               from earnings.posting p
               left join earnings.entry e on e.posting_id = p.posting_id
               left join earnings.account a on a.account_id = e.account_id
               where p.txn is not null group by p.txn, p.key_text, p.kind"#
        );
        Ok(rows.fetch_all(&mut self.connection).await?)
    }

    /// Postings that moved `stripe/payments` without naming their evidence.
    pub async fn without_evidence(&mut self) -> Result<Vec<String>> {
        let keys = sqlx::query_scalar!(
            "select p.key_text from earnings.posting p
             join earnings.entry e on e.posting_id = p.posting_id
             join earnings.account a on a.account_id = e.account_id
             where a.name in ('stripe/payments', 'stripe/storage') and p.txn is null"
        );
        Ok(keys.fetch_all(&mut self.connection).await?)
    }

    pub async fn payouts(&mut self) -> Result<Vec<PayoutRow>> {
        let rows = sqlx::query_as!(
            PayoutRow,
            "select payout_id, creator_id, amount_minor, state from payout.payout"
        );
        Ok(rows.fetch_all(&mut self.connection).await?)
    }

    /// Keys of all postings of one kind.
    pub async fn keys_of(&mut self, kind: &str) -> Result<Vec<String>> {
        let keys = sqlx::query_scalar!(
            "select key_text from earnings.posting where kind = $1",
            kind
        );
        Ok(keys.fetch_all(&mut self.connection).await?)
    }
}
