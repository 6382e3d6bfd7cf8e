//! Balance transactions, recorded once.

use std::collections::HashSet;

use sqlx::PgConnection;

use super::Store;
use crate::domain::Transaction;

impl Store {
    /// A known transaction with `overlap` newer ones that are known too; none while fewer are.
    pub async fn find_anchor(&self, overlap: i64) -> Result<Option<String>, sqlx::Error> {
        sqlx::query_scalar!(
            "select txn from balance_monitor.balance_transaction
             order by created desc, recorded_no desc
             offset $1 limit 1",
            overlap
        )
        .fetch_optional(&self.pool)
        .await
    }

    /// Records transactions in the order given; answers which of them were new.
    pub async fn save_transactions_in_tx(
        &self,
        tx: &mut PgConnection,
        transactions: &[Transaction],
    ) -> Result<HashSet<String>, sqlx::Error> {
        let texts = |read: fn(&Transaction) -> &str| -> Vec<String> {
            transactions
                .iter()
                .map(|one| read(one).to_owned())
                .collect()
        };
        let new = sqlx::query_scalar!(
            "insert into balance_monitor.balance_transaction
                 (txn, type, source, net_minor, fee_minor, currency, created, available_on, owner)
             select t.txn, t.type, nullif(t.source, ''), t.net_minor, t.fee_minor, t.currency, t.created,
                    t.available_on, t.owner
             from unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[],
                         $6::text[], $7::timestamptz[], $8::timestamptz[], $9::text[])
                 with ordinality
                 as t (txn, type, source, net_minor, fee_minor, currency, created, available_on,
                       owner, place)
             order by t.place
             on conflict on constraint balance_transaction__pk do nothing
             returning txn",
            &texts(|one| &one.txn),
            &texts(|one| &one.kind),
            &texts(|one| one.source.as_deref().unwrap_or_default()),
            &transactions
                .iter()
                .map(|one| one.net_minor)
                .collect::<Vec<_>>(),
            &transactions
                .iter()
                .map(|one| one.fee_minor)
                .collect::<Vec<_>>(),
            &texts(|one| &one.currency),
            &transactions
                .iter()
                .map(|one| one.created)
                .collect::<Vec<_>>(),
            &transactions
                .iter()
                .map(|one| one.available_on)
                .collect::<Vec<_>>(),
            &texts(|one| one.owner().as_str())
        )
        .fetch_all(tx)
        .await?;
        Ok(new.into_iter().collect())
    }
}
