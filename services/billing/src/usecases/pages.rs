//! Pages that a subscriber could pay: at most one of a program.
//!
//! Whoever makes a page has the turn: it first finds out what became of every order before, closes
//! every page that is open, and writes its own order down while the turn is still its own. So a
//! turn that is lost to a lease does no harm: the next one sends the order that is written down
//! again, under the same key, and closes the page that comes of it, whoever was first.

use std::time::Duration;

use kit::Error;
use stripe::{CheckoutOrder, CheckoutSession, Doubt, Failure};

use super::checkout::Page;
use super::recording::Unread;
use super::{Usecases, refusals};
use crate::domain::subscription::has_ended;
use crate::store::{Checkout, CheckoutSent, CheckoutTurn};

/// Between looks at a turn that somebody else has.
const PAUSE: Duration = Duration::from_millis(100);
/// How often a turn is asked for: for three seconds, longer than making a page mostly takes.
const LOOKS: usize = 30;
/// How often a turn's lease is renewed while Stripe is asked.
const RENEWAL: Duration = Duration::from_secs(5);

impl Usecases {
    /// Waits for the turn of a subscriber and program, for a moment.
    ///
    /// # Errors
    /// `CHECKOUT_IN_PROGRESS`.
    pub(super) async fn take_turn(&self, checkout: &Checkout) -> Result<CheckoutTurn, Error> {
        let turn = CheckoutTurn {
            subscriber_id: checkout.subscriber_id.clone(),
            program: checkout.program.clone(),
            turn_id: kit::ids::fresh("turn"),
        };
        for _ in 0..LOOKS {
            if self.store.take_turn(&turn).await? {
                return Ok(turn);
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err(refusals::starting(&checkout.program))
    }

    /// Goes on for ever.
    pub(super) async fn keep_turn(&self, turn: &CheckoutTurn) {
        loop {
            tokio::time::sleep(RENEWAL).await;
            if let Err(error) = self.store.renew_turn(turn).await {
                tracing::warn!(%error, "a checkout's turn could not be renewed");
            }
        }
    }

    /// A turn that is not ended runs out by itself.
    pub(super) async fn end_turn(&self, turn: &CheckoutTurn) {
        if let Err(error) = self.store.end_turn(turn).await {
            tracing::warn!(%error, "a checkout's turn could not be ended");
        }
    }

    /// Finds out what became of orders whose answers were lost.
    pub(super) async fn settle_orders(&self, turn: &CheckoutTurn) -> Result<(), Error> {
        let now = self.clock.now();
        let unsettled = self
            .store
            .list_unsettled(&turn.subscriber_id, &turn.program, now);
        for sent in unsettled.await? {
            match self.send_order(&sent).await {
                Ok(Ok(_)) => {}
                Ok(Err(failure)) if made_nothing(&failure) => {}
                Ok(Err(failure)) => return Err(refusals::refused(failure)),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Sends an order, for the first time or again, and writes down what became of it. A failure
    /// inside is Stripe's.
    pub(super) async fn send_order(
        &self,
        sent: &CheckoutSent,
    ) -> Result<Result<Page, Failure>, Error> {
        let order: CheckoutOrder =
            serde_json::from_str(&sent.stripe_order).map_err(|error| Error::Bug(error.into()))?;
        let made = self.stripe.create_checkout_session(&order, &sent.order_key);
        match made.await {
            Ok(CheckoutSession { id, url }) => {
                let kept = self.store.save_session(&sent.checkout_id, &id, &url);
                let (session_id, url) = kept.await?;
                Ok(Ok(Page { session_id, url }))
            }
            Err(failure) => {
                if made_nothing(&failure) {
                    self.store.drop_order(sent).await?;
                }
                Ok(Err(failure))
            }
        }
    }

    /// One live subscription per subscriber and program. What we know may be a moment old, so
    /// Stripe is asked too, after all pages that could still make another one were closed.
    pub(super) async fn refuse_a_second(
        &self,
        checkout: &Checkout,
        customer: Option<&str>,
    ) -> Result<(), Error> {
        let live = self.store.list_live(&checkout.subscriber_id).await?;
        if let Some(live) = live.iter().find(|it| it.program == checkout.program) {
            return Err(refusals::already_subscribed(
                &live.subscription_id,
                &live.program,
            ));
        }
        let Some(customer) = customer else {
            return Ok(());
        };
        self.close_known_pages(checkout).await?;
        self.close_pages_of(customer, &checkout.program, "").await?;
        let there = self.stripe.list_subscriptions_of(customer).await;
        let there = there.map_err(refusals::refused)?;
        let second = there.iter().find(|it| {
            let program = it.metadata.get("program");
            program == Some(&checkout.program) && !has_ended(&it.status)
        });
        match second {
            Some(it) => Err(refusals::already_subscribed(&it.id, &checkout.program)),
            None => Ok(()),
        }
    }

    async fn close_known_pages(&self, checkout: &Checkout) -> Result<(), Error> {
        let (subscriber, program) = (&checkout.subscriber_id, &checkout.program);
        let now = self.clock.now();
        let known = self.store.list_open_sessions(subscriber, program, now);
        for session in known.await? {
            self.close_page(&session).await?;
        }
        Ok(())
    }

    /// Closes what is open at Stripe, whether we know of it or not.
    async fn close_pages_of(
        &self,
        customer: &str,
        program: &str,
        except: &str,
    ) -> Result<(), Unread> {
        let open = self.stripe.list_open_checkout_sessions_of(customer).await?;
        let ours = open.into_iter().filter(|page| {
            let of = page.metadata.get("program").map(String::as_str);
            of == Some(program) && page.id != except
        });
        for page in ours {
            self.close_page(&page.id).await?;
        }
        Ok(())
    }

    /// A page that Stripe does not close is paid or closed already.
    async fn close_page(&self, session: &str) -> Result<(), Unread> {
        match self.stripe.expire_checkout_session(session).await {
            Ok(()) | Err(Failure::Refused { .. }) => {}
            Err(failure) => return Err(failure.into()),
        }
        self.store.close_session(session, self.clock.now()).await?;
        Ok(())
    }

    /// Closes whatever else could be paid for the program of a page that was paid, while that goes
    /// on. There should be nothing; to pay it would be to pay twice a month. So a refusal of
    /// Stripe's, as for a customer that was deleted, leaves nothing to be done either.
    pub(super) async fn close_others(&self, paid: &str) -> Result<(), Unread> {
        match self.try_to_close_others(paid).await {
            Err(Unread::Stripe(failure @ Failure::Refused { .. })) => {
                tracing::info!(session.id = paid, %failure, "no pages to be closed");
                Ok(())
            }
            closed => closed,
        }
    }

    async fn try_to_close_others(&self, paid: &str) -> Result<(), Unread> {
        let page = self.stripe.retrieve_checkout_session(paid).await?;
        let ours = page.metadata.contains_key("subscriber_id");
        let (Some(customer), Some(program)) = (page.customer, page.metadata.get("program")) else {
            return Ok(());
        };
        // Told late, and ended since: a newer page is the subscriber's good right.
        if !ours || self.is_over(page.subscription.as_deref()).await? {
            return Ok(());
        }
        self.close_pages_of(&customer, program, paid).await
    }

    async fn is_over(&self, subscription: Option<&str>) -> Result<bool, Failure> {
        let Some(id) = subscription else {
            return Ok(false);
        };
        let there = self.stripe.retrieve_subscription(id).await?;
        Ok(has_ended(&there.status))
    }
}

/// Whether an order has made no page, or one that the list of open pages shows by now: Stripe has
/// done with it, and would answer the same again.
fn made_nothing(failure: &Failure) -> bool {
    match failure {
        Failure::Refused { .. } | Failure::KeyMisused { .. } | Failure::Mismatch { .. } => true,
        Failure::Unknown { why, .. } => matches!(why, Doubt::ReplayedStatus { .. }),
        Failure::RateLimited { .. } | Failure::NotSent { .. } | Failure::Unauthorized { .. } => {
            false
        }
    }
}
