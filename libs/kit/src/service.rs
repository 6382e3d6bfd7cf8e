//! What a service gives to kit, and what it gets.

use std::sync::Arc;

use async_trait::async_trait;
use mailbox::{Outbox, Pulse, Subscriber};
use serde::de::DeserializeOwned;
use sqlx::PgPool;
use sqlx::migrate::Migrator;

use crate::{Clock, Peers, Worker};

/// A service's own settings say here what cannot be said by types.
pub trait Validate {
    /// # Errors
    /// A sentence saying which settings contradict each other and what is allowed.
    fn validate(&self) -> Result<(), String> {
        Ok(())
    }
}

/// One service: its name, its settings, its schema, and how it is put together.
#[async_trait]
pub trait Service: Sized + Send + Sync + 'static {
    /// With '-' as '_' also the schema, the stream and the configuration prefix.
    const NAME: &'static str;
    /// The schema and stream name.
    const SCHEMA: &'static str;
    /// The embedded `config.default.toml`.
    const DEFAULTS: &'static str;
    /// Its own settings: everything that kit does not know.
    type Config: DeserializeOwned + Validate + Send + Sync + 'static;

    /// Must be `sqlx::migrate!()`, which alone reads the crate's `sqlx.toml`.
    fn migrator() -> Migrator;

    /// The composition root.
    async fn build(parts: Parts<Self::Config>) -> Result<Running, BootError>;
}

/// What a service is built from.
pub struct Parts<C> {
    pub config: C,
    pub pool: PgPool,
    pub outbox: Outbox,
    pub clock: Clock,
    pub peers: Peers,
    /// Rung by everything that happens in the process.
    pub pulse: Pulse,
}

/// What a service runs.
#[derive(Default)]
pub struct Running {
    pub(crate) grpc: tonic::service::RoutesBuilder,
    pub(crate) public: Option<axum::Router>,
    pub(crate) subscribers: Vec<(&'static str, Arc<dyn Subscriber>)>,
    pub(crate) workers: Vec<Arc<dyn Worker>>,
}

impl Running {
    /// Adds a gRPC service.
    #[must_use]
    pub fn grpc<S>(mut self, service: S) -> Self
    where
        S: tower_service::Service<
                http::Request<tonic::body::Body>,
                Response = http::Response<tonic::body::Body>,
                Error = std::convert::Infallible,
            > + tonic::server::NamedService
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send + 'static,
    {
        self.grpc.add_service(service);
        self
    }

    /// What the outside may reach, on the public listener.
    #[must_use]
    pub fn public(mut self, router: axum::Router) -> Self {
        self.public = Some(router);
        self
    }

    /// Reads one publisher's stream.
    #[must_use]
    pub fn subscriber(mut self, stream: &'static str, subscriber: impl Subscriber) -> Self {
        self.subscribers.push((stream, Arc::new(subscriber)));
        self
    }

    /// Adds a loop.
    #[must_use]
    pub fn worker(mut self, worker: impl Worker) -> Self {
        self.workers.push(Arc::new(worker));
        self
    }
}

/// Why a process could not start, with what to do.
#[derive(Debug, thiserror::Error)]
pub enum BootError {
    #[error("configuration: {0}")]
    Config(String),
    #[error("the schema is behind: {0}. Run `migrate` first.")]
    SchemaBehind(String),
    #[error("cannot listen on {address}")]
    Listen {
        address: String,
        #[source]
        source: std::io::Error,
    },
    #[error("cannot reach Postgres")]
    Postgres(#[from] sqlx::Error),
    #[error("cannot migrate")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    #[error("cannot reach NATS at {url}")]
    Nats {
        url: String,
        #[source]
        source: async_nats::ConnectError,
    },
    #[error(transparent)]
    Other(#[from] crate::Error),
}
