//! Subscribers direct money, and look at what they directed.

use kit::Error;
use ledger::{AllocationChanged, Fact, Month, Program, SubscriberId};
use mailbox::Fact as Announcement;
use sqlx::PgConnection;
use time::OffsetDateTime;
use wire::allocation::v1 as contract;

use super::Usecases;
use crate::domain::{Ask, Setting, Situation, Standing, decide, standing};
use crate::error::{bug, month_unknown, no_month_yet};
use crate::store::{Change, PoolView, Reading, Share};

/// A pool as its subscriber sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    pub program: Program,
    pub month: Month,
    pub standing: Standing,
    pub pool: PoolView,
}

impl Usecases {
    /// One subscriber's pool; `None` asks for the open month.
    ///
    /// # Errors
    /// `NotFound` for a month before the first, and the database's.
    pub async fn get_allocations(
        &self,
        subscriber: &SubscriberId,
        program: Program,
        month: Option<Month>,
    ) -> Result<View, Error> {
        let (month, standing) = self.standing_of(month).await?;
        if standing == Standing::Unknown {
            return Err(month_unknown(month));
        }
        let pool = self.store.find_pool(subscriber, program, month).await?;
        Ok(View {
            program,
            month,
            standing,
            pool,
        })
    }

    /// Sets what one creator gets; `None` sets it in the open month. Answers the pool afterwards
    /// and the key of the fact, which is empty when nothing changed.
    ///
    /// # Errors
    /// Every refusal of [`decide`], and the database's.
    pub async fn set_allocation(
        &self,
        ask: &Ask,
        month: Option<Month>,
    ) -> Result<(View, String), Error> {
        let mut tx = self.store.begin().await?;
        let (month, open, reading) = self.enter_in_tx(&mut tx, ask, month).await?;
        let mut shares = self.store.list_shares_in_tx(&mut tx, ask, month).await?;
        let standing = standing(month, reading.state, open);
        let pool = reading.pool;
        let from = amount_of(&shares, ask);
        let Reading {
            creator_known,
            subscribed,
            ..
        } = reading;
        let situation = Situation {
            month,
            standing,
            open,
            creator_known,
            subscribed,
            pool,
            from,
        };
        let view = |pool| View {
            program: ask.program,
            month,
            standing,
            pool,
        };
        let Some(setting) = decide(ask, &situation)? else {
            return Ok((view(PoolView { pool, shares }), String::new()));
        };
        let now = self.clock.now();
        let fact_key = self.save_in_tx(&mut tx, ask, month, setting, now).await?;
        tx.commit().await?;
        put(&mut shares, ask, now);
        Ok((
            view(PoolView {
                pool: setting.pool,
                shares,
            }),
            fact_key,
        ))
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

    async fn save_in_tx(
        &self,
        tx: &mut PgConnection,
        ask: &Ask,
        month: Month,
        setting: Setting,
        now: OffsetDateTime,
    ) -> Result<String, Error> {
        let changed = AllocationChanged {
            subscriber: ask.subscriber.clone(),
            creator: ask.creator.clone(),
            program: ask.program,
            month,
            version: setting.pool.version(),
            from: setting.from,
            to: setting.to,
        };
        let event = contract::AllocationChanged::from(&changed);
        let fact = Fact::try_new(changed).map_err(bug)?;
        let change = Change {
            ask,
            month,
            from: setting.from,
            delta_minor: fact.signed_minor(),
            pool: setting.pool,
            fact_key: fact.key().as_str(),
            digest: fact.digest64(),
        };
        self.store.save_change_in_tx(tx, &change, now).await?;
        let pool = format!("{}:{}:{month}", ask.subscriber, ask.program);
        let mut announcement =
            Announcement::new(fact.key().as_str(), pool, event.version, now, &event);
        announcement.request_id = kit::context::current().request_id;
        self.outbox.enqueue_in_tx(tx, &[announcement]).await?;
        Ok(fact.key().as_str().to_owned())
    }
}

fn amount_of(shares: &[Share], ask: &Ask) -> money::Amount {
    let share = shares.iter().find(|share| share.creator == ask.creator);
    share.map_or_else(|| money::Amount::usd(0), |share| share.amount)
}

/// The shares after the change, as a read would list them.
fn put(shares: &mut Vec<Share>, ask: &Ask, now: OffsetDateTime) {
    let status = shares.iter().find(|share| share.creator == ask.creator);
    let status = status.map_or_else(|| "active".to_owned(), |share| share.status.clone());
    shares.retain(|share| share.creator != ask.creator);
    if ask.to.is_zero() {
        return;
    }
    let place = shares.partition_point(|share| share.creator < ask.creator);
    let share = Share {
        creator: ask.creator.clone(),
        amount: ask.to,
        status,
        updated_at: now,
    };
    shares.insert(place, share);
}
