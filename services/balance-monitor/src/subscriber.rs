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

    /// Any event of the platform will do. Which types move its balance is Stripe's to change, and
    /// a look that finds nothing is cheap. What happens in a connected account moves only that
    /// account's balance.
    fn concerns(&self, fact: &Fact) -> bool {
        fact.decode::<StripeEvent>()
            .map_or(true, |event| event.account.is_empty())
    }

    async fn apply_in_tx(
        &self,
        tx: &mut PgConnection,
        facts: &[Fact],
    ) -> Result<Vec<Refused>, ApplyError> {
        for fact in facts {
            fact.decode::<StripeEvent>()?;
        }
        self.usecases.ask_in_tx(tx).await?;
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
        let (mut troubles, mut ends) = (Vec::new(), Vec::new());
        for fact in facts {
            if fact.is::<MonthClosed>() {
                ends.push(fact.decode::<MonthClosed>()?.month);
            } else {
                troubles.push(fact.decode::<BooksUnbalanced>()?);
            }
        }
        let months = troubles.iter().map(|trouble| &trouble.month).chain(&ends);
        let months: Vec<String> = months.cloned().collect();
        self.usecases.lock_months_in_tx(tx, &months).await?;
        for trouble in &troubles {
            self.usecases.books_unbalanced_in_tx(tx, trouble).await?;
        }
        for month in &ends {
            self.usecases.month_closed_in_tx(tx, month).await?;
        }
        Ok(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Result;
    use kit::{Clock, Peers, Service};
    use sqlx::PgPool;
    use testkit::{TestBed, eventually};
    use time::OffsetDateTime;
    use wire::earnings::v1::earnings_service_client::EarningsServiceClient;

    use super::*;
    use crate::BalanceMonitor;
    use crate::store::{AlertFilter, Store};

    const MONTH: &str = "2027-01";

    fn usecases(bed: &TestBed, pool: PgPool) -> Result<Usecases> {
        let nowhere = "http://127.0.0.1:9".to_owned();
        let addresses = [("earnings".to_owned(), nowhere.clone())].into();
        let key = bed.keys.private("balance-monitor").into();
        let peers = Peers::signed_as("balance-monitor", key, addresses)?;
        Ok(Usecases {
            store: Store::new(pool),
            outbox: mailbox::Outbox::new(BalanceMonitor::SCHEMA),
            clock: Clock::system(),
            stripe: stripe::Stripe::new(stripe::StripeConfig::new(nowhere, "sk_test_x".into()))?,
            earnings: EarningsServiceClient::new(peers.connect("earnings")?),
            every: time::Duration::minutes(15),
        })
    }

    fn fact<E: Event>(name: &str, event: &E) -> Fact {
        Fact::new(name, MONTH, 1, OffsetDateTime::UNIX_EPOCH, event)
    }

    fn trouble() -> Fact {
        let (month, differences) = (MONTH.to_owned(), vec!["3 for 4".to_owned()]);
        fact("unbalanced", &BooksUnbalanced { month, differences })
    }

    fn end() -> Fact {
        let month = MONTH.to_owned();
        let closed = MonthClosed {
            month,
            ..Default::default()
        };
        fact("closed", &closed)
    }

    async fn someone_waits(pool: &PgPool) -> bool {
        let query = "select exists (
                         select from pg_locks l join pg_database d on d.oid = l.database
                         where d.datname = current_database()
                           and l.locktype = 'advisory' and not l.granted)";
        let waits = sqlx::query_scalar(query).fetch_one(pool).await;
        waits.unwrap_or(false)
    }

    /// Goal: no alert stays open for a month that is closed.
    /// Method: one replica is about to commit the alert when another takes the end.
    #[tokio::test]
    async fn a_trouble_and_its_end_that_two_replicas_take_at_once_leave_no_alert() -> Result<()> {
        let bed = TestBed::start(OffsetDateTime::UNIX_EPOCH, &[BalanceMonitor::migrator()]).await?;
        let pool = bed.db.owner().await?;
        let usecases = usecases(&bed, pool.clone())?;
        let closes = Closes {
            usecases: usecases.clone(),
        };
        let mut first = pool.begin().await?;
        closes.apply_in_tx(&mut first, &[trouble()]).await?;
        let (other, connections) = (Closes { usecases }, pool.clone());
        let second = kit::spawn(async move {
            let mut second = connections.begin().await?;
            other.apply_in_tx(&mut second, &[end()]).await?;
            second.commit().await?;
            anyhow::Ok(())
        });
        eventually("the second to wait, or to be through", async || {
            let met = second.is_finished() || someone_waits(&pool).await;
            met.then_some(())
        })
        .await;
        first.commit().await?;
        second.await??;
        let status = Some("open".to_owned());
        let filter = AlertFilter { status, limit: 9 };
        let open = closes.usecases.store.list_alerts(&filter).await?;
        assert_eq!(open, []);
        Ok(())
    }
}
