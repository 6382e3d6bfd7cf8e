//! One or more services in the test's process, over a real database and a real bus.

use std::collections::{BTreeMap, HashMap};

use anyhow::Result;
use kit::{Peer, Peers, Service, Started};
use mailbox::Fact;
use prost::Message;
use sqlx::PgPool;
use time::OffsetDateTime;
use wire::kit::v1::kit_service_client::KitServiceClient;
use wire::kit::v1::{SettleRequest, SettleResponse};
use wire::mailbox::v1 as proto;

use crate::{Keys, TestClock, TestDb, TestNats, eventually};

/// What services of one test share.
pub struct TestBed {
    pub db: TestDb,
    pub nats: TestNats,
    pub clock: TestClock,
    pub keys: Keys,
    bus: async_nats::jetstream::Context,
}

/// A service that runs, and calls to it signed as the gateway's.
pub struct TestService {
    started: Started,
    name: &'static str,
    schema: &'static str,
    keys: Keys,
}

impl TestBed {
    /// A database with the schemas given, a nats-server, and a clock that stands at `now`.
    ///
    /// # Errors
    /// When a server cannot be had.
    pub async fn start(now: OffsetDateTime, migrators: &[sqlx::migrate::Migrator]) -> Result<Self> {
        let nats = TestNats::start().await?;
        let bus = nats.connect().await?;
        let db = TestDb::create(migrators).await?;
        let clock = TestClock::start(now).await?;
        Ok(Self {
            db,
            nats,
            clock,
            keys: Keys::fresh(),
            bus,
        })
    }

    /// Starts a service. `more` is configuration on top, as in the environment.
    ///
    /// # Errors
    /// As the service's start.
    pub async fn service<S: Service>(&self, more: &[(&str, &str)]) -> Result<TestService> {
        let mut environment = self.keys.environment(S::NAME);
        let own = S::NAME.replace('-', "_").to_uppercase();
        let settings = [
            (
                format!("{own}__POSTGRES__URL"),
                self.db.role_url(&format!("{}_svc", S::SCHEMA)),
            ),
            ("TRIBUTARY__NATS__URL".into(), self.nats.url()),
            (
                "TRIBUTARY__NATS__MONITOR_URL".into(),
                self.nats.monitor_url(),
            ),
            ("TRIBUTARY__CLOCK__MODE".into(), "sandbox".into()),
            (
                "TRIBUTARY__CLOCK__SANDBOX_URL".into(),
                self.clock.url().to_owned(),
            ),
            ("TRIBUTARY__LOG__LEVEL".into(), "warn".into()),
            ("TRIBUTARY__LOG__FORMAT".into(), "text".into()),
        ];
        environment.extend(settings);
        environment.extend(more.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
        let started = kit::start::<S>(&environment).await?;
        Ok(TestService {
            started,
            name: S::NAME,
            schema: S::SCHEMA,
            keys: self.keys.clone(),
        })
    }

    /// The environment variable that names a service's address to its callers.
    #[must_use]
    pub fn peer_setting(service: &TestService) -> (String, String) {
        let own = service.name.replace('-', "_").to_uppercase();
        (
            format!("TRIBUTARY__PEERS__{own}"),
            format!("http://{}", service.started.address),
        )
    }

    /// Publishes facts as `stream`'s owner would, in one message per subject.
    ///
    /// # Errors
    /// When NATS does not take them.
    pub async fn publish(&self, stream: &str, facts: &[Fact]) -> Result<()> {
        mailbox::ensure_stream(&self.bus, stream).await?;
        let mut by_subject: BTreeMap<String, Vec<proto::Fact>> = BTreeMap::new();
        for fact in facts {
            by_subject
                .entry(fact.subject.clone())
                .or_default()
                .push(proto::Fact::from(fact));
        }
        for (subject, facts) in by_subject {
            let payload = proto::Batch { facts }.encode_to_vec();
            self.bus.publish(subject, payload.into()).await?.await?;
        }
        Ok(())
    }

    /// What a service has announced of one subject, oldest first.
    ///
    /// # Errors
    /// The database's or the decoder's.
    pub async fn announced<E: wire::Event>(&self, schema: &str) -> Result<Vec<E>> {
        let owner: PgPool = self.db.owner().await?;
        let query =
            format!("select payload from {schema}.outbox where subject = $1 order by outbox_id");
        let rows: Vec<Vec<u8>> = sqlx::query_scalar(sqlx::AssertSqlSafe(query))
            .bind(E::SUBJECT)
            .fetch_all(&owner)
            .await?;
        Ok(rows
            .iter()
            .map(|bytes| E::decode(bytes.as_slice()))
            .collect::<Result<_, _>>()?)
    }
}

impl TestService {
    /// A connection signed as `caller`.
    ///
    /// # Errors
    /// Never for a caller of the call graph.
    pub fn peer_as(&self, caller: &str) -> Result<Peer> {
        let addresses = HashMap::from([(
            self.name.replace('-', "_"),
            format!("http://{}", self.started.address),
        )]);
        let key = self.keys.private(caller).into();
        let peers = Peers::signed_as(caller, key, addresses.into_iter().collect())?;
        Ok(peers.connect(self.name)?)
    }

    /// A connection signed as the gateway.
    ///
    /// # Errors
    /// Never.
    pub fn peer(&self) -> Result<Peer> {
        self.peer_as("gateway")
    }

    /// Where it serves gRPC and health.
    #[must_use]
    pub fn address(&self) -> std::net::SocketAddr {
        self.started.address
    }

    /// Where it serves the outside.
    #[must_use]
    pub fn public_address(&self) -> Option<std::net::SocketAddr> {
        self.started.public_address
    }

    /// Its schema's name.
    #[must_use]
    pub fn schema(&self) -> &'static str {
        self.schema
    }

    /// Waits until it has read the clock again and nothing is left to do.
    ///
    /// # Panics
    /// When it does not become idle.
    pub async fn settle(&self) -> SettleResponse {
        let peer = self.peer().expect("the gateway may call every service");
        eventually(&format!("{} to be idle", self.name), || {
            let mut client = KitServiceClient::new(peer.clone());
            async move {
                let answer = client
                    .settle(SettleRequest { clock: None })
                    .await
                    .ok()?
                    .into_inner();
                answer.idle.then_some(answer)
            }
        })
        .await
    }

    /// Stops it as SIGTERM does.
    pub async fn stop(self) {
        self.started.stop().await;
    }
}
