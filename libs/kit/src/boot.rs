//! The order of a start and of a stop, once for all services.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::{Parser, Subcommand};
use mailbox::{Outbox, Pulse};
use secrecy::ExposeSecret;
use sqlx::PgPool;
use tokio::task::JoinHandle;

use crate::assembly::{Assembly, Tasks};
use crate::config::{ClockMode, Layers, Settings};
use crate::tokens::Signer;
use crate::{BootError, Clock, Parts, Peers, Service, postgres, telemetry};

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
    pub(crate) stopping: Arc<AtomicBool>,
    pub(crate) drain_wait: Duration,
    pub(crate) drain_max: Duration,
    pub(crate) tasks: Tasks,
    pub(crate) pool: PgPool,
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
