//! Subscribers direct money: one creator's share, all at once, or as in an earlier month.

use std::collections::BTreeMap;

use kit::Error;
use ledger::{AllocationChanged, CreatorId, Fact, Month};
use mailbox::Fact as Announcement;
use sqlx::PgConnection;
use time::OffsetDateTime;
use wire::allocation::v1 as contract;

use super::{Usecases, View};
use crate::domain::{
    Ask, Direction, Earlier, Move, Order, Situation, Wish, decide, source, standing,
};
use crate::error::{bug, no_month_yet};
use crate::store::{Changes, NewChange, PoolView, Reading, Share};

/// The pool afterwards and the keys of the facts, of which there are none when nothing changed.
pub type Done = (View, Vec<String>);

impl Usecases {
    /// Directs money as asked, all or nothing; what was carried out under the order's key before
    /// is answered as it was then.
    ///
    /// # Errors
    /// Every refusal of [`decide`], `IDEMPOTENCY_KEY_REUSED`, and the database's.
    pub async fn direct(&self, order: &Order) -> Result<Done, Error> {
        loop {
            // Without an answer the key was taken under way, and the next look finds by whom.
            if let Some(done) = self.try_direct(order).await? {
                return Ok(done);
            }
        }
    }

    async fn try_direct(&self, order: &Order) -> Result<Option<Done>, Error> {
        let ask = &order.ask;
        let mut tx = self.store.begin().await?;
        let (month, open, reading) = self.enter_in_tx(&mut tx, ask, order.month).await?;
        if let Some(done) = self.find_done_in_tx(&mut tx, order).await? {
            return Ok(Some(done));
        }
        let mut shares = self.store.list_shares_in_tx(&mut tx, ask, month).await?;
        let earlier = self.find_earlier_in_tx(&mut tx, ask, open).await?;
        let standing = standing(month, reading.state, open);
        let situation = Situation {
            month,
            standing,
            open,
            unknown: reading.unknown,
            subscribed: reading.subscribed,
            pool: reading.pool,
            shares: amounts(&shares),
            earlier,
        };
        let direction = decide(ask, &situation)?;
        let (mut pool, mut facts) = (reading.pool, Vec::new());
        if let Some(direction) = &direction {
            let now = self.clock.now();
            facts = self.save_in_tx(&mut tx, ask, month, direction, now).await?;
            shares = after(shares, &direction.moves, now);
            pool = direction.pool;
        }
        let ended = (&pool, direction.is_some());
        if !self.keep_answer_in_tx(&mut tx, order, month, ended).await? {
            tx.rollback().await?;
            return Ok(None);
        }
        tx.commit().await?;
        let view = View {
            program: ask.program,
            month,
            standing,
            pool: PoolView { pool, shares },
        };
        Ok(Some((view, facts)))
    }

    /// Takes the month's shared lock and the pool's, and reads what the decision needs. Asked
    /// for the open month, it takes the one that is open when its lock is held.
    async fn enter_in_tx(
        &self,
        tx: &mut PgConnection,
        ask: &Ask,
        asked: Option<Month>,
    ) -> Result<(Month, Month, Reading), Error> {
        let mut month = match asked.or(self.seen.get()) {
            Some(month) => month,
            None => self.store.find_open().await?.ok_or_else(no_month_yet)?,
        };
        loop {
            self.store.share_month_in_tx(tx, month).await?;
            let reading = self.store.lock_pool_in_tx(tx, ask, month).await?;
            let open = reading.open.ok_or_else(no_month_yet)?;
            self.seen.set(open);
            if asked.is_some() || open == month {
                return Ok((month, open, reading));
            }
            // It was locked while we waited. Months only ever go on, so this ends.
            month = open;
        }
    }

    /// What a copy copies. Its month is before the open one, so nothing changes there any more
    /// and no lock is needed.
    async fn find_earlier_in_tx(
        &self,
        tx: &mut PgConnection,
        ask: &Ask,
        open: Month,
    ) -> Result<Option<Earlier>, Error> {
        let Wish::Copy { from, .. } = ask.wish else {
            return Ok(None);
        };
        let month = source(from, open)?;
        let shares = self.store.list_shares_in_tx(tx, ask, month).await?;
        let shares = amounts(&shares);
        Ok(Some(Earlier { month, shares }))
    }

    async fn save_in_tx(
        &self,
        tx: &mut PgConnection,
        ask: &Ask,
        month: Month,
        direction: &Direction,
        now: OffsetDateTime,
    ) -> Result<Vec<String>, Error> {
        let pool = format!("{}:{}:{month}", ask.subscriber, ask.program);
        let mut facts = Vec::with_capacity(direction.moves.len());
        let mut announcements = Vec::with_capacity(direction.moves.len());
        for moved in &direction.moves {
            let changed = changed(ask, month, direction, moved);
            let event = contract::AllocationChanged::from(&changed);
            let fact = Fact::try_new(changed).map_err(bug)?;
            let key = fact.key().as_str();
            announcements.push(Announcement::new(key, &*pool, event.version, now, &event));
            facts.push(NewChange {
                fact_key: key.to_owned(),
                digest: fact.digest64(),
            });
        }
        let changes = Changes {
            ask,
            month,
            direction,
            facts: &facts,
        };
        self.store.save_changes_in_tx(tx, &changes, now).await?;
        self.outbox.enqueue_in_tx(tx, &announcements).await?;
        Ok(facts.into_iter().map(|fact| fact.fact_key).collect())
    }
}

fn changed(ask: &Ask, month: Month, direction: &Direction, moved: &Move) -> AllocationChanged {
    AllocationChanged {
        subscriber: ask.subscriber.clone(),
        creator: moved.creator.clone(),
        program: ask.program,
        month,
        version: direction.pool.version(),
        from: moved.from,
        to: moved.to,
    }
}

fn amounts(shares: &[Share]) -> BTreeMap<CreatorId, money::Amount> {
    let amount = |share: &Share| (share.creator.clone(), share.amount);
    shares.iter().map(amount).collect()
}

/// The shares after the moves, as a read would list them.
fn after(shares: Vec<Share>, moves: &[Move], now: OffsetDateTime) -> Vec<Share> {
    let by_creator = |share: Share| (share.creator.clone(), share);
    let mut shares: BTreeMap<CreatorId, Share> = shares.into_iter().map(by_creator).collect();
    for moved in moves {
        let status = shares.remove(&moved.creator).map(|share| share.status);
        if moved.to.is_zero() {
            continue;
        }
        let share = Share {
            creator: moved.creator.clone(),
            amount: moved.to,
            status: status.unwrap_or_else(|| "active".to_owned()),
            updated_at: now,
        };
        shares.insert(moved.creator.clone(), share);
    }
    shares.into_values().collect()
}
