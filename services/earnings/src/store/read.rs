//! What creators and payout ask for.

use ledger::{CreatorId, Month, Program};
use sqlx::PgConnection;

use super::{Store, month_of, program_of};
use crate::domain::history::History;

/// What scheduled programs owe one creator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payable {
    pub creator_id: String,
    pub payable_minor: i64,
}

impl Store {
    /// One creator's history; empty for a creator without any. The caller's transaction makes
    /// its statements agree.
    pub async fn history_in_tx(
        &self,
        tx: &mut PgConnection,
        creator: &CreatorId,
    ) -> Result<History, sqlx::Error> {
        let mut history = History::default();
        read_months_in_tx(tx, &mut history).await?;
        read_balances_in_tx(tx, creator, &mut history).await?;
        read_closed_in_tx(tx, creator, &mut history).await?;
        read_payouts_in_tx(tx, creator, &mut history).await?;
        Ok(history)
    }

    /// Creators with payable money of closed months, in their order, after a cursor.
    pub async fn list_payable(
        &self,
        programs: &[Program],
        after_creator_id: &str,
        limit: i64,
    ) -> Result<Vec<Payable>, sqlx::Error> {
        let programs: Vec<String> = programs.iter().map(ToString::to_string).collect();
        sqlx::query_as!(
            Payable,
            r#"select a.owner as "creator_id!", sum(b.amount_minor)::bigint as "payable_minor!"
               from earnings.account a
               join earnings.balance b on b.account_id = a.account_id
               join earnings.month m on m.month = a.month and m.state = 'closed'
               where a.kind = 'creator_payable' and a.owner > $1 and a.program = any($2)
                 and b.amount_minor > 0
               group by a.owner order by a.owner limit $3"#,
            after_creator_id,
            &programs,
            limit
        )
        .fetch_all(&self.pool)
        .await
    }
}

async fn read_months_in_tx(
    tx: &mut PgConnection,
    history: &mut History,
) -> Result<(), sqlx::Error> {
    let rows = sqlx::query!("select month, state from earnings.month order by month")
        .fetch_all(tx)
        .await?;
    for row in rows {
        let month: Month = month_of(row.month)?;
        history.sealed.push(month);
        if row.state == "closed" {
            history.closed.push(month);
            history.closed_newest = Some(month);
        }
    }
    Ok(())
}

async fn read_balances_in_tx(
    tx: &mut PgConnection,
    creator: &CreatorId,
    history: &mut History,
) -> Result<(), sqlx::Error> {
    let rows = sqlx::query!(
        "select a.kind, a.program, a.month, b.amount_minor
         from earnings.account a join earnings.balance b on b.account_id = a.account_id
         where a.owner = $1 and a.kind = any($2) and b.amount_minor <> 0",
        creator.as_str(),
        &[
            "creator_pending",
            "creator_payable",
            "creator_reserved",
            "creator_frozen_gross",
            "creator_frozen_net"
        ]
        .map(str::to_owned)
    )
    .fetch_all(tx)
    .await?;
    for row in rows {
        let minor = row.amount_minor;
        let (Some(month), Some(program)) = (row.month, row.program) else {
            history.reserved_minor = history.reserved_minor.saturating_add(minor);
            continue;
        };
        let line = history
            .lines
            .entry((month_of(month)?, program_of(&program)?))
            .or_default();
        match row.kind.as_str() {
            "creator_pending" => line.pending_minor = minor,
            "creator_payable" => line.payable_minor = minor,
            _ => line.frozen_minor = line.frozen_minor.saturating_add(minor),
        }
    }
    Ok(())
}

async fn read_closed_in_tx(
    tx: &mut PgConnection,
    creator: &CreatorId,
    history: &mut History,
) -> Result<(), sqlx::Error> {
    let rows = sqlx::query!(
        "select month, program, gross_minor, fee_minor, net_minor
         from earnings.creator_month where creator_id = $1",
        creator.as_str()
    )
    .fetch_all(tx)
    .await?;
    for row in rows {
        let key = (month_of(row.month)?, program_of(&row.program)?);
        let line = history.lines.entry(key).or_default();
        line.gross_minor = row.gross_minor;
        line.fee_minor = row.fee_minor;
        line.net_minor = row.net_minor;
    }
    Ok(())
}

/// A committed hold is in transit while its clearing account holds anything, and paid after.
async fn read_payouts_in_tx(
    tx: &mut PgConnection,
    creator: &CreatorId,
    history: &mut History,
) -> Result<(), sqlx::Error> {
    let rows = sqlx::query!(
        r#"select p.month, p.program, sum(p.amount_minor)::bigint as "amount_minor!",
                  h.state, coalesce(b.amount_minor, 0) <> 0 as "on_the_way!"
           from earnings.hold h
           join earnings.hold_part p on p.payout_id = h.payout_id
           left join earnings.account a on a.name = 'clearing/payout/' || h.payout_id
           left join earnings.balance b on b.account_id = a.account_id
           where h.creator_id = $1 and h.state in ('held', 'committed')
           group by 1, 2, 4, 5"#,
        creator.as_str()
    )
    .fetch_all(tx)
    .await?;
    for row in rows {
        let key = (month_of(row.month)?, program_of(&row.program)?);
        let line = history.lines.entry(key).or_default();
        let minor = row.amount_minor;
        let committed = row.state == "committed";
        if committed && !row.on_the_way {
            history.paid_minor = history.paid_minor.saturating_add(minor);
            continue;
        }
        line.in_payout_minor = line.in_payout_minor.saturating_add(minor);
        if committed {
            history.in_transit_minor = history.in_transit_minor.saturating_add(minor);
        }
    }
    Ok(())
}
