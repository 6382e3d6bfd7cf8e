//! Subscriptions as Stripe tells them, written down and announced.

use kit::Error;
use sqlx::PgConnection;
use stripe::Failure;

use super::seconds::News;
use super::{Usecases, refusals};
use crate::convert;
use crate::domain::charge::{self, Unclaimed};
use crate::domain::subscription::{Standing, owes};
use crate::store::Subscription;

/// Looks at a subscription of which something else is written down each time meanwhile.
const TRIES: usize = 5;

/// What Stripe says of a subscription at one moment.
pub(super) struct Snapshot {
    pub subscription: stripe::Subscription,
    /// Where an unpaid invoice can be paid; empty when none is due.
    pub pay_url: String,
    /// What was written down when Stripe was asked.
    pub known_version: i64,
}

/// What became of a snapshot.
pub(super) enum Recorded {
    /// As it is written down now.
    Ours(Box<Subscription>),
    Foreign(Unclaimed),
    /// Something was written down since Stripe was asked, and may be newer: ask again.
    Stale,
}

/// Why a snapshot could not be had.
pub(super) enum Unread {
    Stripe(Failure),
    Store(sqlx::Error),
}

impl Usecases {
    /// A subscription, as it is at Stripe now.
    pub(super) async fn read_subscription(&self, id: &str) -> Result<Snapshot, Unread> {
        let known_version = self.store.find_version(id).await?;
        let subscription = self.stripe.retrieve_subscription(id).await?;
        Ok(self.with_pay_url(subscription, known_version).await?)
    }

    /// Completes an answer to a question that was asked when `known_version` was written down.
    pub(super) async fn with_pay_url(
        &self,
        subscription: stripe::Subscription,
        known_version: i64,
    ) -> Result<Snapshot, Failure> {
        let invoice = subscription.latest_invoice.as_deref();
        let pay_url = match invoice.filter(|_| owes(&subscription.status)) {
            Some(invoice) => {
                let invoice = self.stripe.retrieve_invoice(invoice).await?;
                invoice.pay_url().unwrap_or_default().to_owned()
            }
            None => String::new(),
        };
        Ok(Snapshot {
            subscription,
            pay_url,
            known_version,
        })
    }

    /// Writes down what was read; if it is new, that is added to the news.
    pub(super) async fn record_subscription_in_tx(
        &self,
        tx: &mut PgConnection,
        snapshot: &Snapshot,
        news: &mut News,
    ) -> Result<Recorded, Error> {
        let read = &snapshot.subscription;
        let owner = match charge::owner(&read.metadata) {
            Ok(owner) => owner,
            Err(why) => return Ok(Recorded::Foreign(why)),
        };
        let Some(standing) = Standing::read(read) else {
            let why = "its price is no whole number of cents";
            return Ok(Recorded::Foreign(Unclaimed(why.to_owned())));
        };
        self.store.lock_subscription_in_tx(tx, &read.id).await?;
        let known = self.store.find_subscription_in_tx(tx, &read.id).await?;
        if known.as_ref().map_or(0, |known| known.version) != snapshot.known_version {
            return Ok(Recorded::Stale);
        }
        let now = self.clock.now();
        let pay_url = &snapshot.pay_url;
        let next = Subscription::next(known.as_ref(), read, &standing, &owner, pay_url, now);
        if known.as_ref() == Some(&next) {
            return Ok(Recorded::Ours(Box::new(next)));
        }
        let changed = Subscription {
            version: next.version.saturating_add(1),
            ..next
        };
        self.store.save_subscription_in_tx(tx, &changed).await?;
        // A period that goes on makes no second subscription of it.
        let charged = |it: &Subscription| (it.status.clone(), it.cancel_at_period_end);
        if known.as_ref().map(charged) != Some(charged(&changed)) {
            news.charged.push(changed.clone());
        }
        news.facts.push(convert::subscription_fact(&changed, now));
        Ok(Recorded::Ours(Box::new(changed)))
    }

    /// Writes a subscription of ours down, asking Stripe again as long as the snapshot is stale.
    pub(super) async fn record_subscription(
        &self,
        mut snapshot: Snapshot,
    ) -> Result<Subscription, Error> {
        for _ in 0..TRIES {
            let (mut tx, mut news) = (self.store.begin().await?, News::default());
            let recorded = self.record_subscription_in_tx(&mut tx, &snapshot, &mut news);
            match recorded.await? {
                Recorded::Ours(subscription) => {
                    self.tell_in_tx(&mut tx, news).await?;
                    tx.commit().await?;
                    return Ok(*subscription);
                }
                Recorded::Foreign(why) => return Err(Error::bug(why.0)),
                Recorded::Stale => drop(tx),
            }
            snapshot = self.read_subscription(&snapshot.subscription.id).await?;
        }
        Err(Error::unavailable("the subscription keeps changing"))
    }
}

impl From<Failure> for Unread {
    fn from(failure: Failure) -> Self {
        Self::Stripe(failure)
    }
}

impl From<sqlx::Error> for Unread {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error)
    }
}

impl From<Unread> for Error {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::Stripe(failure) => refusals::refused(failure),
            Unread::Store(error) => error.into(),
        }
    }
}
