//! Postings, entries and balances: a handful of statements for a batch of any size.

use std::collections::{HashMap, HashSet};

use ledger::{Month, Program, Side};
use sqlx::PgConnection;

use super::{Store, month_of};
use crate::domain::batch::{Known, Line, entered};
use crate::domain::month::Step;

impl Store {
    /// Locks the balances of a batch in the order of accounts, which every writer keeps, and
    /// then reads what was posted: whoever posted to these accounts before has committed.
    pub async fn lock_known_in_tx(
        &self,
        tx: &mut PgConnection,
        lines: &[Line<'_>],
    ) -> Result<Known, sqlx::Error> {
        let balances = lock_balances_in_tx(&mut *tx, lines).await?;
        let keys: Vec<Vec<u8>> = lines.iter().map(|line| line.key.to_vec()).collect();
        let txns: Vec<String> = lines.iter().filter_map(txn).collect();
        let rows = sqlx::query!(
            r#"select posting_key as "key!", digest as "digest!", txn
               from earnings.posting where posting_key = any($1)
               union all
               select posting_key, digest, txn from earnings.posting where txn = any($2)"#,
            &keys,
            &txns
        )
        .fetch_all(&mut *tx)
        .await?;
        let closed = closed_months_in_tx(tx, lines).await?;
        let mut known = Known {
            balances,
            closed,
            ..Known::default()
        };
        for row in rows {
            if let Ok(key) = <[u8; 16]>::try_from(row.key) {
                known.digests.insert(key, row.digest);
            }
            known.txns.extend(row.txn);
        }
        Ok(known)
    }

    /// Writes what was decided: postings, all their entries, and the balances that changed.
    pub async fn save_postings_in_tx(
        &self,
        tx: &mut PgConnection,
        lines: &[&Line<'_>],
        known: &Known,
    ) -> Result<(), sqlx::Error> {
        let ids = insert_postings_in_tx(tx, lines).await?;
        insert_entries_in_tx(tx, lines, &ids).await?;
        update_balances_in_tx(tx, known).await
    }
}

/// Of the months whose figures facts of the batch change.
async fn closed_months_in_tx(
    tx: &mut PgConnection,
    lines: &[Line<'_>],
) -> Result<HashSet<Month>, sqlx::Error> {
    let stamps = lines.iter().filter_map(|line| entered(&line.occurred.fact));
    let stamped: HashSet<i32> = stamps.map(Month::to_i32).collect();
    if stamped.is_empty() {
        return Ok(HashSet::new());
    }
    let stamped: Vec<i32> = stamped.into_iter().collect();
    // The lock makes the comparison that begins a close wait for this transaction, or this
    // transaction for it.
    let rows = sqlx::query!(
        "select month, step from earnings.month where month = any($1) order by month for share",
        &stamped
    )
    .fetch_all(tx)
    .await?;
    // The step and not the state: a close that stopped half-way has its first lines behind it.
    let closed = rows.iter().filter(|row| row.step != Step::Compare.as_str());
    closed.map(|row| month_of(row.month)).collect()
}

fn txn(line: &Line<'_>) -> Option<String> {
    line.occurred.fact.posting().txn().map(ToString::to_string)
}

/// Platform accounts have no row to lock and do not come back.
async fn lock_balances_in_tx(
    tx: &mut PgConnection,
    lines: &[Line<'_>],
) -> Result<HashMap<i64, i64>, sqlx::Error> {
    let distinct: HashSet<i64> = lines
        .iter()
        .flat_map(|line| &line.account_ids)
        .copied()
        .collect();
    let ids: Vec<i64> = distinct.into_iter().collect();
    let rows = sqlx::query!(
        "select account_id, amount_minor from earnings.balance
         where account_id = any($1) order by account_id for no key update",
        &ids
    )
    .fetch_all(tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.account_id, row.amount_minor))
        .collect())
}

#[expect(
    clippy::as_conversions,
    reason = "sqlx's way to say that elements may be null"
)]
async fn insert_postings_in_tx(
    tx: &mut PgConnection,
    lines: &[&Line<'_>],
) -> Result<HashMap<Vec<u8>, i64>, sqlx::Error> {
    let facts = || lines.iter().map(|line| &line.occurred.fact);
    let keys: Vec<Vec<u8>> = lines.iter().map(|line| line.key.to_vec()).collect();
    let texts: Vec<String> = facts().map(|fact| fact.key().to_string()).collect();
    let kinds: Vec<String> = facts().map(|fact| fact.kind_str().to_owned()).collect();
    let txns: Vec<Option<String>> = lines.iter().map(|line| txn(line)).collect();
    let programs: Vec<Option<String>> = facts()
        .map(|fact| fact.program().map(Program::as_str).map(str::to_owned))
        .collect();
    let months: Vec<Option<i32>> = facts()
        .map(|fact| fact.month().map(Month::to_i32))
        .collect();
    let signed: Vec<i64> = facts().map(ledger::Fact::signed_minor).collect();
    let digests: Vec<i64> = lines.iter().map(|line| line.digest).collect();
    let times: Vec<time::OffsetDateTime> = lines.iter().map(|line| line.occurred.at).collect();
    let rows = sqlx::query!(
        "insert into earnings.posting
             (posting_key, key_text, kind, txn, program, month, signed_minor, digest, occurred_at)
         select * from unnest($1::bytea[], $2::text[], $3::text[], $4::text[], $5::text[],
                              $6::integer[], $7::bigint[], $8::bigint[], $9::timestamptz[])
         returning posting_key, posting_id",
        &keys,
        &texts,
        &kinds,
        &txns as &[Option<String>],
        &programs as &[Option<String>],
        &months as &[Option<i32>],
        &signed,
        &digests,
        &times
    )
    .fetch_all(tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.posting_key, row.posting_id))
        .collect())
}

async fn insert_entries_in_tx(
    tx: &mut PgConnection,
    lines: &[&Line<'_>],
    ids: &HashMap<Vec<u8>, i64>,
) -> Result<(), sqlx::Error> {
    let (mut postings, mut numbers, mut accounts) = (Vec::new(), Vec::new(), Vec::new());
    let (mut amounts, mut assets) = (Vec::new(), Vec::new());
    for line in lines {
        let posting_id = *ids
            .get(line.key.as_slice())
            .ok_or(sqlx::Error::RowNotFound)?;
        let entries = line.occurred.fact.posting().entries();
        for (number, (entry, account_id)) in (1i16..).zip(entries.iter().zip(&line.account_ids)) {
            let minor = entry.amount.minor();
            postings.push(posting_id);
            numbers.push(number);
            accounts.push(*account_id);
            amounts.push(if entry.side == Side::Debit {
                minor
            } else {
                -minor
            });
            assets.push(entry.amount.asset().code().to_owned());
        }
    }
    sqlx::query!(
        "insert into earnings.entry (posting_id, line, account_id, amount_minor, asset)
         select * from unnest($1::bigint[], $2::smallint[], $3::bigint[], $4::bigint[], $5::text[])",
        &postings,
        &numbers,
        &accounts,
        &amounts,
        &assets
    )
    .execute(tx)
    .await?;
    Ok(())
}

async fn update_balances_in_tx(tx: &mut PgConnection, known: &Known) -> Result<(), sqlx::Error> {
    let mut ids: Vec<i64> = known.touched.iter().copied().collect();
    ids.sort_unstable();
    let amounts: Vec<i64> = ids
        .iter()
        .map(|id| known.balances.get(id).copied().unwrap_or_default())
        .collect();
    sqlx::query!(
        "update earnings.balance b set amount_minor = after.amount_minor
         from unnest($1::bigint[], $2::bigint[]) as after (account_id, amount_minor)
         where b.account_id = after.account_id",
        &ids,
        &amounts
    )
    .execute(tx)
    .await?;
    Ok(())
}
