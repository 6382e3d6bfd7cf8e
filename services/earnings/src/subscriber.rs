//! Others' facts: message to ledger, posted; what cannot be read or made is set aside.

use kit::async_trait;
use ledger::FactBody;
use mailbox::{ApplyError, Dedupe, Fact, Refused, Subscriber};
use sqlx::PgConnection;
use wire::Event;
use wire::allocation::v1::{AllocationChanged, FundingAttributed, MonthSealed};
use wire::balance_monitor::v1::BalanceTransactionObserved;
use wire::billing::v1::ChargeSettled;
use wire::payout::v1::{AttemptRefused, AttemptReturned, AttemptSettled, TransferReversed};

use crate::convert;
use crate::domain::batch::Occurred;
use crate::usecases::Usecases;

/// Cash, as billing announces it.
pub struct Cash {
    pub usecases: Usecases,
}

/// Whom money is for, and the seal, as allocation announces them.
pub struct Attribution {
    pub usecases: Usecases,
}

/// What became of payouts' attempts.
pub struct Attempts {
    pub usecases: Usecases,
}

/// What Stripe did to the balance on its own.
pub struct Observed {
    pub usecases: Usecases,
}

/// Facts that were read, next to those that were refused.
struct Sorted<T> {
    read: Vec<T>,
    /// Of `read`, in its order.
    fact_ids: Vec<String>,
    refused: Vec<Refused>,
}

impl<T> Sorted<T> {
    fn new() -> Self {
        Self {
            read: Vec::new(),
            fact_ids: Vec::new(),
            refused: Vec::new(),
        }
    }

    fn add(&mut self, fact: &Fact, read: Result<T, ApplyError>) {
        match read {
            Ok(read) => {
                self.read.push(read);
                self.fact_ids.push(fact.fact_id.clone());
            }
            Err(error) => self.refuse(&fact.fact_id, &error),
        }
    }

    fn refuse(&mut self, fact_id: &str, error: &dyn std::error::Error) {
        let cause = error
            .source()
            .map_or_else(|| error.to_string(), ToString::to_string);
        self.refused.push(Refused {
            fact_id: fact_id.to_owned(),
            reason: cause,
        });
    }

    /// With the reasons that posting gave, in the order of `read`.
    fn finish(self, reasons: Vec<Option<String>>) -> Vec<Refused> {
        let refused = self.fact_ids.into_iter().zip(reasons);
        let refused = refused.filter_map(|(fact_id, reason)| {
            Some(Refused {
                fact_id,
                reason: reason?,
            })
        });
        self.refused.into_iter().chain(refused).collect()
    }
}

impl Sorted<Occurred> {
    fn add_fact(&mut self, fact: &Fact, body: Result<FactBody, ApplyError>) {
        self.add(fact, body.and_then(|body| convert::occurred(fact, body)));
    }

    async fn post_in_tx(
        tx: &mut PgConnection,
        sorted: Self,
        usecases: &Usecases,
    ) -> Result<Vec<Refused>, ApplyError> {
        let reasons = usecases
            .post_in_tx(tx, &sorted.read)
            .await
            .map_err(convert::again)?;
        Ok(sorted.finish(reasons))
    }
}

#[async_trait]
impl Subscriber for Cash {
    fn subjects(&self) -> &'static [&'static str] {
        &[ChargeSettled::SUBJECT]
    }

    fn dedupe(&self) -> Dedupe {
        Dedupe::OwnKey
    }

    async fn apply_in_tx(
        &self,
        tx: &mut PgConnection,
        facts: &[Fact],
    ) -> Result<Vec<Refused>, ApplyError> {
        let mut sorted = Sorted::new();
        for fact in facts {
            sorted.add_fact(fact, convert::charge_settled(fact));
        }
        Sorted::post_in_tx(tx, sorted, &self.usecases).await
    }
}

#[async_trait]
impl Subscriber for Attribution {
    fn subjects(&self) -> &'static [&'static str] {
        &[
            FundingAttributed::SUBJECT,
            AllocationChanged::SUBJECT,
            MonthSealed::SUBJECT,
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
        let (mut sorted, mut seals) = (Sorted::new(), Sorted::new());
        for fact in facts {
            if fact.is::<MonthSealed>() {
                seals.add(fact, convert::seal(fact));
            } else if fact.is::<FundingAttributed>() {
                sorted.add_fact(fact, convert::funding_attributed(fact));
            } else {
                sorted.add_fact(fact, convert::allocation_changed(fact));
            }
        }
        let mut refused = Sorted::post_in_tx(tx, sorted, &self.usecases).await?;
        let mut reasons = Vec::new();
        for seal in &seals.read {
            reasons.push(
                self.usecases
                    .seal_in_tx(tx, seal)
                    .await
                    .map_err(convert::again)?,
            );
        }
        refused.extend(seals.finish(reasons));
        Ok(refused)
    }
}

#[async_trait]
impl Subscriber for Attempts {
    fn subjects(&self) -> &'static [&'static str] {
        &[
            AttemptSettled::SUBJECT,
            AttemptRefused::SUBJECT,
            AttemptReturned::SUBJECT,
            TransferReversed::SUBJECT,
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
        let mut posted = Sorted::new();
        let (mut attempts, mut reversals) = (Sorted::new(), Sorted::new());
        for fact in facts {
            if fact.is::<AttemptSettled>() {
                posted.add_fact(fact, convert::attempt_settled(fact));
            } else if fact.is::<AttemptReturned>() {
                posted.add_fact(fact, convert::attempt_returned(fact));
            } else if fact.is::<TransferReversed>() {
                reversals.add(fact, convert::transfer_reversed(fact));
            } else if let Some(read) = convert::attempt_refused(fact).transpose() {
                attempts.add(fact, read);
            }
        }
        // Holds before accounts, as everyone who locks both.
        let reasons = self
            .usecases
            .give_back_in_tx(tx, &attempts.read, &reversals.read)
            .await
            .map_err(convert::again)?;
        let mut refused = attempts.finish(reasons.attempts);
        refused.extend(reversals.finish(reasons.reversals));
        refused.extend(Sorted::post_in_tx(tx, posted, &self.usecases).await?);
        Ok(refused)
    }
}

#[async_trait]
impl Subscriber for Observed {
    fn subjects(&self) -> &'static [&'static str] {
        &[BalanceTransactionObserved::SUBJECT]
    }

    fn dedupe(&self) -> Dedupe {
        Dedupe::OwnKey
    }

    async fn apply_in_tx(
        &self,
        tx: &mut PgConnection,
        facts: &[Fact],
    ) -> Result<Vec<Refused>, ApplyError> {
        let mut sorted = Sorted::new();
        for fact in facts {
            sorted.add_fact(fact, convert::balance_transaction_observed(fact));
        }
        Sorted::post_in_tx(tx, sorted, &self.usecases).await
    }
}
