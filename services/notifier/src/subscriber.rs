//! What others announce.

use kit::async_trait;
use mailbox::{ApplyError, Dedupe, Fact, Refused, Subscriber};
use sqlx::PgConnection;
use wire::Event;
use wire::payout::v1::PayoutChanged;

use crate::convert;
use crate::domain::Payout;
use crate::usecases::Usecases;

/// Payouts, as they change.
pub struct Payouts {
    pub usecases: Usecases,
}

#[async_trait]
impl Subscriber for Payouts {
    fn subjects(&self) -> &'static [&'static str] {
        &[PayoutChanged::SUBJECT]
    }

    /// A notice's own key is stronger than the inbox: several versions may tell the same.
    fn dedupe(&self) -> Dedupe {
        Dedupe::OwnKey
    }

    async fn apply_in_tx(
        &self,
        tx: &mut PgConnection,
        facts: &[Fact],
    ) -> Result<Vec<Refused>, ApplyError> {
        let mut payouts: Vec<Payout> = Vec::with_capacity(facts.len());
        let mut refused = Vec::new();
        for fact in facts {
            match convert::payout(fact.decode()?, fact.occurred_at) {
                Ok(payout) => payouts.push(payout),
                Err(why) => {
                    let fact_id = fact.fact_id.clone();
                    refused.push(Refused {
                        fact_id,
                        reason: why.to_string(),
                    });
                }
            }
        }
        self.usecases.tell_in_tx(tx, &payouts).await?;
        Ok(refused)
    }
}
