//! Changes of allocations: written once, never changed, and read back by whoever made them.

use ledger::{CreatorId, Month, Program, SubscriberId};
use money::Amount;
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::domain::{Ask, Direction, Move};

use super::months::month_of;
use super::{Store, column_of, unreadable, usd};

/// A pool's change, decided: one version, and a fact for each share that moves.
#[derive(Debug, Clone)]
pub struct Changes<'a> {
    pub ask: &'a Ask,
    pub month: Month,
    pub direction: &'a Direction,
    /// The fact of each move, in the same order.
    pub facts: &'a [NewChange],
}

/// What a seal and a reader need of one move's fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewChange {
    pub fact_key: String,
    pub digest: u64,
}

/// Which of a subscriber's changes are asked for; `None` is all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    pub subscriber: SubscriberId,
    pub program: Option<Program>,
    pub month: Option<Month>,
    pub creator: Option<CreatorId>,
    /// Only what is older than this.
    pub after: Option<Cursor>,
}

/// Where one change stands in a subscriber's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    pub month: Month,
    pub program: Program,
    pub version: i64,
    pub creator: CreatorId,
}

/// One change as it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeRow {
    pub fact_key: String,
    pub creator: CreatorId,
    pub program: Program,
    pub month: Month,
    pub from: Amount,
    pub to: Amount,
    pub changed_at: OffsetDateTime,
}

impl Store {
    /// Writes the pool, its allocations and the facts' rows in one statement.
    ///
    /// The pool moves only from the version before. The caller has locked it, so that it cannot
    /// be another; if it were, nothing is written and the error says so.
    pub async fn save_changes_in_tx(
        &self,
        tx: &mut PgConnection,
        changes: &Changes<'_>,
        now: OffsetDateTime,
    ) -> Result<(), sqlx::Error> {
        let Direction { moves, pool } = changes.direction;
        let version = i64::try_from(pool.version()).map_err(unreadable)?;
        let minors = |read: fn(&Move) -> Amount| -> Vec<i64> {
            moves.iter().map(|moved| read(moved).minor()).collect()
        };
        let creators: Vec<String> = moves.iter().map(|m| m.creator.to_string()).collect();
        let facts = changes.facts.iter();
        let keys: Vec<String> = facts.clone().map(|fact| fact.fact_key.clone()).collect();
        let digests: Vec<i64> = facts.map(|fact| column_of(fact.digest)).collect();
        let done = sqlx::query!(
            "with moved as (
                 update allocation.pool set allocated_minor = $4, version = $5::bigint
                 where subscriber_id = $1 and program = $2 and month = $3 and version = $5::bigint - 1
                 returning version
             ), given as (
                 select *
                 from unnest($6::text[], $7::bigint[], $8::bigint[], $9::text[], $10::bigint[])
                     as given (creator_id, from_minor, to_minor, fact_key, digest)
             ), directed as (
                 insert into allocation.allocation
                     (subscriber_id, program, month, creator_id, amount_minor, status, updated_at)
                 select $1, $2, $3, creator_id, to_minor, 'active', $11 from given
                 on conflict on constraint allocation__pk do update
                     set amount_minor = excluded.amount_minor, updated_at = excluded.updated_at
             )
             insert into allocation.allocation_change
                 (subscriber_id, creator_id, program, month, version, from_minor, to_minor,
                  delta_minor, fact_key, digest, changed_at)
             select $1, creator_id, $2, $3, moved.version, from_minor, to_minor,
                    to_minor - from_minor, fact_key, digest, $11
             from given cross join moved",
            changes.ask.subscriber.as_str(),
            changes.ask.program.as_str(),
            changes.month.to_i32(),
            pool.allocated().minor(),
            version,
            &creators,
            &minors(|moved| moved.from),
            &minors(|moved| moved.to),
            &keys,
            &digests,
            now
        )
        .execute(tx)
        .await?;
        if usize::try_from(done.rows_affected()).is_ok_and(|rows| rows == moves.len()) {
            return Ok(());
        }
        let what = format!("the pool was not at version {}", version.saturating_sub(1));
        Err(sqlx::Error::Decode(what.into()))
    }

    /// At most `limit` of a subscriber's changes, newest first: later months before earlier
    /// ones, and in a month later versions. All changes of one version are of one instant; they
    /// stand by creator.
    pub async fn list_changes(
        &self,
        history: &History,
        limit: i64,
    ) -> Result<Vec<ChangeRow>, sqlx::Error> {
        // A first page begins below what is above everything, so that every page has the same
        // plan: the key, read backwards from there.
        let after = history.after.as_ref();
        let rows = sqlx::query!(
            "select creator_id, program, month, from_minor, to_minor, fact_key, changed_at
             from allocation.allocation_change
             where subscriber_id = $1
                 and (month, program, version, creator_id) < ($2, $3, $4, $5)
                 and ($6::text is null or program = $6)
                 and ($7::integer is null or month = $7)
                 and ($8::text is null or creator_id = $8)
             order by month desc, program desc, version desc, creator_id desc
             limit $9",
            history.subscriber.as_str(),
            after.map_or(i32::MAX, |cursor| cursor.month.to_i32()),
            after.map_or("", |cursor| cursor.program.as_str()),
            after.map_or(i64::MAX, |cursor| cursor.version),
            after.map_or("", |cursor| cursor.creator.as_str()),
            history.program.map(Program::as_str),
            history.month.map(Month::to_i32),
            history.creator.as_ref().map(CreatorId::as_str),
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        let mut changes = Vec::with_capacity(rows.len());
        for row in rows {
            changes.push(ChangeRow {
                fact_key: row.fact_key,
                creator: CreatorId::try_from(row.creator_id).map_err(unreadable)?,
                program: row.program.parse().map_err(unreadable)?,
                month: month_of(row.month)?,
                from: usd(row.from_minor)?,
                to: usd(row.to_minor)?,
                changed_at: row.changed_at,
            });
        }
        Ok(changes)
    }
}
