//! Accounts by name, with what stands on them.

use ledger::{AccountKind, Side};
use time::OffsetDateTime;

use super::{Page, Store};
use crate::domain::asked::AccountsAsked;

/// One account, counted from the side on which it grows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountBalance {
    pub name: String,
    pub kind: String,
    pub asset: String,
    pub side: Side,
    pub minor: i64,
}

/// As a statement answers it: debits are positive, whatever the account.
struct Row {
    name: String,
    kind: String,
    asset: String,
    debit_minor: i64,
}

impl Store {
    /// A page of accounts in C order of their names.
    pub async fn list_accounts(
        &self,
        asked: &AccountsAsked,
    ) -> Result<Page<AccountBalance>, sqlx::Error> {
        let rows = match asked.as_of {
            None => self.accounts_now(asked).await?,
            Some(as_of) => self.accounts_as_of(asked, as_of).await?,
        };
        let page = Page::cut(rows, asked.limit);
        Ok(Page {
            rows: page.rows.into_iter().map(from_own_side).collect(),
            has_more: page.has_more,
        })
    }

    /// The names between the prefix and the last that begins so are a range of the index, and no
    /// sign in a prefix means anything but itself.
    async fn accounts_now(&self, asked: &AccountsAsked) -> Result<Vec<Row>, sqlx::Error> {
        sqlx::query_as!(
            Row,
            r#"select a.name, a.kind, a.asset, total.debit_minor as "debit_minor!"
               from earnings.account a
               left join earnings.balance b on b.account_id = a.account_id
               left join lateral (
                   select coalesce(sum(e.amount_minor), 0)::bigint as minor
                   from earnings.entry e
                   where a.is_platform and e.account_id = a.account_id
               ) as summed on true
               cross join lateral (
                   select case
                       when a.is_platform then summed.minor
                       when a.kind = any($5) then b.amount_minor
                       else -b.amount_minor
                   end as debit_minor
               ) as total
               where a.name > $2 and a.name >= $1 and a.name < $1 || chr(1114111)
                 and (total.debit_minor <> 0 or not $3)
               order by a.name limit $4::bigint + 1"#,
            asked.prefix,
            asked.after,
            asked.without_zero,
            asked.limit,
            &debit_kinds()
        )
        .fetch_all(&self.pool)
        .await
    }

    /// Business time: what happened up to then, whenever it was posted.
    async fn accounts_as_of(
        &self,
        asked: &AccountsAsked,
        as_of: OffsetDateTime,
    ) -> Result<Vec<Row>, sqlx::Error> {
        sqlx::query_as!(
            Row,
            r#"select a.name, a.kind, a.asset, total.debit_minor as "debit_minor!"
               from earnings.account a
               cross join lateral (
                   select coalesce(sum(e.amount_minor), 0)::bigint as debit_minor
                   from earnings.entry e
                   join earnings.posting p on p.posting_id = e.posting_id
                   where e.account_id = a.account_id and p.occurred_at <= $5
               ) as total
               where a.name > $2 and a.name >= $1 and a.name < $1 || chr(1114111)
                 and (total.debit_minor <> 0 or not $3)
               order by a.name limit $4::bigint + 1"#,
            asked.prefix,
            asked.after,
            asked.without_zero,
            asked.limit,
            as_of
        )
        .fetch_all(&self.pool)
        .await
    }
}

fn debit_kinds() -> Vec<String> {
    let kinds = AccountKind::ALL.iter();
    let on_debit = kinds.filter(|kind| kind.normal() == Side::Debit);
    on_debit.map(|kind| kind.as_str().to_owned()).collect()
}

fn from_own_side(row: Row) -> AccountBalance {
    let side = AccountKind::find(&row.kind).map_or(Side::Debit, AccountKind::normal);
    AccountBalance {
        name: row.name,
        kind: row.kind,
        asset: row.asset,
        side,
        minor: match side {
            Side::Debit => row.debit_minor,
            Side::Credit => row.debit_minor.saturating_neg(),
        },
    }
}
