//! Pools and what is directed of them.

use ledger::{CreatorId, Month, Program, SubscriberId};
use money::Amount;
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::domain::{Ask, MonthState, Pool, Subscribed, Target};

use super::months::{month_of, state_of};
use super::{Store, unreadable, usd};

/// What one creator gets of a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    pub creator: CreatorId,
    pub amount: Amount,
    pub status: String,
    pub updated_at: OffsetDateTime,
}

/// A pool with its shares, by creator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolView {
    pub pool: Pool,
    pub shares: Vec<Share>,
}

/// What a decision about an allocation needs, read under the locks.
#[derive(Debug, Clone)]
pub struct Reading {
    pub open: Option<Month>,
    pub state: Option<MonthState>,
    /// The first creator named whom the registry does not know.
    pub unknown: Option<CreatorId>,
    pub subscribed: Subscribed,
    pub pool: Pool,
}

impl Store {
    /// Locks the pool, if there is one, and reads all else that the decision needs: one round
    /// trip. The caller holds the month's lock.
    pub async fn lock_pool_in_tx(
        &self,
        tx: &mut PgConnection,
        ask: &Ask,
        month: Month,
    ) -> Result<Reading, sqlx::Error> {
        let named = ask.targets().iter().map(creator_of);
        let row = sqlx::query!(
            "select
                 (select min(month) from allocation.month where state = 'open') as open,
                 (select state from allocation.month where month = $3) as state,
                 (
                     select named.creator_id
                     from unnest($4::text[]) with ordinality as named (creator_id, place)
                     where not exists (
                         select 1 from allocation.creator as known
                         where known.creator_id = named.creator_id
                     )
                     order by named.place limit 1
                 ) as unknown,
                 array(
                     select status from allocation.subscription
                     where subscriber_id = $1 and program = $2
                 ) as \"statuses!\",
                 locked.funded_minor as \"funded_minor?\",
                 locked.allocated_minor as \"allocated_minor?\",
                 locked.version as \"version?\"
             from (values (1)) as one (n)
             left join lateral (
                 select funded_minor, allocated_minor, version from allocation.pool
                 where subscriber_id = $1 and program = $2 and month = $3
                 for update
             ) as locked on true",
            ask.subscriber.as_str(),
            ask.program.as_str(),
            month.to_i32(),
            &named.collect::<Vec<String>>()
        )
        .fetch_one(tx)
        .await?;
        let pool = match (row.funded_minor, row.allocated_minor, row.version) {
            (Some(funded), Some(allocated), Some(version)) => pool_of(funded, allocated, version)?,
            _ => Pool::empty(),
        };
        let unknown = row.unknown.map(CreatorId::try_from).transpose();
        Ok(Reading {
            open: row.open.map(month_of).transpose()?,
            state: row.state.as_deref().map(state_of).transpose()?,
            unknown: unknown.map_err(unreadable)?,
            subscribed: Subscribed::of(&row.statuses),
            pool,
        })
    }

    /// What is directed of a pool, by creator. A statement of its own, after the pool's lock:
    /// the statement that waited for it saw the shares of before.
    pub async fn list_shares_in_tx(
        &self,
        tx: &mut PgConnection,
        ask: &Ask,
        month: Month,
    ) -> Result<Vec<Share>, sqlx::Error> {
        let rows = sqlx::query!(
            "select creator_id, amount_minor, status, updated_at from allocation.allocation
             where subscriber_id = $1 and program = $2 and month = $3 and amount_minor > 0
             order by creator_id",
            ask.subscriber.as_str(),
            ask.program.as_str(),
            month.to_i32()
        )
        .fetch_all(tx)
        .await?;
        let share = |creator: String, minor, status, updated_at| {
            let creator = CreatorId::try_from(creator).map_err(unreadable)?;
            Ok(Share {
                creator,
                amount: usd(minor)?,
                status,
                updated_at,
            })
        };
        rows.into_iter()
            .map(|row| share(row.creator_id, row.amount_minor, row.status, row.updated_at))
            .collect()
    }

    /// A pool with its shares, from one snapshot; an empty one when no charge funded it.
    pub async fn find_pool(
        &self,
        subscriber: &SubscriberId,
        program: Program,
        month: Month,
    ) -> Result<PoolView, sqlx::Error> {
        let rows = sqlx::query!(
            "select pool.funded_minor, pool.allocated_minor, pool.version,
                    share.creator_id as \"creator_id?\", share.amount_minor as \"amount_minor?\",
                    share.status as \"status?\", share.updated_at as \"updated_at?\"
             from allocation.pool as pool
             left join allocation.allocation as share
                 on share.subscriber_id = pool.subscriber_id and share.program = pool.program
                     and share.month = pool.month and share.amount_minor > 0
             where pool.subscriber_id = $1 and pool.program = $2 and pool.month = $3
             order by share.creator_id",
            subscriber.as_str(),
            program.as_str(),
            month.to_i32()
        )
        .fetch_all(&self.pool)
        .await?;
        let mut view = PoolView {
            pool: Pool::empty(),
            shares: Vec::new(),
        };
        for row in rows {
            view.pool = pool_of(row.funded_minor, row.allocated_minor, row.version)?;
            let (Some(creator), Some(minor), Some(status), Some(updated_at)) =
                (row.creator_id, row.amount_minor, row.status, row.updated_at)
            else {
                continue;
            };
            let creator = CreatorId::try_from(creator).map_err(unreadable)?;
            view.shares.push(Share {
                creator,
                amount: usd(minor)?,
                status,
                updated_at,
            });
        }
        Ok(view)
    }
}

fn creator_of(target: &Target) -> String {
    target.creator.to_string()
}

fn pool_of(funded: i64, allocated: i64, version: i64) -> Result<Pool, sqlx::Error> {
    let version = u64::try_from(version).map_err(unreadable)?;
    Pool::try_new(usd(funded)?, usd(allocated)?, version).map_err(unreadable)
}
