//! Holds and what they took.

use std::collections::BTreeMap;

use ledger::{CreatorId, HoldPart, Month, PayoutId, Program};
use money::Amount;
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::{Store, month_of, program_of, unreadable, usd};
use crate::domain::hold::{Hold, HoldState, Snapshot};

impl Store {
    /// Locks a creator's payable money of closed months, so that two payouts never plan with
    /// the same cents. In the order of accounts, as every writer.
    pub async fn lock_payable_in_tx(
        &self,
        tx: &mut PgConnection,
        creator: &CreatorId,
        programs: &[Program],
    ) -> Result<Vec<(Program, Month, Amount)>, sqlx::Error> {
        let programs: Vec<String> = programs.iter().map(ToString::to_string).collect();
        let rows = sqlx::query!(
            r#"select a.program as "program!", a.month as "month!", b.amount_minor
               from earnings.account a
               join earnings.balance b on b.account_id = a.account_id
               join earnings.month m on m.month = a.month and m.state = 'closed'
               where a.kind = 'creator_payable' and a.owner = $1 and a.program = any($2)
               order by b.account_id"#,
            creator.as_str(),
            &programs
        )
        .fetch_all(tx)
        .await?;
        let lines = rows.into_iter();
        lines
            .map(|row| {
                Ok((
                    program_of(&row.program)?,
                    month_of(row.month)?,
                    usd(row.amount_minor)?,
                ))
            })
            .collect()
    }

    /// A hold as it is, without a lock; `None` for a payout that never had one.
    pub async fn find_hold_in_tx(
        &self,
        tx: &mut PgConnection,
        payout: &PayoutId,
    ) -> Result<Option<Hold>, sqlx::Error> {
        let payouts = [payout.to_string()];
        let rows = sqlx::query_as!(
            Row,
            "select payout_id, creator_id, amount_minor, state, attempt
             from earnings.hold where payout_id = any($1)",
            &payouts
        )
        .fetch_all(&mut *tx)
        .await?;
        Ok(with_parts_in_tx(tx, rows).await?.into_values().next())
    }

    /// Locks holds by payout, in the order of payouts.
    pub async fn lock_holds_in_tx(
        &self,
        tx: &mut PgConnection,
        payouts: &[String],
    ) -> Result<BTreeMap<String, Hold>, sqlx::Error> {
        let rows = sqlx::query_as!(
            Row,
            "select payout_id, creator_id, amount_minor, state, attempt
             from earnings.hold where payout_id = any($1) order by payout_id for update",
            payouts
        )
        .fetch_all(&mut *tx)
        .await?;
        with_parts_in_tx(tx, rows).await
    }

    pub async fn insert_hold_in_tx(
        &self,
        tx: &mut PgConnection,
        hold: &Hold,
        now: OffsetDateTime,
    ) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "insert into earnings.hold
                 (payout_id, creator_id, amount_minor, currency, state, held_at, changed_at)
             values ($1, $2, $3, $4, $5, $6, $6)",
            hold.payout.as_str(),
            hold.creator.as_str(),
            hold.amount.minor(),
            hold.amount.asset().code(),
            hold.state.as_str(),
            now
        )
        .execute(&mut *tx)
        .await?;
        let months: Vec<i32> = hold.parts.iter().map(|part| part.month.to_i32()).collect();
        let programs: Vec<String> = hold.parts.iter().map(|p| p.program.to_string()).collect();
        let amounts: Vec<i64> = hold.parts.iter().map(|part| part.amount.minor()).collect();
        sqlx::query!(
            "insert into earnings.hold_part (payout_id, month, program, amount_minor)
             select $1, part.* from unnest($2::integer[], $3::text[], $4::bigint[]) as part",
            hold.payout.as_str(),
            &months,
            &programs,
            &amounts
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    /// Saves what a locked hold has become.
    pub async fn update_hold_in_tx(
        &self,
        tx: &mut PgConnection,
        hold: &Hold,
        now: OffsetDateTime,
    ) -> Result<(), sqlx::Error> {
        let attempt = hold
            .attempt
            .map(i32::try_from)
            .transpose()
            .map_err(unreadable)?;
        sqlx::query!(
            "update earnings.hold set state = $2, attempt = $3, changed_at = $4
             where payout_id = $1",
            hold.payout.as_str(),
            hold.state.as_str(),
            attempt,
            now
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    /// A creator's history, apart from the payout that asks. `since` is where the last thirty
    /// days begin.
    pub async fn snapshot_in_tx(
        &self,
        tx: &mut PgConnection,
        creator: &CreatorId,
        payout: &PayoutId,
        since: OffsetDateTime,
    ) -> Result<Snapshot, sqlx::Error> {
        sqlx::query_as!(
            Snapshot,
            r#"select coalesce(sum(net_minor), 0)::bigint as "lifetime_net_minor!",
                      coalesce(sum(net_minor) filter (where closed_at >= $3), 0)::bigint
                          as "income_30d_minor!",
                      not exists (select 1 from earnings.hold
                                  where creator_id = $1 and payout_id <> $2
                                    and state = 'committed') as "first_payout!"
               from earnings.creator_month where creator_id = $1"#,
            creator.as_str(),
            payout.as_str(),
            since
        )
        .fetch_one(tx)
        .await
    }
}

struct Row {
    payout_id: String,
    creator_id: String,
    amount_minor: i64,
    state: String,
    attempt: Option<i32>,
}

impl TryFrom<Row> for Hold {
    type Error = sqlx::Error;

    fn try_from(row: Row) -> Result<Self, sqlx::Error> {
        let state = HoldState::ALL
            .into_iter()
            .find(|state| state.as_str() == row.state);
        Ok(Self {
            payout: row.payout_id.try_into().map_err(unreadable)?,
            creator: row.creator_id.try_into().map_err(unreadable)?,
            amount: usd(row.amount_minor)?,
            state: state.ok_or(sqlx::Error::RowNotFound)?,
            attempt: row
                .attempt
                .map(u32::try_from)
                .transpose()
                .map_err(unreadable)?,
            parts: Vec::new(),
        })
    }
}

async fn with_parts_in_tx(
    tx: &mut PgConnection,
    rows: Vec<Row>,
) -> Result<BTreeMap<String, Hold>, sqlx::Error> {
    let payouts: Vec<String> = rows.iter().map(|row| row.payout_id.clone()).collect();
    let mut holds = BTreeMap::new();
    for row in rows {
        holds.insert(row.payout_id.clone(), Hold::try_from(row)?);
    }
    if holds.is_empty() {
        return Ok(holds);
    }
    let parts = sqlx::query!(
        "select payout_id, month, program, amount_minor from earnings.hold_part
         where payout_id = any($1) order by payout_id, month, program",
        &payouts
    )
    .fetch_all(tx)
    .await?;
    for part in parts {
        if let Some(hold) = holds.get_mut(&part.payout_id) {
            hold.parts.push(HoldPart {
                program: program_of(&part.program)?,
                month: month_of(part.month)?,
                amount: usd(part.amount_minor)?,
            });
        }
    }
    Ok(holds)
}
