//! The sandbox as a program: its arguments, and serving until a signal.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};
use tokio::net::TcpListener;

use crate::{Options, RateLimits, clock};

/// A stateful double of Stripe for tests and development.
#[derive(Parser)]
#[command(name = "stripe-sandbox", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve Stripe's API (/v1), the pages it hands out, and the controls (/_sandbox/).
    ///
    /// Any key sk_test_... is accepted. Business time stands still until it is moved with
    /// POST /_sandbox/clock {"advance_to":"2027-02-01T00:00:00Z"}.
    Serve(Serve),
}

#[derive(clap::Args)]
struct Serve {
    /// Address to listen on; port 0 takes a free one and prints it.
    #[arg(long, env = "STRIPE_SANDBOX_LISTEN", default_value = "127.0.0.1:12111")]
    listen: SocketAddr,
    /// Folder of the journal, which holds all state; made when missing.
    #[arg(long, env = "STRIPE_SANDBOX_DATA")]
    data: PathBuf,
    /// Business time of a new world. One that exists keeps its own.
    #[arg(long, env = "STRIPE_SANDBOX_CLOCK_START", default_value = "2027-01-01T00:00:00Z", value_parser = instant)]
    clock_start: i64,
    /// Base of the URLs of pages, when clients reach this process under another address.
    #[arg(long, env = "STRIPE_SANDBOX_PUBLIC_URL")]
    public_url: Option<String>,
    /// Force every journal line to disk: survives power loss, and is much slower.
    #[arg(long)]
    fsync: bool,
    /// Limits calls: stripe-test (25 a second in all and per endpoint), stripe-live, or two
    /// numbers like 50,10. What POST /_sandbox/rate_limits has set stands above it.
    #[arg(long, env = "STRIPE_SANDBOX_RATE_LIMITS", value_parser = RateLimits::read)]
    rate_limits: Option<RateLimits>,
}

fn instant(text: &str) -> Result<i64, String> {
    clock::read(text).ok_or_else(|| "not an RFC 3339 instant, like 2027-01-01T00:00:00Z".to_owned())
}

/// Parses the arguments and serves. Exit codes: 0 after a signal, 1 when it cannot serve.
pub fn main() -> ExitCode {
    let Cli {
        command: Command::Serve(serve),
    } = Cli::parse();
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();
    match run(serve) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(serve: Serve) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let Serve {
        listen,
        data,
        clock_start,
        public_url,
        fsync,
        rate_limits,
    } = serve;
    let options = Options {
        data,
        clock_start,
        fsync,
        public_url,
        rate_limits,
    };
    runtime.block_on(async {
        let listener = TcpListener::bind(listen).await;
        let listener = listener.with_context(|| format!("cannot listen on {listen}"))?;
        tracing::info!("listening on http://{}", listener.local_addr()?);
        crate::serve(listener, options, stopped()).await
    })
}

/// Ends with Ctrl-C or SIGTERM.
async fn stopped() {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
        .expect("a signal handler can be set in a running runtime");
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}
