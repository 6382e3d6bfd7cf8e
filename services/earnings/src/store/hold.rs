//! Holds and what they took.

use std::collections::{BTreeMap, HashMap};

use ledger::{HoldPart, Program};
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::{Store, month_of, program_of, unreadable, usd};
use crate::domain::hold::{Hold, HoldState, Income, Payable};

impl Store {
    /// Locks creators' payable money of closed months, so that two payouts never plan with the
    /// same cents. In the order of accounts, as every writer.
    pub async fn lock_payable_in_tx(
        &self,
        tx: &mut PgConnection,
        creators: &[String],
        programs: &[Program],
    ) -> Result<HashMap<String, Payable>, sqlx::Error> {
        let programs: Vec<String> = programs.iter().map(ToString::to_string).collect();
        let rows = sqlx::query!(
            r#"select a.owner as "owner!", a.program as "program!", a.month as "month!",
                      b.amount_minor
               from earnings.account a
               join earnings.balance b on b.account_id = a.account_id
               join earnings.month m on m.month = a.month and m.state = 'closed'
               where a.kind = 'creator_payable' and a.owner = any($1) and a.program = any($2)
               order by b.account_id for no key update of b"#,
            creators,
            &programs
        )
        .fetch_all(tx)
        .await?;
        let mut payable: HashMap<String, Payable> = HashMap::new();
        for row in rows {
            let (program, month) = (program_of(&row.program)?, month_of(row.month)?);
            payable
                .entry(row.owner)
                .or_default()
                .push((program, month, usd(row.amount_minor)?));
        }
        Ok(payable)
    }

    /// Holds as they are, without a lock.
    pub async fn find_holds_in_tx(
        &self,
        tx: &mut PgConnection,
        payouts: &[String],
    ) -> Result<BTreeMap<String, Hold>, sqlx::Error> {
        let rows = sqlx::query_as!(
            Row,
            "select payout_id, creator_id, amount_minor, state, attempt
             from earnings.hold where payout_id = any($1)",
            payouts
        )
        .fetch_all(&mut *tx)
        .await?;
        with_parts_in_tx(tx, rows).await
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

    pub async fn insert_holds_in_tx(
        &self,
        tx: &mut PgConnection,
        holds: &[Hold],
        now: OffsetDateTime,
    ) -> Result<(), sqlx::Error> {
        let texts = |read: fn(&Hold) -> &str| {
            holds
                .iter()
                .map(|hold| read(hold).to_owned())
                .collect::<Vec<String>>()
        };
        let amounts: Vec<i64> = holds.iter().map(|hold| hold.amount.minor()).collect();
        sqlx::query!(
            "insert into earnings.hold
                 (payout_id, creator_id, amount_minor, currency, state, held_at, changed_at)
             select placed.*, $6, $6
             from unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[]) as placed",
            &texts(|hold| hold.payout.as_str()),
            &texts(|hold| hold.creator.as_str()),
            &amounts,
            &texts(|hold| hold.amount.asset().code()),
            &texts(|hold| hold.state.as_str()),
            now
        )
        .execute(&mut *tx)
        .await?;
        insert_parts_in_tx(tx, holds).await
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

    /// Creators' figures; none for a creator without any. `since` is where recent income begins.
    pub async fn incomes_in_tx(
        &self,
        tx: &mut PgConnection,
        creators: &[String],
        since: OffsetDateTime,
    ) -> Result<HashMap<String, Income>, sqlx::Error> {
        let rows = sqlx::query!(
            r#"select asked.creator_id as "creator_id!",
                      coalesce(earned.lifetime_minor, 0) as "lifetime_net_minor!",
                      coalesce(earned.recent_minor, 0) as "income_30d_minor!",
                      (select count(*) from earnings.hold h
                       where h.creator_id = asked.creator_id and h.state = 'committed')
                          as "committed_count!"
               from (select distinct unnest($1::text[]) as creator_id) as asked
               left join lateral (
                   select sum(c.net_minor)::bigint as lifetime_minor,
                          (sum(c.net_minor) filter (where c.closed_at >= $2))::bigint
                              as recent_minor
                   from earnings.creator_month c where c.creator_id = asked.creator_id
               ) as earned on true"#,
            creators,
            since
        )
        .fetch_all(tx)
        .await?;
        let incomes = rows.into_iter().map(|row| {
            let income = Income {
                lifetime_net_minor: row.lifetime_net_minor,
                income_30d_minor: row.income_30d_minor,
                committed_count: row.committed_count,
            };
            (row.creator_id, income)
        });
        Ok(incomes.collect())
    }
}

async fn insert_parts_in_tx(tx: &mut PgConnection, holds: &[Hold]) -> Result<(), sqlx::Error> {
    let (mut payouts, mut months) = (Vec::new(), Vec::new());
    let (mut programs, mut amounts) = (Vec::new(), Vec::new());
    for hold in holds {
        for part in &hold.parts {
            payouts.push(hold.payout.to_string());
            months.push(part.month.to_i32());
            programs.push(part.program.to_string());
            amounts.push(part.amount.minor());
        }
    }
    sqlx::query!(
        "insert into earnings.hold_part (payout_id, month, program, amount_minor)
         select * from unnest($1::text[], $2::integer[], $3::text[], $4::bigint[])",
        &payouts,
        &months,
        &programs,
        &amounts
    )
    .execute(tx)
    .await?;
    Ok(())
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
            returned: usd(0)?,
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
        r#"select p.payout_id, p.month, p.program, p.amount_minor,
                  coalesce((select sum(r.amount_minor) from earnings.hold_return r
                            where r.payout_id = p.payout_id and r.month = p.month
                              and r.program = p.program), 0)::bigint as "returned_minor!"
           from earnings.hold_part p
           where p.payout_id = any($1) order by p.payout_id, p.month, p.program"#,
        &payouts
    )
    .fetch_all(tx)
    .await?;
    for part in parts {
        if let Some(hold) = holds.get_mut(&part.payout_id) {
            let returned = hold.returned.checked_add(usd(part.returned_minor)?);
            hold.returned = returned.map_err(unreadable)?;
            hold.parts.push(HoldPart {
                program: program_of(&part.program)?,
                month: month_of(part.month)?,
                amount: usd(part.amount_minor)?,
            });
        }
    }
    Ok(holds)
}
