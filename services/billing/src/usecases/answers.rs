//! Stripe's answers, written down: many in one transaction, or each in its own where one of them
//! cannot be.

use std::collections::HashSet;

use kit::Error;
use ledger::Month;
use sqlx::PgConnection;
use stripe::Settlement;

use super::Usecases;
use super::reading::Reading;
use super::recording::{Recorded, Snapshot};
use super::seconds::News;
use crate::convert;
use crate::domain::charge::{self, Unclaimed};
use crate::domain::event::WorkKind;
use crate::domain::month::first_open;
use crate::store::{Claim, UnclaimedObject};

/// A claim that was not written down, and why.
type PutOff = (Claim, String);

/// What became of one answer.
enum Outcome {
    /// Nothing more is to be said of it.
    Told,
    /// The object has an owner: whatever was said against it before is settled.
    Owned,
    /// What it was read against has changed.
    Stale,
}

/// What the transaction in hand has gathered.
#[derive(Default)]
struct Gathered {
    news: News,
    done: Vec<Claim>,
    owned: Vec<(&'static str, String)>,
    stale: Vec<PutOff>,
    /// The month that a charge funds if its own is cut; looked up once.
    open: Option<Option<Month>>,
}

impl Usecases {
    /// Writes answers down, and answers those that must wait.
    pub(super) async fn record(&self, mut answers: Vec<(Claim, Reading)>) -> Vec<PutOff> {
        // Every writer takes the locks of subscriptions in this order.
        answers.sort_by(|(_, one), (_, other)| one.lock_order().cmp(other.lock_order()));
        let failure = match self.record_together(&answers).await {
            Ok(stale) => return stale,
            Err(error) => chain(&error),
        };
        if let [(claim, _)] = answers.as_slice() {
            return vec![(claim.clone(), failure)];
        }
        tracing::warn!(failure, "answers of Stripe are written down one by one");
        let mut put_off = Vec::new();
        for (claim, reading) in answers {
            match self.record_together(&[(claim.clone(), reading)]).await {
                Ok(stale) => put_off.extend(stale),
                Err(error) => put_off.push((claim, chain(&error))),
            }
        }
        put_off
    }

    async fn record_together(&self, answers: &[(Claim, Reading)]) -> Result<Vec<PutOff>, Error> {
        if answers.is_empty() {
            return Ok(Vec::new());
        }
        let mut tx = self.store.begin().await?;
        self.store.lock_months_shared_in_tx(&mut tx).await?;
        let claims: Vec<&Claim> = answers.iter().map(|(claim, _)| claim).collect();
        let ours: HashSet<_> = self.store.lock_claims_in_tx(&mut tx, &claims).await?;
        let mut gathered = Gathered::default();
        for (claim, reading) in answers {
            if ours.contains(&(claim.kind, claim.object_id.clone())) {
                self.record_one_in_tx(&mut tx, claim, reading, &mut gathered)
                    .await?;
            }
        }
        let Gathered {
            news,
            done,
            owned,
            stale,
            ..
        } = gathered;
        self.store.resolve_unclaimed_in_tx(&mut tx, &owned).await?;
        self.tell_in_tx(&mut tx, news).await?;
        self.store.finish_claims_in_tx(&mut tx, &done).await?;
        tx.commit().await?;
        Ok(stale)
    }

    async fn record_one_in_tx(
        &self,
        tx: &mut PgConnection,
        claim: &Claim,
        reading: &Reading,
        gathered: &mut Gathered,
    ) -> Result<(), Error> {
        let outcome = match reading {
            Reading::Subscription(it) => self.subscription_in_tx(tx, claim, it, gathered).await?,
            Reading::Settlement(it) => self.charge_in_tx(tx, claim, it, gathered).await?,
            Reading::Unclaimed(why) => self.unclaimed_in_tx(tx, claim, why, None).await?,
            Reading::Nothing => Outcome::Told,
        };
        match outcome {
            Outcome::Told => gathered.done.push(claim.clone()),
            Outcome::Owned => {
                gathered
                    .owned
                    .push((claim.kind.as_str(), claim.object_id.clone()));
                gathered.done.push(claim.clone());
            }
            Outcome::Stale => gathered
                .stale
                .push((claim.clone(), "it was changed meanwhile".to_owned())),
        }
        Ok(())
    }

    async fn subscription_in_tx(
        &self,
        tx: &mut PgConnection,
        claim: &Claim,
        snapshot: &Snapshot,
        gathered: &mut Gathered,
    ) -> Result<Outcome, Error> {
        let news = &mut gathered.news;
        match self.record_subscription_in_tx(tx, snapshot, news).await? {
            Recorded::Ours(_) => Ok(Outcome::Owned),
            // Its own events tell of it, too.
            Recorded::Foreign(_) if claim.kind == WorkKind::Unpaid => Ok(Outcome::Told),
            Recorded::Foreign(why) => self.unclaimed_in_tx(tx, claim, &why, None).await,
            Recorded::Stale => Ok(Outcome::Stale),
        }
    }

    async fn charge_in_tx(
        &self,
        tx: &mut PgConnection,
        claim: &Claim,
        settlement: &Settlement,
        gathered: &mut Gathered,
    ) -> Result<Outcome, Error> {
        let open = match gathered.open {
            Some(open) => open,
            None => *gathered.open.insert(self.first_open_in_tx(tx).await?),
        };
        let month = charge::funded_month(settlement.period_start, open);
        let owner = charge::owner(&settlement.subscription_metadata);
        let (body, fact) = match owner.and_then(|owner| charge::fact(settlement, &owner, month)) {
            Ok(made) => made,
            Err(why) => {
                return self
                    .unclaimed_in_tx(tx, claim, &why, Some(settlement))
                    .await;
            }
        };
        let subscription_id = settlement.subscription.as_deref().unwrap_or_default();
        let invoice_id = settlement.invoice.as_str();
        let is_new = self
            .store
            .save_charge_in_tx(tx, &body, &fact, subscription_id, invoice_id)
            .await?;
        if is_new {
            let key = fact.key().to_string();
            let fact = convert::charge_fact(&body, &key, subscription_id, invoice_id);
            gathered.news.facts.push(fact);
        }
        Ok(Outcome::Owned)
    }

    async fn first_open_in_tx(&self, tx: &mut PgConnection) -> Result<Option<Month>, Error> {
        let last_cut = self.store.find_last_cut_in_tx(&mut *tx).await?;
        let first_event = self.store.find_first_event_in_tx(tx).await?;
        Ok(first_open(last_cut.map(|(month, _)| month), first_event))
    }

    /// Written down and shouted about; what it is for is decided by a person.
    async fn unclaimed_in_tx(
        &self,
        tx: &mut PgConnection,
        claim: &Claim,
        why: &Unclaimed,
        settlement: Option<&Settlement>,
    ) -> Result<Outcome, Error> {
        let unclaimed = UnclaimedObject {
            kind: claim.kind.as_str(),
            object_id: &claim.object_id,
            reason: &why.0,
            charge_id: settlement.map_or("", |it| &it.charge),
            gross_minor: settlement.map_or(0, |it| it.gross_minor),
            currency: settlement.map_or("", |it| &it.currency),
        };
        tracing::error!(
            object_id = claim.object_id,
            charge_id = unclaimed.charge_id,
            gross_minor = unclaimed.gross_minor,
            reason = why.0,
            "unclaimed at Stripe"
        );
        self.store
            .save_unclaimed_in_tx(tx, &unclaimed, self.clock.now())
            .await?;
        Ok(Outcome::Told)
    }
}

impl Reading {
    /// The subscription whose lock writing it down takes; none for the rest.
    fn lock_order(&self) -> &str {
        match self {
            Self::Subscription(snapshot) => &snapshot.subscription.id,
            Self::Settlement(_) | Self::Nothing | Self::Unclaimed(_) => "",
        }
    }
}

fn chain(error: &Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
