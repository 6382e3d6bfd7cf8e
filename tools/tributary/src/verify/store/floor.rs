//! The platform's floor, and the books as of its cut.

use anyhow::Result;
use ledger::{Account, Side};

use super::Snapshot;

/// What the payout service told Stripe to leave behind, and what the books asked for.
pub struct FloorRow {
    pub required_minor: i64,
    pub minimum_minor: i64,
    /// The books' snapshot that `required_minor` was read from.
    pub cut: String,
    pub is_manual: bool,
}

impl Snapshot {
    /// The newest; `None` before the first.
    pub async fn floor(&mut self) -> Result<Option<FloorRow>> {
        let row = sqlx::query_as!(
            FloorRow,
            "select required_minor, minimum_minor, cut, is_manual
             from payout.platform_floor order by platform_floor_id desc limit 1"
        );
        Ok(row.fetch_optional(&mut self.connection).await?)
    }

    /// Every account with what it held, from its own side, as of a snapshot of the books.
    pub async fn accounts_at(&mut self, cut: &str) -> Result<Vec<(Account, i64)>> {
        let rows = sqlx::query!(
            r#"select a.name, sum(e.amount_minor)::bigint as "debit_minor!"
               from earnings.posting p
               join earnings.entry e on e.posting_id = p.posting_id
               join earnings.account a on a.account_id = e.account_id
               where pg_visible_in_snapshot(p.xid, $1::text::pg_snapshot)
               group by a.name"#,
            cut
        );
        let rows = rows.fetch_all(&mut self.connection).await?;
        rows.into_iter()
            .map(|row| {
                let account = Account::parse(&row.name)?;
                let minor = match account.normal() {
                    Side::Debit => row.debit_minor,
                    Side::Credit => -row.debit_minor,
                };
                Ok((account, minor))
            })
            .collect()
    }
}
