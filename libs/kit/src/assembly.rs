//! What runs in a process, put together: relay, consumers, loops, health and listeners.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use async_nats::jetstream;
use mailbox::{Consumer, DeadLetters, Inbox, Outbox, Pulse};
use sqlx::PgPool;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use wire::kit::v1::kit_service_server::KitServiceServer;

use crate::boot::Started;
use crate::config::Settings;
use crate::readiness::{LastLook, Readiness, routes};
use crate::server::{Gate, awake, bind, gated, serve};
use crate::settle::Settle;
use crate::tokens::Gatekeeper;
use crate::worker::Loop;
use crate::{BootError, Clock, Running, Service};

/// Everything that is there before the service's own parts run.
pub(crate) struct Assembly {
    pub(crate) settings: Settings,
    pub(crate) pool: PgPool,
    pub(crate) nats: async_nats::Client,
    pub(crate) clock: Clock,
    pub(crate) pulse: Pulse,
    pub(crate) outbox: Outbox,
}

impl Assembly {
    /// Starts loops, consumers, relay and listeners.
    pub(crate) async fn run<S: Service>(self, mut running: Running) -> Result<Started, BootError> {
        let mut tasks = Tasks::default();
        let bus = jetstream::new(self.nats.clone());
        self.start_relay::<S>(&bus, &mut tasks);
        let consumers = self.start_consumers::<S>(&bus, &mut running, &mut tasks);
        let loops = self.start_loops(&mut running, &mut tasks);
        let following = follow(self.clock.clone(), self.pulse.clone(), tasks.stop.clone());
        tasks.run(following);
        let stopping = Arc::new(AtomicBool::new(false));
        let health = self.health::<S>(Arc::clone(&stopping));
        let public_address = self
            .serve_public(&mut running, health.clone(), &mut tasks)
            .await?;
        let inside = self
            .inside::<S>(&bus, running, consumers, loops)?
            .merge(health);
        let listener = bind(&self.settings.server.listen).await?;
        let address = local(&listener)?;
        tasks.run(serve(listener, inside, tasks.stop.clone()));
        tracing::info!(service = S::NAME, %address, ?public_address, "serving");
        let server = &self.settings.server;
        Ok(Started {
            address,
            public_address,
            stopping,
            drain_wait: Duration::from_millis(server.drain_wait_ms),
            drain_max: Duration::from_millis(server.drain_max_ms),
            tasks,
            pool: self.pool,
        })
    }

    /// Only services that announce something have a stream to relay to.
    fn start_relay<S: Service>(&self, bus: &jetstream::Context, tasks: &mut Tasks) {
        if !announces::<S>() {
            return;
        }
        let (pool, outbox, pulse) = (self.pool.clone(), self.outbox.clone(), self.pulse.clone());
        let stop = tasks.stop.clone();
        tasks.run(mailbox::relay::run(
            pool,
            outbox,
            bus.clone(),
            S::SCHEMA,
            pulse,
            stop,
        ));
    }

    fn start_consumers<S: Service>(
        &self,
        bus: &jetstream::Context,
        running: &mut Running,
        tasks: &mut Tasks,
    ) -> Vec<Arc<Consumer>> {
        let mut consumers = Vec::new();
        for (stream, subscriber) in std::mem::take(&mut running.subscribers) {
            let consumer = Arc::new(Consumer {
                stream,
                durable: format!("{}__{stream}", S::SCHEMA),
                subscriber,
                pool: self.pool.clone(),
                bus: bus.clone(),
                inbox: Inbox::new(S::SCHEMA),
                dead_letters: DeadLetters::new(S::SCHEMA),
                pulse: self.pulse.clone(),
            });
            let (one, clock, stop) = (
                Arc::clone(&consumer),
                self.clock.clone(),
                tasks.stop.clone(),
            );
            tasks.run(async move {
                tokio::select! { () = clock.until_read() => {}, () = stop.cancelled() => {} }
                one.run(stop).await;
            });
            consumers.push(consumer);
        }
        consumers
    }

    fn start_loops(&self, running: &mut Running, tasks: &mut Tasks) -> Vec<Arc<Loop>> {
        let mut loops = Vec::new();
        for worker in std::mem::take(&mut running.workers) {
            let (clock, pulse) = (self.clock.clone(), self.pulse.clone());
            let (one, task) = Loop::start(worker, clock, pulse, tasks.stop.clone());
            tasks.running.push(task);
            loops.push(one);
        }
        loops
    }

    fn health<S: Service>(&self, stopping: Arc<AtomicBool>) -> axum::Router {
        routes(Arc::new(Readiness {
            name: S::NAME,
            pool: self.pool.clone(),
            nats: self.nats.clone(),
            monitor_url: self.settings.nats.monitor_url.clone(),
            http: crate::http::client(),
            clock: self.clock.clone(),
            stopping,
            looked: LastLook::default(),
        }))
    }

    async fn serve_public(
        &self,
        running: &mut Running,
        health: axum::Router,
        tasks: &mut Tasks,
    ) -> Result<Option<SocketAddr>, BootError> {
        let Some(public) = running.public.take() else {
            return Ok(None);
        };
        let listener = bind(&self.settings.server.public_listen).await?;
        let address = local(&listener)?;
        let public = awake(public, self.clock.clone());
        tasks.run(serve(listener, public.merge(health), tasks.stop.clone()));
        Ok(Some(address))
    }

    /// The service's own gRPC and kit's, behind the gate.
    fn inside<S: Service>(
        &self,
        bus: &jetstream::Context,
        mut running: Running,
        consumers: Vec<Arc<Consumer>>,
        loops: Vec<Arc<Loop>>,
    ) -> Result<axum::Router, BootError> {
        running.grpc.add_service(KitServiceServer::new(Settle {
            clock: self.clock.clone(),
            pulse: self.pulse.clone(),
            pool: self.pool.clone(),
            outbox: self.outbox.clone(),
            bus: bus.clone(),
            stream: announces::<S>().then_some(S::SCHEMA),
            consumers,
            loops,
        }));
        let gatekeeper = Gatekeeper::new(S::NAME, &self.settings.tokens, self.clock.clone())?;
        let gate = Gate {
            gatekeeper,
            clock: self.clock.clone(),
            pulse: self.pulse.clone(),
        };
        Ok(gated(running.grpc.routes(), gate))
    }
}

fn announces<S: Service>() -> bool {
    wire::STREAMS.contains(&S::SCHEMA)
}

/// What runs, and how it is told to stop.
#[derive(Default)]
pub(crate) struct Tasks {
    pub(crate) stop: CancellationToken,
    pub(crate) running: Vec<JoinHandle<()>>,
}

impl Tasks {
    fn run(&mut self, work: impl Future<Output = ()> + Send + 'static) {
        self.running.push(crate::spawn(work));
    }
}

fn local(listener: &tokio::net::TcpListener) -> Result<SocketAddr, BootError> {
    listener.local_addr().map_err(|source| BootError::Listen {
        address: "a bound socket".into(),
        source,
    })
}

/// Follows the sandbox's clock, so that loops notice an advance that nobody told them of.
async fn follow(clock: Clock, pulse: Pulse, stop: CancellationToken) {
    while clock.is_sandbox() && !stop.is_cancelled() {
        match clock.refresh().await {
            Ok(true) => pulse.beat(),
            Ok(false) => {}
            Err(error) => tracing::debug!(%error, "the sandbox's clock cannot be read"),
        }
        let pause = if clock.is_read() {
            Duration::from_secs(1)
        } else {
            Duration::from_millis(50)
        };
        tokio::select! { () = tokio::time::sleep(pause) => {}, () = stop.cancelled() => {} }
    }
}
