//! Every SQL statement of the verification, in one repeatable-read snapshot.

use std::str::FromStr;

use anyhow::{Context, Result};
use ledger::{Account, Side};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Executor, PgConnection};
use time::OffsetDateTime;

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

/// A posting that does not balance, or is not whole.
pub struct Defect {
    pub what: String,
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

/// A month in the books.
pub struct MonthRow {
    pub month: i32,
    pub state: String,
    pub root: Option<String>,
    pub fee_bps: Option<i32>,
}

/// One line of a close, recomputed from facts: owner, program, gross or rest.
pub struct Line {
    pub owner: String,
    pub program: String,
    pub minor: i64,
}

/// Count, sum and digest of one kind of fact.
#[derive(Debug, PartialEq, Eq)]
pub struct Total {
    pub program: String,
    pub kind: String,
    pub count: i64,
    pub sum_minor: i64,
    /// Modulo 2^64, as decimal text.
    pub digest: String,
}

/// An acknowledged write and the key of its effect.
pub struct Promise {
    pub request_id: String,
    pub effect: String,
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
    pub async fn defects(&mut self) -> Result<Vec<Defect>> {
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
        Ok(rows.into_iter().map(|what| Defect { what }).collect())
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

    pub async fn months(&mut self) -> Result<Vec<MonthRow>> {
        let rows = sqlx::query_as!(
            MonthRow,
            "select month, state, root, fee_bps from earnings.month order by month"
        );
        Ok(rows.fetch_all(&mut self.connection).await?)
    }

    pub async fn manifest_text(&mut self, month: i32) -> Result<Option<String>> {
        let text =
            sqlx::query_scalar!("select text from earnings.manifest where month = $1", month);
        Ok(text.fetch_optional(&mut self.connection).await?)
    }

    /// What a month's facts, without its close, left on accounts of one kind.
    pub async fn before_close(&mut self, month: i32, kind: &str) -> Result<Vec<Line>> {
        let rows = sqlx::query_as!(
            Line,
            r#"select a.owner as "owner!", a.program as "program!",
                      (-sum(e.amount_minor))::bigint as "minor!"
               from earnings.account a
               join earnings.entry e on e.account_id = a.account_id
               join earnings.posting p on p.posting_id = e.posting_id
               where a.kind = $2 and a.month = $1
                 and p.kind not in ('creator_closed', 'subscriber_closed')
               group by a.owner, a.program having sum(e.amount_minor) <> 0"#,
            month,
            kind
        );
        Ok(rows.fetch_all(&mut self.connection).await?)
    }

    pub async fn posted_totals(&mut self, month: i32) -> Result<Vec<Total>> {
        let rows = sqlx::query_as!(
            Total,
            r#"select program as "program!", kind, count(*) as "count!",
                      sum(signed_minor)::bigint as "sum_minor!",
                      mod(mod(sum(digest::numeric), 18446744073709551616)
                          + 18446744073709551616, 18446744073709551616)::text as "digest!"
               from earnings.posting where month = $1 group by program, kind order by program, kind"#,
            month
        );
        Ok(rows.fetch_all(&mut self.connection).await?)
    }

    pub async fn sealed_totals(&mut self, month: i32) -> Result<Vec<Total>> {
        let rows = sqlx::query_as!(
            Total,
            r#"select program, kind, fact_count as count, sum_minor,
                      mod(digest::numeric + 18446744073709551616, 18446744073709551616)::text
                          as "digest!"
               from earnings.seal_total where month = $1 order by program, kind"#,
            month
        );
        Ok(rows.fetch_all(&mut self.connection).await?)
    }

    pub async fn promises(&mut self) -> Result<Vec<Promise>> {
        let rows = sqlx::query_as!(
            Promise,
            "select request_id, effect from gateway.acknowledged order by request_id"
        );
        Ok(rows.fetch_all(&mut self.connection).await?)
    }

    /// Of effects that are posting keys, those that the books do not have.
    pub async fn unposted(&mut self, keys: &[String]) -> Result<Vec<String>> {
        let missing = sqlx::query_scalar!(
            r#"select k as "k!" from unnest($1::text[]) k
               where not exists (select from earnings.posting p where p.key_text = k)"#,
            keys
        );
        Ok(missing.fetch_all(&mut self.connection).await?)
    }

    /// `creator:{id}:{version}` of every creator at its newest version.
    pub async fn creators(&mut self) -> Result<Vec<(String, i64)>> {
        let rows = sqlx::query!("select creator_id, version from payout.creator");
        let rows = rows.fetch_all(&mut self.connection).await?;
        Ok(rows
            .into_iter()
            .map(|row| (row.creator_id, row.version))
            .collect())
    }

    pub async fn connected_accounts(&mut self) -> Result<Vec<(String, String)>> {
        let rows = sqlx::query!(
            r#"select creator_id, account_id as "account_id!" from payout.account
               where account_id is not null"#
        );
        let rows = rows.fetch_all(&mut self.connection).await?;
        Ok(rows
            .into_iter()
            .map(|row| (row.creator_id, row.account_id))
            .collect())
    }

    pub async fn checkout_sessions(&mut self) -> Result<Vec<String>> {
        let rows = sqlx::query_scalar!(
            r#"select session_id as "session_id!" from billing.checkout where session_id is not null"#
        );
        Ok(rows.fetch_all(&mut self.connection).await?)
    }

    /// Of events that Stripe counts as delivered, those without a row.
    pub async fn unstored_events(&mut self, events: &[String]) -> Result<Vec<String>> {
        let missing = sqlx::query_scalar!(
            r#"select k as "k!" from unnest($1::text[]) k
               where not exists (select from webhook_ingest.stripe_event e where e.event_id = k)"#,
            events
        );
        Ok(missing.fetch_all(&mut self.connection).await?)
    }

    /// Everything that should be empty when nothing is under way, as sentences.
    pub async fn unrest(&mut self) -> Result<Vec<String>> {
        let alerts = sqlx::query_scalar!(
            r#"select kind || ': ' || title || ' (' || detail || ')' as "alert!"
               from balance_monitor.alert where status = 'open'"#
        );
        let mut found: Vec<String> = alerts.fetch_all(&mut self.connection).await?;
        found
            .iter_mut()
            .for_each(|alert| alert.insert_str(0, "alert open: "));
        let unclaimed = sqlx::query_scalar!(
            r#"select 'unclaimed ' || kind || ' ' || object_id || ': ' || reason as "what!"
               from billing.unclaimed where resolved_wall_at is null"#
        );
        found.extend(unclaimed.fetch_all(&mut self.connection).await?);
        found.extend(self.mail().await?);
        Ok(found)
    }

    /// Outbox rows that wait and dead letters that nobody resolved, of all services.
    async fn mail(&mut self) -> Result<Vec<String>> {
        let rows = sqlx::query_scalar!(
            r#"select 'outbox of ' || service || ' waits with ' || fact_id as "what!" from (
                 select 'allocation' service, fact_id, published_wall_at from allocation.outbox
                 union all select 'balance-monitor', fact_id, published_wall_at from balance_monitor.outbox
                 union all select 'billing', fact_id, published_wall_at from billing.outbox
                 union all select 'earnings', fact_id, published_wall_at from earnings.outbox
                 union all select 'fraud-limits', fact_id, published_wall_at from fraud_limits.outbox
                 union all select 'notifier', fact_id, published_wall_at from notifier.outbox
                 union all select 'payout', fact_id, published_wall_at from payout.outbox
                 union all select 'webhook-ingest', fact_id, published_wall_at from webhook_ingest.outbox
               ) o where published_wall_at is null
               union all
               select 'dead letter in ' || service || ': ' || fact_id || ': ' || reason from (
                 select 'allocation' service, fact_id, reason, resolved_wall_at from allocation.dead_letter
                 union all select 'balance-monitor', fact_id, reason, resolved_wall_at from balance_monitor.dead_letter
                 union all select 'billing', fact_id, reason, resolved_wall_at from billing.dead_letter
                 union all select 'earnings', fact_id, reason, resolved_wall_at from earnings.dead_letter
                 union all select 'fraud-limits', fact_id, reason, resolved_wall_at from fraud_limits.dead_letter
                 union all select 'notifier', fact_id, reason, resolved_wall_at from notifier.dead_letter
                 union all select 'payout', fact_id, reason, resolved_wall_at from payout.dead_letter
                 union all select 'webhook-ingest', fact_id, reason, resolved_wall_at from webhook_ingest.dead_letter
               ) d where resolved_wall_at is null"#
        );
        Ok(rows.fetch_all(&mut self.connection).await?)
    }
}
