//! Every SQL statement of a trace, as `auditor`, in one read-only snapshot.

use std::collections::BTreeSet;

use anyhow::Result;
use ledger::Account;
use serde::Serialize;
use sqlx::{Connection, Executor, PgConnection};
use time::OffsetDateTime;

/// How many names of each kind are offered to look like an unknown one.
const NAMES_MAX: i64 = 20_000;

/// A fact in the books.
#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
pub struct Fact {
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    pub kind: String,
    pub key: String,
    /// The balance transaction that proves it.
    pub txn: Option<String>,
    pub program: Option<String>,
    /// As 202701.
    pub month: Option<i32>,
    pub posting_id: i64,
    pub legs: Vec<Leg>,
}

/// What a fact did to one account. Debits are positive, credits negative.
#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
pub struct Leg {
    pub account: String,
    pub debit_minor: i64,
    pub asset: String,
    #[serde(skip)]
    pub kind: String,
}

/// A charge as billing has it.
#[derive(Debug, Serialize)]
pub struct Charge {
    pub charge_id: String,
    pub txn_id: String,
    pub invoice_id: String,
    pub subscription_id: String,
    pub subscriber_id: String,
    pub gross_minor: i64,
    pub period_month: String,
    #[serde(with = "time::serde::rfc3339")]
    pub available_on: OffsetDateTime,
}

/// A payout as its service has it.
#[derive(Debug, Serialize)]
pub struct Payout {
    pub payout_id: String,
    pub creator_id: String,
    pub amount_minor: i64,
    pub state: String,
    pub reason: String,
    pub account_id: String,
    pub transfer_id: Option<String>,
    pub bank_payout_id: Option<String>,
    #[serde(with = "time::serde::rfc3339::option")]
    pub expected_arrival_at: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option")]
    pub paid_at: Option<OffsetDateTime>,
}

/// An order to Stripe.
#[derive(Debug, Serialize)]
pub struct Attempt {
    pub payout_id: String,
    pub step: String,
    pub attempt: i32,
    pub state: String,
    pub object_id: Option<String>,
    pub failure_code: String,
    #[serde(with = "time::serde::rfc3339")]
    pub first_sent_at: OffsetDateTime,
}

/// Which postings are wanted: all those that have one of `keys` or `txns`, or touch one of
/// `accounts`; and, unless it is empty, are of one of `kinds`.
#[derive(Debug, Default)]
pub struct Wanted {
    pub keys: Vec<String>,
    pub txns: Vec<String>,
    pub accounts: Vec<String>,
    pub kinds: Vec<String>,
}

pub struct Books {
    connection: PgConnection,
}

impl Books {
    pub async fn open(url: &str) -> Result<Self> {
        let mut connection = PgConnection::connect(url).await?;
        connection
            .execute("begin isolation level repeatable read read only")
            .await?;
        Ok(Self { connection })
    }

    /// In the order in which they happened.
    pub async fn facts(&mut self, wanted: &Wanted) -> Result<Vec<Fact>> {
        let rows = sqlx::query!(
            r#"with chosen as (
                 select posting_id from earnings.posting where key_text = any($1)
                 union
                 select posting_id from earnings.posting where txn = any($2)
                 union
                 select e.posting_id from earnings.entry e
                 join earnings.account a on a.account_id = e.account_id where a.name = any($3)
               )
               select p.posting_id, p.key_text, p.kind, p.txn, p.program, p.month, p.occurred_at,
                      a.name, a.kind as account_kind, e.amount_minor, e.asset
               from chosen
               join earnings.posting p on p.posting_id = chosen.posting_id
               join earnings.entry e on e.posting_id = p.posting_id
               join earnings.account a on a.account_id = e.account_id
               where p.kind = any($4) or $4 = '{}'::text[]
               order by p.occurred_at, p.posting_id, e.line"#,
            &wanted.keys,
            &wanted.txns,
            &wanted.accounts,
            &wanted.kinds
        )
        .fetch_all(&mut self.connection)
        .await?;
        let mut facts: Vec<Fact> = Vec::new();
        for row in rows {
            if facts.last().map(|fact| fact.posting_id) != Some(row.posting_id) {
                facts.push(Fact {
                    at: row.occurred_at,
                    kind: row.kind,
                    key: row.key_text,
                    txn: row.txn,
                    program: row.program,
                    month: row.month,
                    posting_id: row.posting_id,
                    legs: Vec::new(),
                });
            }
            if let Some(fact) = facts.last_mut() {
                fact.legs.push(Leg {
                    account: row.name,
                    debit_minor: row.amount_minor,
                    asset: row.asset,
                    kind: row.account_kind,
                });
            }
        }
        Ok(facts)
    }

    /// Names of a creator's accounts of one month, in every program.
    pub async fn accounts_of(&mut self, creator: &str, month: i32) -> Result<Vec<String>> {
        let names = sqlx::query_scalar!(
            "select name from earnings.account
             where owner = $1 and month = $2
               and kind in ('creator_pending', 'creator_payable')",
            creator,
            month
        );
        Ok(names.fetch_all(&mut self.connection).await?)
    }

    /// The payouts of these ids, transfers or bank payouts, also of attempts that failed.
    pub async fn payouts(&mut self, ids: &[String]) -> Result<Vec<Payout>> {
        let rows = sqlx::query_as!(
            Payout,
            "select payout_id, creator_id, amount_minor, state, reason, account_id, transfer_id,
                    bank_payout_id, expected_arrival_at, paid_at
             from payout.payout p
             where payout_id = any($1) or transfer_id = any($1) or bank_payout_id = any($1)
                or exists (select from payout.attempt a
                           where a.payout_id = p.payout_id and a.object_id = any($1))
             order by created_at, payout_id",
            ids
        );
        Ok(rows.fetch_all(&mut self.connection).await?)
    }

    pub async fn attempts(&mut self, payouts: &[String]) -> Result<Vec<Attempt>> {
        let rows = sqlx::query_as!(
            Attempt,
            "select payout_id, step, attempt, state, object_id, failure_code, first_sent_at
             from payout.attempt where payout_id = any($1) order by first_sent_at, payout_id, step",
            payouts
        );
        Ok(rows.fetch_all(&mut self.connection).await?)
    }

    /// Charges by their own id or their invoice's.
    pub async fn charges(&mut self, ids: &[String]) -> Result<Vec<Charge>> {
        let rows = sqlx::query_as!(
            Charge,
            "select charge_id, txn_id, invoice_id, subscription_id, subscriber_id, gross_minor,
                    period_month, available_on
             from billing.charge where charge_id = any($1) or invoice_id = any($1)
             order by settled_at, charge_id",
            ids
        );
        Ok(rows.fetch_all(&mut self.connection).await?)
    }

    /// Names that can be traced, of every kind, the newest of each.
    pub async fn names(&mut self) -> Result<Vec<String>> {
        let names = sqlx::query_scalar!(
            r#"(select key_text as "name?" from earnings.posting
                order by posting_id desc limit $1)
               union all
               (select txn from earnings.posting where txn is not null
                order by posting_id desc limit $1)
               union all
               (select unnest(array[charge_id, invoice_id]) from billing.charge
                order by settled_at desc limit $1)
               union all
               (select unnest(array[payout_id, transfer_id, bank_payout_id]) from payout.payout
                order by created_at desc limit $1)
               union all
               (select owner || '/' || substr(month::text, 1, 4) || '-' || substr(month::text, 5)
                from earnings.account where kind = 'creator_pending' limit $1)"#,
            NAMES_MAX
        );
        let names = names.fetch_all(&mut self.connection).await?;
        Ok(names.into_iter().flatten().collect())
    }
}

/// The references of accounts of these kinds, each once: a payout's id, a charge's.
pub fn references(facts: &[Fact], kinds: &[&str]) -> Vec<String> {
    let legs = facts.iter().flat_map(|fact| &fact.legs);
    let of_kind = legs.filter(|leg| kinds.contains(&leg.kind.as_str()));
    let found: BTreeSet<String> = of_kind
        .filter_map(|leg| Some(Account::parse(&leg.account).ok()?.reference()?.to_owned()))
        .collect();
    found.into_iter().collect()
}

/// The names of accounts of these kinds, each once.
pub fn accounts(facts: &[Fact], kinds: &[&str]) -> Vec<String> {
    let legs = facts.iter().flat_map(|fact| &fact.legs);
    let of_kind = legs.filter(|leg| kinds.contains(&leg.kind.as_str()));
    let found: BTreeSet<String> = of_kind.map(|leg| leg.account.clone()).collect();
    found.into_iter().collect()
}
