//! What each sub-command does, and the exit code it ends with.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use comfy_table::{Table, presets};
use tokio::signal::unix::{SignalKind, signal};

use crate::database::{self, NotOurs};
use crate::detach::{self, EndedEarly};
use crate::envfile;
use crate::instance::{self, AlreadyRunning, Extent, Options, Ready};
use crate::ladder::NothingFound;
use crate::programs::NotBuilt;
use crate::token;

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
    if manner.detach {
        let ready = detach::run(&options.dir, &again(&options)).await?;
        return show(&ready, manner.json);
    }
    let mut end = EndSignals::listen()?;
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
    if options.fresh {
        arguments.push("--fresh".to_owned());
    }
    arguments
}

fn show(ready: &Ready, json: bool) -> Result<()> {
    if json {
        println!("{}", serde_json::to_string_pretty(ready)?);
        return Ok(());
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    for (name, url) in &ready.urls {
        table.add_row([name, url]);
    }
    println!("{table}");
    println!(
        "settings: {}   logs: {}",
        ready.env_file.display(),
        ready.dir.join("logs").display()
    );
    Ok(())
}

pub async fn down(dir: &Path) -> Result<()> {
    let ran = instance::down(dir).await?;
    eprintln!(
        "{}",
        if ran {
            "stopped"
        } else {
            "nothing was running"
        }
    );
    Ok(())
}

/// Prints a token for the instance in `dir`.
pub fn print_token(dir: &Path, sub: &str, roles: &[String], ttl: Duration) -> Result<()> {
    let env = envfile::read(&dir.join("env"))?;
    let secret = env
        .get("AUTH_HS256_SECRET")
        .filter(|secret| !secret.is_empty());
    ensure!(
        secret.is_some(),
        "{} runs no gateway: start it with tributary up",
        dir.display()
    );
    println!(
        "{}",
        token::sign(secret.map_or("", String::as_str), sub, roles, ttl)?
    );
    Ok(())
}

/// Makes a database with all tables on the servers in `dir` and prints its URL, or drops it.
pub async fn scratch_database(dir: &Path, name: &str, migrations: Option<&Path>) -> Result<()> {
    let env = envfile::read(&dir.join("env"))?;
    let admin = env.get("DATABASE_URL").map_or("", String::as_str);
    match migrations {
        Some(migrations) => println!("{}", database::make_scratch(admin, name, migrations).await?),
        None => database::drop_scratch(admin, name).await?,
    }
    Ok(())
}

/// The default folder of an instance.
pub const DEFAULT_DIR: &str = ".dev";

/// The exit code for a failure: see `tributary --help`.
pub fn exit_code(error: &anyhow::Error) -> u8 {
    if let Some(early) = error.downcast_ref::<EndedEarly>() {
        return u8::try_from(early.code).unwrap_or(1);
    }
    let is = |found: bool, code: u8| found.then_some(code);
    is(error.downcast_ref::<NothingFound>().is_some(), 3)
        .or(is(error.downcast_ref::<NotBuilt>().is_some(), 4))
        .or(is(error.downcast_ref::<NotOurs>().is_some(), 5))
        .or(is(error.downcast_ref::<AlreadyRunning>().is_some(), 6))
        .unwrap_or(1)
}

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
