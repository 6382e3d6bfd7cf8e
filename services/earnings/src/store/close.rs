//! The close's lines: what is left to close, what was closed, and what must be zero after it.

use ledger::{AccountKind, CreatorId, CreatorLine, Month, Program, SubscriberId};
use money::Amount;
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::{Store, program_of, unreadable, usd};

/// A line to be closed: whose, in which program, how much, and the account's number.
pub struct Open<Owner> {
    pub owner: Owner,
    pub program: Program,
    pub amount: Amount,
    pub account_id: i64,
}

/// A creator's pending money.
pub type CreatorClosing = Open<CreatorId>;
/// A subscriber's undirected money.
pub type SubscriberClosing = Open<SubscriberId>;

impl Store {
    pub async fn creators_to_close_in_tx(
        &self,
        tx: &mut PgConnection,
        month: Month,
        after_account_id: i64,
        limit: i64,
    ) -> Result<Vec<CreatorClosing>, sqlx::Error> {
        open_lines_in_tx(
            tx,
            AccountKind::CreatorPending,
            month,
            after_account_id,
            limit,
        )
        .await
    }

    pub async fn subscribers_to_close_in_tx(
        &self,
        tx: &mut PgConnection,
        month: Month,
        after_account_id: i64,
        limit: i64,
    ) -> Result<Vec<SubscriberClosing>, sqlx::Error> {
        open_lines_in_tx(
            tx,
            AccountKind::SubscriberUnallocated,
            month,
            after_account_id,
            limit,
        )
        .await
    }

    pub async fn insert_creator_months_in_tx(
        &self,
        tx: &mut PgConnection,
        month: Month,
        lines: &[CreatorLine],
        now: OffsetDateTime,
    ) -> Result<(), sqlx::Error> {
        let programs: Vec<String> = lines.iter().map(|line| line.program.to_string()).collect();
        let creators: Vec<String> = lines.iter().map(|line| line.creator.to_string()).collect();
        let minors = |read: fn(&CreatorLine) -> Amount| {
            lines
                .iter()
                .map(|line| read(line).minor())
                .collect::<Vec<i64>>()
        };
        sqlx::query!(
            "insert into earnings.creator_month
                 (month, program, creator_id, gross_minor, fee_minor, net_minor, closed_at)
             select $1, line.*, $7 from unnest($2::text[], $3::text[], $4::bigint[],
                                               $5::bigint[], $6::bigint[]) as line",
            month.to_i32(),
            &programs,
            &creators,
            &minors(|line| line.gross),
            &minors(|line| line.fee),
            &minors(|line| line.net),
            now
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    /// Adds to what a program's subscribers left undirected.
    pub async fn add_rest_in_tx(
        &self,
        tx: &mut PgConnection,
        month: Month,
        program: Program,
        rest: Amount,
    ) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "insert into earnings.rest_month as r (month, program, rest_minor) values ($1, $2, $3)
             on conflict on constraint rest_month__pk
             do update set rest_minor = r.rest_minor + excluded.rest_minor",
            month.to_i32(),
            program.as_str(),
            rest.minor()
        )
        .execute(tx)
        .await?;
        Ok(())
    }

    pub async fn creator_lines_in_tx(
        &self,
        tx: &mut PgConnection,
        month: Month,
    ) -> Result<Vec<CreatorLine>, sqlx::Error> {
        let rows = sqlx::query!(
            "select creator_id, program, gross_minor, fee_minor, net_minor
             from earnings.creator_month where month = $1",
            month.to_i32()
        )
        .fetch_all(tx)
        .await?;
        let lines = rows.into_iter().map(|row| {
            Ok(CreatorLine {
                creator: row.creator_id.try_into().map_err(unreadable)?,
                program: program_of(&row.program)?,
                gross: usd(row.gross_minor)?,
                fee: usd(row.fee_minor)?,
                net: usd(row.net_minor)?,
            })
        });
        lines.collect()
    }

    pub async fn rests_in_tx(
        &self,
        tx: &mut PgConnection,
        month: Month,
    ) -> Result<Vec<(Program, Amount)>, sqlx::Error> {
        let rows = sqlx::query!(
            "select program, rest_minor from earnings.rest_month where month = $1",
            month.to_i32()
        )
        .fetch_all(tx)
        .await?;
        rows.iter()
            .map(|row| Ok((program_of(&row.program)?, usd(row.rest_minor)?)))
            .collect()
    }

    /// Accounts of a month that must be zero after its close and are not; at most `limit`.
    pub async fn unsettled_in_tx(
        &self,
        tx: &mut PgConnection,
        month: Month,
        limit: i64,
    ) -> Result<Vec<(String, i64)>, sqlx::Error> {
        let rows = sqlx::query!(
            "select a.name, b.amount_minor
             from earnings.account a join earnings.balance b on b.account_id = a.account_id
             where a.month = $1 and a.kind = any($3) and b.amount_minor <> 0
             order by a.name limit $2",
            month.to_i32(),
            limit,
            &[
                AccountKind::CreatorPending,
                AccountKind::SubscriberUnallocated
            ]
            .map(|kind| kind.as_str().to_owned())
        )
        .fetch_all(tx)
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| (row.name, row.amount_minor))
            .collect())
    }
}

/// Above zero only: what is below zero cannot be closed, and is found by the last check.
async fn open_lines_in_tx<Owner>(
    tx: &mut PgConnection,
    kind: AccountKind,
    month: Month,
    after_account_id: i64,
    limit: i64,
) -> Result<Vec<Open<Owner>>, sqlx::Error>
where
    Owner: TryFrom<String, Error = ledger::LedgerError>,
{
    let rows = sqlx::query!(
        r#"select a.account_id, a.owner as "owner!", a.program as "program!", b.amount_minor
           from earnings.account a join earnings.balance b on b.account_id = a.account_id
           where a.kind = $1 and a.month = $2 and a.account_id > $3 and b.amount_minor > 0
           order by a.account_id limit $4"#,
        kind.as_str(),
        month.to_i32(),
        after_account_id,
        limit
    )
    .fetch_all(tx)
    .await?;
    let lines = rows.into_iter().map(|row| {
        Ok(Open {
            owner: row.owner.try_into().map_err(unreadable)?,
            program: program_of(&row.program)?,
            amount: usd(row.amount_minor)?,
            account_id: row.account_id,
        })
    });
    lines.collect()
}
