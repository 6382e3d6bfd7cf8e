//! Changing and cancelling a subscription: the order is written down before Stripe is given it,
//! under a key that follows from the row, so that a call that broke off is made again as it was.

use kit::Error;
use ledger::{Program, SubscriberId};
use stripe::{Failure, NewPrice, SubscriptionOrder};
use time::Duration;

use super::recording::{Recorded, Snapshot};
use super::seconds::News;
use super::{Usecases, refusals};
use crate::domain::change::{Decision, Order, Wish, decide_change};
use crate::domain::subscription::{Standing, Terms, has_ended, labels};
use crate::store::{Change, Subscription};

/// Stripe forgets a key after a day: then a second send would be a second change.
const KEY_LASTS: Duration = Duration::hours(23);
/// Looks at a subscription that keeps changing meanwhile.
const TRIES: usize = 3;

/// What a subscriber asks of a live subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub subscriber: SubscriberId,
    /// `None` where there is but one.
    pub program: Option<Program>,
    pub what: What,
    /// Empty: this call is one of its own.
    pub request_key: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    Change {
        /// Empty keeps the plan.
        plan_id: String,
        /// Zero for a plan that has one price.
        amount_minor: i64,
        resume: bool,
    },
    Cancel,
}

/// What comes next.
enum Prepared {
    Done(Box<Subscription>),
    Send(Box<Change>),
    /// Something happened meanwhile.
    Again,
}

impl Usecases {
    /// Changes a live subscription, or ends it with its period; the same change for the same
    /// key. Answers it as it then is. Should there be others of the program, they end with their
    /// periods.
    ///
    /// # Errors
    /// `SUBSCRIPTION_REQUIRED`, `PROGRAM_REQUIRED`, `PLAN_UNKNOWN`, `AMOUNT_OUT_OF_BOUNDS`,
    /// `SUBSCRIPTION_PAST_DUE`, `SUBSCRIPTION_ENDING`, `PAYMENT_REQUIRED`, `CHANGE_IN_PROGRESS`,
    /// `IDEMPOTENCY_KEY_REUSED`, `IDEMPOTENCY_KEY_EXPIRED`; `Unavailable` when Stripe does not
    /// answer: the same key then finds out what happened.
    pub async fn change_subscription(&self, asked: &Asked) -> Result<Subscription, Error> {
        let changed = self.change_one(asked, None).await?;
        self.end_seconds(asked, &changed).await?;
        Ok(changed)
    }

    /// Changes the one that is named, or else the newest.
    pub(super) async fn change_one(
        &self,
        asked: &Asked,
        named: Option<&str>,
    ) -> Result<Subscription, Error> {
        for _ in 0..TRIES {
            if let Some(known) = self.find_change(asked).await? {
                return self.take_up(known, asked).await;
            }
            let current = self.live_subscription(asked, named).await?;
            match self.prepare(asked, &current).await? {
                Prepared::Done(subscription) => return Ok(*subscription),
                Prepared::Send(change) => return self.send(&change).await,
                Prepared::Again => {}
            }
        }
        Err(refusals::changing(
            &self.live_subscription(asked, named).await?,
        ))
    }

    async fn find_change(&self, asked: &Asked) -> Result<Option<Change>, Error> {
        if asked.request_key.is_empty() {
            return Ok(None);
        }
        let (subscriber, key) = (asked.subscriber.as_str(), &asked.request_key);
        Ok(self.store.find_change(subscriber, key).await?)
    }

    /// A request that came before.
    async fn take_up(&self, known: Change, asked: &Asked) -> Result<Subscription, Error> {
        if known.asked != asked.in_words() {
            return Err(refusals::reused());
        }
        match known.state.as_str() {
            "done" => self.get_subscription(&known.subscription_id).await,
            "refused" if !known.decline_code.is_empty() => {
                Err(refusals::declined(&known.decline_code))
            }
            "refused" => Err(Error::bug("Stripe refused this change before")),
            "open" if self.clock.now() - known.started_at < KEY_LASTS => {
                self.send_again(&known).await
            }
            "open" => {
                self.finish(&known, "given_up", "").await?;
                Err(refusals::expired())
            }
            _ => Err(refusals::expired()),
        }
    }

    async fn get_subscription(&self, id: &str) -> Result<Subscription, Error> {
        let mut tx = self.store.begin().await?;
        let found = self.store.find_subscription_in_tx(&mut tx, id).await?;
        found.ok_or_else(|| Error::bug(format!("{id} was changed and is not known")))
    }

    /// The newest one of the program asked for, or the one that is named.
    async fn live_subscription(
        &self,
        asked: &Asked,
        named: Option<&str>,
    ) -> Result<Subscription, Error> {
        let live = self.store.list_live(asked.subscriber.as_str()).await?;
        let Some(newest) = live.first() else {
            return Err(refusals::no_subscription());
        };
        let program = match asked.program {
            Some(program) => program.to_string(),
            None if live.iter().all(|it| it.program == newest.program) => newest.program.clone(),
            None => {
                let mut programs: Vec<_> = live.iter().map(|it| it.program.as_str()).collect();
                programs.sort_unstable();
                programs.dedup();
                return Err(refusals::which_program(&programs));
            }
        };
        let of_program = live.into_iter().find(|it| {
            it.program == program && named.is_none_or(|named| it.subscription_id == named)
        });
        of_program.ok_or_else(refusals::no_subscription)
    }

    /// Decides by what Stripe says now, and writes the order down.
    async fn prepare(&self, asked: &Asked, current: &Subscription) -> Result<Prepared, Error> {
        let wish = self.wish(asked, current)?;
        let snapshot = self.read_subscription(&current.subscription_id).await?;
        if snapshot.known_version != current.version {
            return Ok(Prepared::Again);
        }
        let read = &snapshot.subscription;
        if has_ended(&read.status) {
            return Err(refusals::no_subscription());
        }
        let standing = Standing::read(read).ok_or_else(|| Error::bug("a price of nothing"))?;
        let decision = decide_change(&standing, &wish)
            .map_err(|why| refusals::not_now(why, read, &snapshot.pay_url))?;
        let order = match decision {
            Decision::Nothing => None,
            Decision::Order(order) => Some(self.stripe_change(read, order).await?),
        };
        self.write_down(asked, current, &snapshot, order).await
    }

    fn wish(&self, asked: &Asked, current: &Subscription) -> Result<Wish, Error> {
        let What::Change {
            plan_id,
            amount_minor,
            resume,
        } = &asked.what
        else {
            return Ok(Wish::Cancel);
        };
        let to = match (plan_id.as_str(), *amount_minor) {
            ("", 0) => None,
            ("", amount) => Some(self.priced(&current.plan_id, amount)?),
            (plan_id, amount) => Some(self.priced(plan_id, amount)?),
        };
        let to = to.map(|(plan, amount_minor)| Terms {
            plan_id: plan.plan_id.clone(),
            amount_minor,
        });
        Ok(Wish::Change {
            to,
            resume: *resume,
        })
    }

    async fn stripe_change(
        &self,
        read: &stripe::Subscription,
        order: Order,
    ) -> Result<SubscriptionOrder, Error> {
        let mut change = SubscriptionOrder {
            subscription: read.id.clone(),
            price: None,
            cancel_at_period_end: order.ending,
            metadata: stripe::Metadata::new(),
        };
        if let Some(new) = order.price {
            let (plan, amount_minor) = self.priced(&new.to.plan_id, new.to.amount_minor)?;
            change.price = Some(NewPrice {
                item: read.item.clone(),
                price: self.find_price(plan, amount_minor).await?,
                charge_now: new.charge_now,
            });
            let until = read.period_end.unix_timestamp();
            change.metadata = labels(&new.to.plan_id, new.paid.as_ref(), until);
        }
        Ok(change)
    }

    /// One change of a subscription at a time, each decided by what the last one left.
    async fn write_down(
        &self,
        asked: &Asked,
        current: &Subscription,
        snapshot: &Snapshot,
        order: Option<SubscriptionOrder>,
    ) -> Result<Prepared, Error> {
        let id = &current.subscription_id;
        let mut tx = self.store.begin().await?;
        self.store.lock_subscription_in_tx(&mut tx, id).await?;
        if self.store.is_changing_in_tx(&mut tx, id).await? {
            return Err(refusals::changing(current));
        }
        let mut news = News::default();
        let recorded = self.record_subscription_in_tx(&mut tx, snapshot, &mut news);
        let recorded = match recorded.await? {
            Recorded::Ours(recorded) => recorded,
            Recorded::Stale => return Ok(Prepared::Again),
            Recorded::Foreign(why) => return Err(Error::bug(why.0)),
        };
        let change = self.change(asked, id, order)?;
        if !self.store.save_change_in_tx(&mut tx, &change).await? {
            return Ok(Prepared::Again);
        }
        self.tell_in_tx(&mut tx, news).await?;
        tx.commit().await?;
        Ok(match change.state.as_str() {
            "open" => Prepared::Send(Box::new(change)),
            _ => Prepared::Done(recorded),
        })
    }

    fn change(
        &self,
        asked: &Asked,
        subscription_id: &str,
        order: Option<SubscriptionOrder>,
    ) -> Result<Change, Error> {
        let change_id = kit::ids::fresh("sc");
        let given = !asked.request_key.is_empty();
        let stripe_order = order
            .map(|order| serde_json::to_string(&order))
            .transpose()
            .map_err(|error| Error::Bug(error.into()))?;
        let state = if stripe_order.is_some() {
            "open"
        } else {
            "done"
        };
        Ok(Change {
            request_key: if given {
                asked.request_key.clone()
            } else {
                change_id.clone()
            },
            change_id,
            subscriber_id: asked.subscriber.to_string(),
            subscription_id: subscription_id.to_owned(),
            asked: asked.in_words(),
            stripe_order,
            state: state.to_owned(),
            decline_code: String::new(),
            started_at: self.clock.now(),
        })
    }

    async fn send(&self, change: &Change) -> Result<Subscription, Error> {
        let known_version = self.store.find_version(&change.subscription_id).await?;
        let changed = self.order(change).await?;
        let snapshot = self.with_pay_url(changed, known_version).await;
        self.done(change, snapshot.map_err(refusals::refused)?)
            .await
    }

    /// What Stripe answers to a key that it knows is what it answered first, whatever happened
    /// since: so the subscription is read.
    async fn send_again(&self, change: &Change) -> Result<Subscription, Error> {
        if !self.store.renew_change(&change.change_id).await? {
            return Err(refusals::expired());
        }
        self.order(change).await?;
        let snapshot = self.read_subscription(&change.subscription_id).await?;
        self.done(change, snapshot).await
    }

    async fn order(&self, change: &Change) -> Result<stripe::Subscription, Error> {
        let order = change.stripe_order.as_deref().unwrap_or_default();
        let order: SubscriptionOrder =
            serde_json::from_str(order).map_err(|error| Error::Bug(error.into()))?;
        let key = format!("change:{}", change.change_id);
        match self.stripe.update_subscription(&order, &key).await {
            Ok(changed) => Ok(changed),
            Err(failure) => Err(self.failed(change, failure).await?),
        }
    }

    async fn done(&self, change: &Change, snapshot: Snapshot) -> Result<Subscription, Error> {
        let subscription = self.record_subscription(snapshot).await?;
        self.finish(change, "done", "").await?;
        tracing::info!(
            change_id = change.change_id,
            subscription_id = subscription.subscription_id,
            asked = change.asked,
            "subscription changed"
        );
        Ok(subscription)
    }

    /// What a failure means for the change, and for the caller. One whose outcome is unknown
    /// stays open.
    async fn failed(&self, change: &Change, failure: Failure) -> Result<Error, Error> {
        if let Some(why) = failure.declined() {
            self.finish(change, "refused", why).await?;
            return Ok(refusals::declined(why));
        }
        match &failure {
            Failure::Refused { .. } => self.finish(change, "refused", "").await?,
            Failure::KeyMisused { .. } | Failure::Mismatch { .. } => {
                self.finish(change, "given_up", "").await?;
            }
            Failure::Unknown { .. }
            | Failure::RateLimited { .. }
            | Failure::NotSent { .. }
            | Failure::Unauthorized { .. } => {}
        }
        Ok(refusals::refused(failure))
    }

    async fn finish(&self, change: &Change, state: &str, why: &str) -> Result<(), Error> {
        let mut tx = self.store.begin().await?;
        self.store
            .finish_change_in_tx(&mut tx, &change.change_id, state, why)
            .await?;
        tx.commit().await?;
        Ok(())
    }
}

impl Asked {
    /// The request in a fixed form, without its key.
    fn in_words(&self) -> String {
        let program = self.program.map(|it| it.to_string()).unwrap_or_default();
        match &self.what {
            What::Cancel => format!("cancel {program:?}"),
            What::Change {
                plan_id,
                amount_minor,
                resume,
            } => format!("change {program:?} {plan_id:?} {amount_minor} {resume}"),
        }
    }
}
