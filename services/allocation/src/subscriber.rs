//! What billing and payout announce. A fact that cannot be read is set aside; the rest apply.

use kit::{Error, async_trait};
use ledger::{CreatorId, Month};
use mailbox::{ApplyError, Dedupe, Fact, Refused, Subscriber};
use sqlx::PgConnection;
use wire::Event;
use wire::billing::v1::{ChargeSettled, MonthCut, SubscriptionChanged};
use wire::payout::v1::CreatorRegistered;

use crate::convert;
use crate::domain::{Charge, Cut};
use crate::error::no_month_yet;
use crate::store::SubscriptionRow;
use crate::usecases::Usecases;

/// Charges, subscriptions and cuts. Each has a key of its own in this schema, so a second
/// delivery finds its row.
pub struct Billing {
    pub usecases: Usecases,
}

/// What one batch of billing's facts says.
#[derive(Default)]
struct News {
    charges: Vec<Charge>,
    subscriptions: Vec<SubscriptionRow>,
    cuts: Vec<(Month, Cut)>,
}

impl News {
    fn read(&mut self, fact: &Fact, today: Month) -> Result<(), Error> {
        if fact.is::<ChargeSettled>() {
            self.charges.push(convert::charge(&decode(fact)?, today)?);
        } else if fact.is::<SubscriptionChanged>() {
            self.subscriptions
                .push(convert::subscription(decode(fact)?)?);
        } else {
            self.cuts.push(convert::cut(&decode(fact)?)?);
        }
        Ok(())
    }
}

#[async_trait]
impl Subscriber for Billing {
    fn subjects(&self) -> &'static [&'static str] {
        &[
            ChargeSettled::SUBJECT,
            SubscriptionChanged::SUBJECT,
            MonthCut::SUBJECT,
        ]
    }

    fn dedupe(&self) -> Dedupe {
        Dedupe::OwnKey
    }

    async fn apply_in_tx(
        &self,
        tx: &mut PgConnection,
        facts: &[Fact],
    ) -> Result<Vec<Refused>, ApplyError> {
        let today = self.usecases.today().ok_or_else(no_month_yet)?;
        let mut news = News::default();
        let mut refused = Vec::new();
        for fact in facts {
            if let Err(error) = news.read(fact, today) {
                refused.push(refusal(fact, &error));
            }
        }
        self.usecases.fund_in_tx(tx, &news.charges).await?;
        self.usecases
            .record_subscriptions_in_tx(tx, &news.subscriptions)
            .await?;
        self.usecases.record_cuts_in_tx(tx, &news.cuts).await?;
        Ok(refused)
    }
}

/// The registry of creators.
pub struct Payout {
    pub usecases: Usecases,
}

#[async_trait]
impl Subscriber for Payout {
    fn subjects(&self) -> &'static [&'static str] {
        &[CreatorRegistered::SUBJECT]
    }

    fn dedupe(&self) -> Dedupe {
        Dedupe::OwnKey
    }

    async fn apply_in_tx(
        &self,
        tx: &mut PgConnection,
        facts: &[Fact],
    ) -> Result<Vec<Refused>, ApplyError> {
        let mut creators: Vec<(CreatorId, i64)> = Vec::new();
        let mut refused = Vec::new();
        for fact in facts {
            match decode(fact).and_then(|event| convert::registered(&event)) {
                Ok(creator) => creators.push(creator),
                Err(error) => refused.push(refusal(fact, &error)),
            }
        }
        self.usecases.register_creators_in_tx(tx, &creators).await?;
        Ok(refused)
    }
}

fn decode<E: Event>(fact: &Fact) -> Result<E, Error> {
    fact.decode().map_err(|error| Error::Bug(Box::new(error)))
}

fn refusal(fact: &Fact, error: &Error) -> Refused {
    let reason = match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    };
    Refused {
        fact_id: fact.fact_id.clone(),
        reason,
    }
}
