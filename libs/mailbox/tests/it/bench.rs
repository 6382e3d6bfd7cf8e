//! A publisher and a consumer on one schema, and a subscriber that does as it is told.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use anyhow::Result;
use mailbox::{ApplyError, Consumer, DeadLetters, Fact, Inbox, Outbox, Pulse, Refused, Subscriber};
use sqlx::{AssertSqlSafe, Executor, PgConnection, PgPool};
use testkit::{TestDb, TestNats, eventually};
use time::OffsetDateTime;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use wire::billing::v1::MonthCut;

/// The stream of billing stands in for any publisher's.
pub const STREAM: &str = "billing";

pub struct Bench {
    _db: TestDb,
    pub nats: TestNats,
    pub pool: PgPool,
    pub outbox: Outbox,
    stop: CancellationToken,
}

/// Writes each applied fact to a table, refuses and fails as told.
#[derive(Clone, Default)]
pub struct Applier {
    /// Fact ids that are answered as refused.
    pub refused: HashSet<String>,
    /// Fact ids that are nobody's business here.
    pub indifferent: HashSet<String>,
    /// Fact ids that break the whole batch.
    pub broken: HashSet<String>,
    /// Fact ids at which the code itself gives up.
    pub panicking: HashSet<String>,
    /// Closed while no batch may be applied; open unless a test takes the turns.
    pub gate: Option<Arc<Semaphore>>,
    /// Failures to come that pass by themselves.
    pub outages: Arc<Mutex<u32>>,
}

#[async_trait::async_trait]
impl Subscriber for Applier {
    fn subjects(&self) -> &'static [&'static str] {
        &["billing.v1.month.cut"]
    }

    fn concerns(&self, fact: &Fact) -> bool {
        !self.indifferent.contains(&fact.fact_id)
    }

    async fn apply_in_tx(
        &self,
        tx: &mut PgConnection,
        facts: &[Fact],
    ) -> Result<Vec<Refused>, ApplyError> {
        if let Some(gate) = &self.gate {
            gate.acquire().await.expect("never closed").forget();
        }
        assert!(
            !facts
                .iter()
                .any(|fact| self.panicking.contains(&fact.fact_id)),
            "a panic on purpose"
        );
        for fact in facts
            .iter()
            .filter(|fact| !self.refused.contains(&fact.fact_id))
        {
            sqlx::query("insert into public.applied (fact_id) values ($1)")
                .bind(&fact.fact_id)
                .execute(&mut *tx)
                .await?;
        }
        if facts.iter().any(|fact| self.broken.contains(&fact.fact_id)) {
            return Err(ApplyError::bug("cannot be applied"));
        }
        let mut outages = self.outages.lock().expect("not poisoned");
        if *outages > 0 {
            *outages -= 1;
            return Err(ApplyError::Unavailable("away".into()));
        }
        let refuse = |fact: &&Fact| self.refused.contains(&fact.fact_id);
        let refused = facts.iter().filter(refuse).map(|fact| Refused {
            fact_id: fact.fact_id.clone(),
            reason: "not wanted".into(),
        });
        Ok(refused.collect())
    }
}

impl Bench {
    pub async fn start() -> Result<Self> {
        let (db, nats) = (TestDb::create(&[]).await?, TestNats::start().await?);
        let pool = db.owner().await?;
        pool.execute("create schema post").await?;
        pool.execute(AssertSqlSafe(
            mailbox::DDL.replace("mailbox_schema", "post"),
        ))
        .await?;
        // No unique key on purpose: a fact that is applied twice shows.
        pool.execute("create table public.applied (fact_id text not null)")
            .await?;
        let (outbox, stop) = (Outbox::new("post"), CancellationToken::new());
        Ok(Self {
            _db: db,
            nats,
            pool,
            outbox,
            stop,
        })
    }

    pub async fn relay(&self) -> Result<()> {
        let (bus, pulse) = (self.nats.connect().await?, Pulse::default());
        let relay = mailbox::relay::run(
            self.pool.clone(),
            self.outbox.clone(),
            bus,
            STREAM,
            pulse,
            self.stop.clone(),
        );
        tokio::spawn(relay);
        Ok(())
    }

    pub async fn consumer(&self, applier: &Applier) -> Result<Arc<Consumer>> {
        Ok(self.consumer_until(applier, self.stop.clone()).await?.0)
    }

    /// A consumer that is stopped by the test.
    pub async fn consumer_until(
        &self,
        applier: &Applier,
        stop: CancellationToken,
    ) -> Result<(Arc<Consumer>, JoinHandle<()>)> {
        let consumer = Arc::new(Consumer {
            stream: STREAM,
            durable: format!("post__{STREAM}"),
            subscriber: Arc::new(applier.clone()),
            pool: self.pool.clone(),
            bus: self.nats.connect().await?,
            inbox: Inbox::new("post"),
            dead_letters: DeadLetters::new("post"),
            pulse: Pulse::default(),
        });
        let running = Arc::clone(&consumer);
        let task = tokio::spawn(async move { running.run(stop).await });
        Ok((consumer, task))
    }

    /// Waits until the relay has nothing left.
    pub async fn until_published(&self) {
        eventually("an empty outbox", || async {
            self.outbox
                .waiting_count(&self.pool)
                .await
                .ok()
                .filter(|count| *count == 0)
        })
        .await;
    }

    pub async fn announce(&self, ids: impl IntoIterator<Item = String>) -> Result<()> {
        let facts: Vec<Fact> = ids
            .into_iter()
            .map(|id| Fact::new(id, "m", 1, OffsetDateTime::UNIX_EPOCH, &MonthCut::default()))
            .collect();
        let mut tx = self.pool.begin().await?;
        self.outbox.enqueue_in_tx(&mut tx, &facts).await?;
        Ok(tx.commit().await?)
    }

    pub async fn applied(&self) -> Result<Vec<String>> {
        let ids = sqlx::query_scalar("select fact_id from public.applied order by fact_id");
        Ok(ids.fetch_all(&self.pool).await?)
    }

    pub async fn until_applied(&self, count: usize) {
        eventually(&format!("{count} facts to be applied"), || async {
            self.applied().await.ok().filter(|ids| ids.len() >= count)
        })
        .await;
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
