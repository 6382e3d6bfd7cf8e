//! Postings with their entries, as people look them up.

use std::collections::BTreeMap;

use ledger::Month;
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::{Page, Store, month_of};
use crate::domain::asked::{PostingsAsked, PostingsOf};

/// One leg; debits are positive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalEntry {
    pub account: String,
    pub debit_minor: i64,
    pub asset: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalPosting {
    pub posting_id: i64,
    pub key: String,
    pub kind: String,
    pub txn: Option<String>,
    pub program: Option<String>,
    pub month: Option<Month>,
    pub occurred_at: OffsetDateTime,
    pub entries: Vec<JournalEntry>,
}

impl Store {
    /// A page of postings, newest first.
    pub async fn list_postings(
        &self,
        asked: &PostingsAsked,
    ) -> Result<Page<JournalPosting>, sqlx::Error> {
        let mut tx = self.begin_snapshot().await?;
        let ids = Page::cut(posting_ids_in_tx(&mut tx, asked).await?, asked.limit);
        let postings = postings_in_tx(&mut tx, &ids.rows).await?;
        tx.commit().await?;
        Ok(Page {
            rows: postings,
            has_more: ids.has_more,
        })
    }
}

async fn posting_ids_in_tx(
    tx: &mut PgConnection,
    asked: &PostingsAsked,
) -> Result<Vec<i64>, sqlx::Error> {
    let (before, limit) = (asked.before, asked.limit);
    match &asked.of {
        PostingsOf::All => {
            let ids = sqlx::query_scalar!(
                "select posting_id from earnings.posting where posting_id < $1
                 order by posting_id desc limit $2::bigint + 1",
                before,
                limit
            );
            ids.fetch_all(tx).await
        }
        // No account stands in a posting twice.
        PostingsOf::Account(name) => {
            let ids = sqlx::query_scalar!(
                "select e.posting_id from earnings.entry e
                 where e.account_id = (select a.account_id from earnings.account a
                                       where a.name = $1)
                   and e.posting_id < $2
                 order by e.posting_id desc limit $3::bigint + 1",
                name,
                before,
                limit
            );
            ids.fetch_all(tx).await
        }
        // A posting is found by what is stored of its key: a hash of it.
        PostingsOf::FactId(key) => {
            let ids = sqlx::query_scalar!(
                "select posting_id from earnings.posting
                 where posting_key = substring(sha256(convert_to($1, 'UTF8')) for 16)
                   and posting_id < $2",
                key,
                before
            );
            ids.fetch_all(tx).await
        }
        PostingsOf::Txn(txn) => {
            let ids = sqlx::query_scalar!(
                "select posting_id from earnings.posting where txn = $1 and posting_id < $2",
                txn,
                before
            );
            ids.fetch_all(tx).await
        }
    }
}

async fn postings_in_tx(
    tx: &mut PgConnection,
    ids: &[i64],
) -> Result<Vec<JournalPosting>, sqlx::Error> {
    let rows = sqlx::query!(
        "select posting_id, key_text, kind, txn, program, month, occurred_at
         from earnings.posting where posting_id = any($1) order by posting_id desc",
        ids
    )
    .fetch_all(&mut *tx)
    .await?;
    let mut entries = entries_in_tx(tx, ids).await?;
    let postings = rows.into_iter().map(|row| {
        Ok(JournalPosting {
            posting_id: row.posting_id,
            key: row.key_text,
            kind: row.kind,
            txn: row.txn,
            program: row.program,
            month: row.month.map(month_of).transpose()?,
            occurred_at: row.occurred_at,
            entries: entries.remove(&row.posting_id).unwrap_or_default(),
        })
    });
    postings.collect()
}

async fn entries_in_tx(
    tx: &mut PgConnection,
    ids: &[i64],
) -> Result<BTreeMap<i64, Vec<JournalEntry>>, sqlx::Error> {
    let rows = sqlx::query!(
        "select e.posting_id, a.name, e.amount_minor, e.asset
         from earnings.entry e join earnings.account a on a.account_id = e.account_id
         where e.posting_id = any($1) order by e.posting_id, e.line",
        ids
    )
    .fetch_all(tx)
    .await?;
    let mut entries: BTreeMap<i64, Vec<JournalEntry>> = BTreeMap::new();
    for row in rows {
        entries
            .entry(row.posting_id)
            .or_default()
            .push(JournalEntry {
                account: row.name,
                debit_minor: row.amount_minor,
                asset: row.asset,
            });
    }
    Ok(entries)
}
