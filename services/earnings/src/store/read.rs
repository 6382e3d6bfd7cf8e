//! What creators and payout ask for.

use ledger::{AccountKind, CreatorId, Month, Program, Rates};
use sqlx::PgConnection;

use super::{Store, kept, month_of, program_of};
use crate::domain::history::{History, Late, Place, Share};

/// What scheduled programs owe one creator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payable {
    pub creator_id: String,
    pub payable_minor: i64,
}

/// Late earnings that a creator is shown: the newest.
const LATE_MAX: i64 = 1000;

impl Store {
    /// One creator's history; empty for a creator without any. The caller's transaction makes
    /// its statements agree. The rates say what frozen money will be net of its fee.
    pub async fn history_in_tx(
        &self,
        tx: &mut PgConnection,
        creator: &CreatorId,
        rates: Rates,
    ) -> Result<History, sqlx::Error> {
        let mut history = History::default();
        read_months_in_tx(tx, &mut history).await?;
        read_balances_in_tx(tx, creator, rates, &mut history).await?;
        read_closed_in_tx(tx, creator, &mut history).await?;
        read_shares_in_tx(tx, creator, &mut history).await?;
        history.late = late_in_tx(tx, creator).await?;
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
    rates: Rates,
    history: &mut History,
) -> Result<(), sqlx::Error> {
    let rows = sqlx::query!(
        r#"select a.kind, a.program, a.month, b.amount_minor,
                  (sign(b.amount_minor) * div(abs(b.amount_minor) * r.kept + 5000, 10000))::bigint
                      as kept_minor
           from earnings.account a
           join earnings.balance b on b.account_id = a.account_id
           left join unnest($3::text[], $4::integer[]) as r (program, kept)
               on r.program = a.program
           where a.owner = $1 and a.kind = any($2) and b.amount_minor <> 0"#,
        creator.as_str(),
        &[
            AccountKind::CreatorPending,
            AccountKind::CreatorPayable,
            AccountKind::CreatorReserved,
            AccountKind::CreatorFrozenGross,
            AccountKind::CreatorFrozenNet,
            AccountKind::CreatorDebt,
        ]
        .map(|kind| kind.as_str().to_owned()),
        &Program::ALL.map(|program| program.to_string()),
        &kept(rates)
    )
    .fetch_all(tx)
    .await?;
    for row in rows {
        let minor = row.amount_minor;
        let (Some(month), Some(program)) = (row.month, row.program) else {
            let sum = match row.kind.as_str() {
                "creator_debt" => &mut history.debt_minor,
                _ => &mut history.reserved_minor,
            };
            *sum = sum.saturating_add(minor);
            continue;
        };
        let key = (month_of(month)?, program_of(&program)?);
        // Of an open month there are late earnings alone, which nobody can be paid yet.
        if row.kind == "creator_payable" && !history.closed.contains(&key.0) {
            continue;
        }
        let line = history.lines.entry(key).or_default();
        let net = row.kept_minor.unwrap_or(minor);
        match row.kind.as_str() {
            "creator_pending" => line.pending_minor = minor,
            "creator_payable" => line.payable_minor = minor,
            "creator_frozen_gross" => line.frozen_minor = line.frozen_minor.saturating_add(net),
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

/// A committed hold is in transit while its clearing account holds anything, and paid after. What
/// came back by reversals is neither.
async fn read_shares_in_tx(
    tx: &mut PgConnection,
    creator: &CreatorId,
    history: &mut History,
) -> Result<(), sqlx::Error> {
    let rows = sqlx::query!(
        r#"select p.payout_id, p.month, p.program, p.amount_minor - coalesce(
                      (select sum(r.amount_minor) from earnings.hold_return r
                       where r.payout_id = p.payout_id and r.month = p.month
                         and r.program = p.program), 0)::bigint as "left_minor!",
                  h.state, coalesce(b.amount_minor, 0) <> 0 as "on_the_way!"
           from earnings.hold h
           join earnings.hold_part p on p.payout_id = h.payout_id
           left join earnings.account a on a.name = 'clearing/payout/' || h.payout_id
           left join earnings.balance b on b.account_id = a.account_id
           where h.creator_id = $1 and h.state in ('held', 'committed')
           order by h.held_at, p.payout_id, p.month, p.program"#,
        creator.as_str()
    )
    .fetch_all(tx)
    .await?;
    for row in rows.into_iter().filter(|row| row.left_minor != 0) {
        history.add_share(Share {
            payout_id: row.payout_id,
            month: month_of(row.month)?,
            program: program_of(&row.program)?,
            minor: row.left_minor,
            place: match (row.state.as_str(), row.on_the_way) {
                ("committed", true) => Place::InTransit,
                ("committed", false) => Place::Paid,
                _ => Place::Reserved,
            },
        });
    }
    Ok(())
}

/// Found by the frozen money that it freed: an account of a creator, with few entries.
async fn late_in_tx(tx: &mut PgConnection, creator: &CreatorId) -> Result<Vec<Late>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select f.month as "origin_month!", f.program as "program!", freed.amount_minor,
                  paid.month as "month?", coalesce(paid.net_minor, 0) as "net_minor!",
                  split_part(p.key_text, ':', 2) as "cause!", p.occurred_at
           from earnings.account f
           join earnings.entry freed on freed.account_id = f.account_id
           join earnings.posting p on p.posting_id = freed.posting_id and p.kind = 'late_earning'
           left join lateral (
               select a.month, -e.amount_minor as net_minor
               from earnings.entry e
               join earnings.account a on a.account_id = e.account_id
               where e.posting_id = p.posting_id and a.kind = 'creator_payable'
           ) as paid on true
           where f.kind = 'creator_frozen_gross' and f.owner = $1
           order by p.posting_id desc limit $2"#,
        creator.as_str(),
        LATE_MAX
    )
    .fetch_all(tx)
    .await?;
    let late = rows.into_iter().map(|row| {
        // Where the fee is all of it, nothing is paid with any month.
        let paid_with = row.month.map(month_of).transpose()?;
        Ok(Late {
            month: paid_with.unwrap_or_else(|| Month::of(row.occurred_at)),
            origin_month: month_of(row.origin_month)?,
            program: program_of(&row.program)?,
            gross_minor: row.amount_minor,
            net_minor: row.net_minor,
            cause: row.cause,
            at: row.occurred_at,
        })
    });
    late.collect()
}
