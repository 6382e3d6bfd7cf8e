//! The order of a start and of a stop, once for all services.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_nats::jetstream;
use clap::{Parser, Subcommand};
use mailbox::{Consumer, DeadLetters, Inbox, Outbox, Pulse};
use secrecy::ExposeSecret;
use sqlx::PgPool;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use wire::kit::v1::kit_service_server::KitServiceServer;

use crate::config::{ClockMode, Layers, Settings};
use crate::readiness::{Readiness, routes};
use crate::server::{Gate, awake, bind, gated, serve};
use crate::settle::Settle;
use crate::tokens::{Gatekeeper, Signer};
use crate::worker::Loop;
use crate::{BootError, Clock, Parts, Peers, Running, Service, postgres, telemetry};

#[derive(Parser)]
struct Arguments {
    /// A TOML file between the built-in defaults and the environment.
    #[arg(long, global = true)]
    config: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve until SIGTERM or Ctrl-C.
    Serve,
    /// Make or bring up to date this service's schema (postgres.migrate_url).
    Migrate,
    /// Print the effective configuration without secrets.
    Config,
    /// Check the configuration and say what is wrong.
    Check,
}

/// A service's `main`. Exit codes: 0 done, 1 could not start or failed.
#[must_use]
pub fn run<S: Service>() -> ExitCode {
    let arguments = Arguments::parse();
    crate::http::install_tls();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return failed(S::NAME, &error),
    };
    match runtime.block_on(dispatch::<S>(arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(S::NAME, &error),
    }
}

#[expect(clippy::print_stderr, reason = "the process may have no log yet")]
fn failed(name: &str, error: &dyn std::error::Error) -> ExitCode {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text = format!("{text}: {source}");
        next = source.source();
    }
    eprintln!("{name}: {text}");
    ExitCode::FAILURE
}

async fn dispatch<S: Service>(arguments: Arguments) -> Result<(), BootError> {
    let environment = crate::config::environment();
    let layers = Layers::read(
        S::NAME,
        S::DEFAULTS,
        arguments.config.as_deref(),
        &environment,
    )?;
    match arguments.command {
        Command::Config => {
            println!("{}", layers.redacted()?);
            Ok(())
        }
        Command::Check => layers
            .shape::<S::Config>()
            .map(|_| println!("{}: ok", S::NAME)),
        Command::Migrate => {
            let (settings, _) = layers.shape::<S::Config>()?;
            postgres::migrate(&settings.postgres.migrate_url, &S::migrator()).await
        }
        Command::Serve => {
            let started = start_with::<S>(layers).await?;
            wait_for_signal().await;
            started.stop().await;
            Ok(())
        }
    }
}

/// A service in this process, for tests: the environment is what the test says.
///
/// # Errors
/// As [`run`] would fail.
pub async fn start<S: Service>(
    environment: &HashMap<String, String>,
) -> Result<Started, BootError> {
    start_with::<S>(Layers::read(S::NAME, S::DEFAULTS, None, environment)?).await
}

/// A service that runs.
pub struct Started {
    /// gRPC and health.
    pub address: SocketAddr,
    /// The public listener, of services that have one.
    pub public_address: Option<SocketAddr>,
    stopping: Arc<AtomicBool>,
    drain_wait: Duration,
    drain_max: Duration,
    tasks: Tasks,
    pool: PgPool,
}

impl Started {
    /// Readiness says no; listeners close after `drain_wait`; work in hand finishes, or is left
    /// after `drain_max`: every step may be cut off and starts again from the database.
    pub async fn stop(self) {
        self.stopping.store(true, Ordering::Release);
        tokio::time::sleep(self.drain_wait).await;
        self.tasks.stop.cancel();
        let mut running = self.tasks.running;
        let drained = futures::future::join_all(running.iter_mut());
        if tokio::time::timeout(self.drain_max, drained).await.is_err() {
            tracing::warn!("work in hand was left; it starts again from the database");
            running.iter().for_each(JoinHandle::abort);
        }
        // A call whose caller hung up may still hold a connection.
        let _ = tokio::time::timeout(CLOSE_MAX, self.pool.close()).await;
    }
}

/// How long connections may take to come back when nothing runs any more.
const CLOSE_MAX: Duration = Duration::from_secs(1);

async fn start_with<S: Service>(layers: Layers) -> Result<Started, BootError> {
    let (settings, own) = layers.shape::<S::Config>()?;
    telemetry::init(&settings.log)?;
    let pool = postgres::pool(
        &settings.postgres.url,
        S::NAME,
        settings.postgres.connections_max,
    )
    .await?;
    postgres::verify_schema(&pool, S::SCHEMA, &S::migrator()).await?;
    let nats = connect_nats(S::NAME, &settings).await?;
    let clock = clock(&settings)?;
    // Not ready before it was read, but up: the sandbox may start later.
    let _ = clock.refresh().await;
    let pulse = Pulse::default();
    let signer = Signer::new(S::NAME, &settings.tokens, clock.clone())?;
    let parts = Parts {
        config: own,
        pool: pool.clone(),
        outbox: Outbox::new(S::SCHEMA),
        clock: clock.clone(),
        peers: Peers::new(settings.peers.clone(), signer),
        pulse: pulse.clone(),
    };
    let outbox = parts.outbox.clone();
    let running = S::build(parts).await?;
    Assembly {
        settings,
        pool,
        nats,
        clock,
        pulse,
        outbox,
    }
    .run::<S>(running)
    .await
}

async fn connect_nats(name: &str, settings: &Settings) -> Result<async_nats::Client, BootError> {
    let nats = &settings.nats;
    let mut options = async_nats::ConnectOptions::new()
        .name(name)
        .retry_on_initial_connect();
    if !nats.user.is_empty() {
        let password = nats.password.expose_secret().to_owned();
        options = options.user_and_password(nats.user.clone(), password);
    }
    options
        .connect(&nats.url)
        .await
        .map_err(|source| BootError::Nats {
            url: nats.url.clone(),
            source,
        })
}

fn clock(settings: &Settings) -> Result<Clock, BootError> {
    match settings.clock.mode {
        ClockMode::System => Ok(Clock::system()),
        ClockMode::Sandbox if settings.clock.sandbox_url.is_empty() => Err(BootError::Config(
            "clock.mode is sandbox: clock.sandbox_url is needed".into(),
        )),
        ClockMode::Sandbox => Ok(Clock::sandbox(&settings.clock.sandbox_url)),
    }
}

/// Everything that is there before the service's own parts run.
struct Assembly {
    settings: Settings,
    pool: PgPool,
    nats: async_nats::Client,
    clock: Clock,
    pulse: Pulse,
    outbox: Outbox,
}

impl Assembly {
    async fn run<S: Service>(self, mut running: Running) -> Result<Started, BootError> {
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
struct Tasks {
    stop: CancellationToken,
    running: Vec<JoinHandle<()>>,
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

async fn wait_for_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut interrupt)) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    ) else {
        tracing::error!("signals cannot be received; stopping");
        return;
    };
    tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
    tracing::info!("stopping; a second signal exits at once");
    crate::spawn(async move {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        std::process::exit(130);
    });
}
