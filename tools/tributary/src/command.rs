//! What the commands that start and stop an instance do.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use comfy_table::{Table, presets};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use crate::instance::{self, AlreadyRunning, Extent, Options, Ready};
use crate::settings::Settings;
use crate::{database, detach, say, token};

/// How `up` and `servers` show and run what they start.
#[derive(Debug, Clone, Copy)]
pub struct Manner {
    pub detach: bool,
    pub json: bool,
}

/// Starts an instance, and stays with it until a signal unless it is detached.
pub async fn up(options: Options, manner: Manner) -> Result<()> {
    if let Some(ready) = instance::find_ready(&options.dir) {
        return stay_with_running(&options, &ready, manner);
    }
    let mut end = EndSignals::listen()?;
    if manner.detach {
        let ready = detach::run(&options.dir, &again(&options), end.next()).await?;
        return show(&ready, manner.json);
    }
    let Some(instance) = instance::start_unless(options, end.next()).await? else {
        eprintln!("stopped");
        return Ok(());
    };
    if let Some(ready) = instance::find_ready(&instance.dir).filter(|_| !detach::is_background()) {
        show(&ready, manner.json)?;
    }
    let failure = tokio::select! {
        reason = instance.failed() => Some(reason),
        () = end.next() => None,
    };
    eprintln!("stopping");
    instance::stop(instance).await;
    match failure {
        Some(reason) => Err(anyhow::anyhow!(reason)),
        None => Ok(()),
    }
}

/// A second `up --detach` is content with what the first one started.
fn stay_with_running(options: &Options, ready: &Ready, manner: Manner) -> Result<()> {
    let suits = ready.extent == options.extent && manner.detach && !options.fresh;
    if !suits {
        return Err(AlreadyRunning(ready.dir.clone()).into());
    }
    eprintln!("already running (process {})", ready.pid);
    show(ready, manner.json)
}

/// The arguments with which the background process is started.
fn again(options: &Options) -> Vec<String> {
    let command = match options.extent {
        Extent::Everything => "up",
        Extent::Servers => "servers",
    };
    let dir = options.dir.to_string_lossy().into_owned();
    let mut arguments = vec![command.to_owned(), "--dir".to_owned(), dir];
    if let Some(start) = &options.clock_start {
        arguments.extend(["--clock-start".to_owned(), start.clone()]);
    }
    if options.replicas > 1 {
        arguments.extend(["--replicas".to_owned(), options.replicas.to_string()]);
    }
    if options.fresh {
        arguments.push("--fresh".to_owned());
    }
    arguments
}

fn show(ready: &Ready, json: bool) -> Result<()> {
    if json {
        return say::json(ready);
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    for (name, url) in &ready.urls {
        table.add_row([name, url]);
    }
    let (settings, logs) = (ready.env_file.display(), ready.dir.join("logs"));
    say::text(&format!(
        "{table}\nsettings: {settings}   logs: {}",
        logs.display()
    ))
}

pub async fn down(dir: &Path, json: bool) -> Result<()> {
    let stopped = instance::down(dir).await?;
    if json {
        return say::json(&json!({ "dir": dir, "stopped": stopped }));
    }
    let words = ["nothing was running", "stopped"];
    eprintln!("{}", words[usize::from(stopped)]);
    Ok(())
}

/// Prints a token for the instance in `dir`.
pub fn print_token(
    dir: &Path,
    sub: &str,
    roles: &[String],
    ttl: Duration,
    json: bool,
) -> Result<()> {
    let secret = Settings::of(dir)?.get("AUTH_HS256_SECRET");
    let secret = secret.context("no gateway runs there: start it with tributary up")?;
    let token = token::sign(&secret, sub, roles, ttl)?;
    if json {
        let life = ttl.as_secs();
        return say::json(
            &json!({ "token": token, "sub": sub, "roles": roles, "expires_in_s": life }),
        );
    }
    say::text(&token)
}

/// Makes a database with all tables on the servers in `dir` and prints its URL, or drops it.
pub async fn scratch_database(dir: &Path, name: &str, migrations: Option<&Path>) -> Result<()> {
    let admin = Settings::of(dir)?.get("DATABASE_URL")?;
    match migrations {
        Some(migrations) => say::text(&database::make_scratch(&admin, name, migrations).await?),
        None => database::drop_scratch(&admin, name).await,
    }
}

/// The default folder of an instance.
pub const DEFAULT_DIR: &str = ".dev";

/// Ctrl-C and SIGTERM; a lost terminal is not a reason to end.
struct EndSignals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    _hangup: tokio::signal::unix::Signal,
}

impl EndSignals {
    fn listen() -> Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            _hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
