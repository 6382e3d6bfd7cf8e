//! What others announce.

use kit::async_trait;
use mailbox::{ApplyError, Dedupe, Fact, Refused, Subscriber};
use sqlx::PgConnection;
use wire::Event;
use wire::earnings::v1::{BooksUnbalanced, MonthClosed};
use wire::webhook_ingest::v1::StripeEvent;

use crate::usecases::Usecases;

/// Stripe's events, as hints: the balance itself is read, never added up from them.
pub struct StripeEvents {
    pub usecases: Usecases,
}

#[async_trait]
impl Subscriber for StripeEvents {
    fn subjects(&self) -> &'static [&'static str] {
        &[StripeEvent::SUBJECT]
    }

    /// A hint that is taken twice costs one look more, and needs no row to prevent it.
    fn dedupe(&self) -> Dedupe {
        Dedupe::OwnKey
    }

    async fn apply_in_tx(
        &self,
        tx: &mut PgConnection,
        facts: &[Fact],
    ) -> Result<Vec<Refused>, ApplyError> {
        let mut is_ours = false;
        for fact in facts {
            // Any event of the platform will do. Which types move its balance is Stripe's to
            // change, and a look that finds nothing is cheap. What happens in a connected account
            // moves only that account's balance.
            is_ours |= fact.decode::<StripeEvent>()?.account.is_empty();
        }
        if is_ours {
            self.usecases.ask_in_tx(tx).await?;
        }
        Ok(Vec::new())
    }
}

/// Months that earnings closed, or could not.
pub struct Closes {
    pub usecases: Usecases,
}

#[async_trait]
impl Subscriber for Closes {
    fn subjects(&self) -> &'static [&'static str] {
        &[BooksUnbalanced::SUBJECT, MonthClosed::SUBJECT]
    }

    async fn apply_in_tx(
        &self,
        tx: &mut PgConnection,
        facts: &[Fact],
    ) -> Result<Vec<Refused>, ApplyError> {
        for fact in facts {
            if fact.is::<MonthClosed>() {
                let closed: MonthClosed = fact.decode()?;
                self.usecases.month_closed_in_tx(tx, &closed.month).await?;
            } else {
                let unbalanced: BooksUnbalanced = fact.decode()?;
                self.usecases
                    .books_unbalanced_in_tx(tx, &unbalanced)
                    .await?;
            }
        }
        Ok(Vec::new())
    }
}
