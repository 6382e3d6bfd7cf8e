//! Revenue and expenses, by month.

use ledger::Month;

use super::{Store, month_of};

/// One source in one month; positive grows the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevenueLine {
    pub month: Month,
    /// The account's name.
    pub source: String,
    pub is_expense: bool,
    pub minor: i64,
}

/// Every account of either side, by name.
const SOURCES: [&str; 7] = [
    "revenue/fees",
    "revenue/unallocated",
    "revenue/copies",
    "revenue/streaming",
    "expense/stripe_fees",
    "expense/dispute_fees",
    "expense/losses",
];

impl Store {
    /// By month, then by source; sources at zero in a month are not listed. A close counts in the
    /// month that it closed, which its key names; anything else in the month it happened in.
    ///
    /// `offset 0` keeps the months out of the join: they are reckoned, and a plan that believes
    /// them to be few reads every posting to find them.
    pub async fn revenue(
        &self,
        from: Option<Month>,
        to: Option<Month>,
    ) -> Result<Vec<RevenueLine>, sqlx::Error> {
        let rows = sqlx::query!(
            r#"select line.month as "month!", line.name,
                      sum(line.amount_minor)::bigint as "debit_minor!"
               from (
                   select a.name, e.amount_minor,
                          case when p.kind in ('creator_closed', 'subscriber_closed')
                               then replace(split_part(p.key_text, ':', 2), '-', '')::integer
                               else to_char(p.occurred_at at time zone 'UTC', 'YYYYMM')::integer
                          end as month
                   from earnings.account a
                   join earnings.entry e on e.account_id = a.account_id
                   join earnings.posting p on p.posting_id = e.posting_id
                   where a.name = any($1)
                   offset 0
               ) as line
               where line.month between $2 and $3
               group by line.month, line.name
               having sum(line.amount_minor) <> 0
               order by line.month, line.name"#,
            &SOURCES.map(str::to_owned),
            from.map_or(0, Month::to_i32),
            to.map_or(i32::MAX, Month::to_i32)
        )
        .fetch_all(&self.pool)
        .await?;
        let lines = rows.into_iter().map(|row| {
            let is_expense = row.name.starts_with("expense/");
            Ok(RevenueLine {
                month: month_of(row.month)?,
                source: row.name,
                is_expense,
                minor: if is_expense {
                    row.debit_minor
                } else {
                    row.debit_minor.saturating_neg()
                },
            })
        });
        lines.collect()
    }
}

#[cfg(test)]
mod tests {
    use ledger::{Account, AccountKind, Side};

    use super::*;

    #[test]
    fn every_account_of_revenue_and_expense_is_a_source() {
        let kinds = AccountKind::ALL.iter().map(|kind| kind.as_str());
        let wanted =
            kinds.filter(|kind| kind.starts_with("revenue_") || kind.starts_with("expense_"));
        let wanted: Vec<&str> = wanted.collect();
        let sources: Vec<Account> = SOURCES
            .iter()
            .map(|name| Account::parse(name).unwrap())
            .collect();
        let kinds: Vec<&str> = sources
            .iter()
            .map(|source| source.kind().as_str())
            .collect();
        assert_eq!(kinds, wanted);
        for source in sources {
            let is_expense = source.name().starts_with("expense/");
            assert_eq!(source.normal() == Side::Debit, is_expense, "{source:?}");
        }
    }
}
