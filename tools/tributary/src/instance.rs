//! One running Tributary in one folder: its servers, its services, and how to start and stop it.

use std::collections::BTreeMap;
use std::fs;
use std::future::Future;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;
use serde::{Deserialize, Serialize};

use crate::child::pid_file;
use crate::envfile::{self, EnvMap};
use crate::fleet::{EDGE, SANDBOX};
use crate::ports::Ports;
use crate::process::{self, Process, program_of};
use crate::replica::{REPLICAS_MAX, Replica};
use crate::supervisor::Supervisor;
use crate::{bring_up, postgres};

const SUPERVISOR: &str = "supervisor";

/// What an instance consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Extent {
    /// Postgres and NATS only, on ports of their own: for tests.
    Servers,
    /// The servers, Stripe's sandbox unless there is a real key, and the nine services.
    Everything,
}

#[derive(Debug, Clone)]
pub struct Options {
    pub dir: PathBuf,
    pub extent: Extent,
    /// Where the sandbox's clock stands on the first start (RFC 3339); now, if not given.
    pub clock_start: Option<String>,
    /// Throw away what an earlier instance left in the folder.
    pub fresh: bool,
    /// How many processes of each service.
    pub replicas: u8,
}

/// An instance that this process runs. It ends with [`stop`]; if this process dies instead, the
/// next start in the same folder, or `tributary down`, ends what is left.
pub struct Instance {
    pub dir: PathBuf,
    /// Addresses by name: the services, `stripe-sandbox`, `webhooks`, `nats-monitor`.
    pub urls: BTreeMap<String, String>,
    /// What `<dir>/env` holds.
    pub env: EnvMap,
    pub(crate) supervisor: Supervisor,
    /// Ours until the instance ends.
    pub(crate) ports: Ports,
    /// Held for as long as the instance lives: two in one folder would share their data.
    _lock: fs::File,
}

/// The facts about a ready instance, for other processes.
#[derive(Debug, Serialize, Deserialize)]
pub struct Ready {
    pub pid: u32,
    pub extent: Extent,
    pub dir: PathBuf,
    pub urls: BTreeMap<String, String>,
    pub env_file: PathBuf,
}

/// Another process runs an instance in the folder.
#[derive(Debug)]
pub struct AlreadyRunning(pub PathBuf);

impl std::fmt::Display for AlreadyRunning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let dir = self.0.display();
        write!(
            f,
            "an instance is running in {dir}; stop it with: tributary down --dir {dir}"
        )
    }
}

impl std::error::Error for AlreadyRunning {}

/// Starts an instance and waits until all of it is ready. On failure nothing is left running.
pub async fn start(options: Options) -> Result<Instance> {
    match start_unless(options, std::future::pending()).await? {
        Some(instance) => Ok(instance),
        None => bail!("the start was called off"),
    }
}

/// As [`start`]; if `called_off` completes first, everything is stopped again and there is no
/// instance.
pub async fn start_unless(
    options: Options,
    called_off: impl Future<Output = ()>,
) -> Result<Option<Instance>> {
    let mut instance = Instance::open(&options).await?;
    let outcome = tokio::select! {
        outcome = bring_up::run(&mut instance, &options) => Some(outcome),
        () = called_off => None,
    };
    match outcome {
        Some(Ok(())) => Ok(Some(instance)),
        Some(Err(error)) => {
            instance.stop().await;
            Err(error)
        }
        None => {
            instance.stop().await;
            Ok(None)
        }
    }
}

/// Stops an instance in order: the edge, the other services, the sandbox, NATS, Postgres.
pub async fn stop(instance: Instance) {
    instance.stop().await;
}

impl Instance {
    async fn open(options: &Options) -> Result<Self> {
        let dir = prepare_dir(&options.dir)?;
        let lock = lock(&dir)?;
        sweep(&dir).await;
        if options.fresh {
            forget(&dir)?;
        }
        let instance = Self {
            supervisor: Supervisor::new(&dir),
            ports: Ports::default(),
            urls: BTreeMap::new(),
            env: EnvMap::new(),
            _lock: lock,
            dir,
        };
        if let Some(own) = Process::find(std::process::id()) {
            own.write_file(&pid_file(&instance.dir, SUPERVISOR))?;
        }
        Ok(instance)
    }

    async fn stop(&self) {
        let _ = fs::remove_file(ready_file(&self.dir));
        let replicas = Replica::all(REPLICAS_MAX);
        let (edge, others): (Vec<Replica>, Vec<Replica>) = replicas
            .into_iter()
            .partition(|one| EDGE.contains(&one.service));
        for group in [edge, others] {
            let names: Vec<String> = group.iter().map(Replica::name).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            self.supervisor.stop(&names).await;
        }
        for server in [SANDBOX, "nats", "postgres"] {
            self.supervisor.stop(&[server]).await;
        }
        let _ = fs::remove_file(pid_file(&self.dir, SUPERVISOR));
    }

    /// Waits until a child has died too often to be started again, and says why.
    pub async fn failed(&self) -> String {
        self.supervisor.failed().await
    }

    /// The process id of a service (or `postgres`, `nats`, `stripe-sandbox`) while it lives.
    pub fn pid_of(&self, service: &str) -> Option<u32> {
        pid_of(&self.dir, service)
    }

    /// Kills a service as a power cut would. The supervisor starts it again.
    pub fn kill9(&self, service: &str) -> Result<()> {
        let process = Process::read_file(&pid_file(&self.dir, service))
            .filter(|process| process.signal(Signal::SIGKILL));
        process
            .map(drop)
            .with_context(|| format!("{service} is not running"))
    }

    /// Tells other processes that all is ready.
    pub(crate) fn announce(&self, extent: Extent) -> Result<()> {
        let env_file = self.dir.join("env");
        envfile::write(&env_file, &self.env)?;
        let ready = Ready {
            pid: std::process::id(),
            extent,
            dir: self.dir.clone(),
            urls: self.urls.clone(),
            env_file,
        };
        envfile::write_private(&ready_file(&self.dir), &serde_json::to_vec_pretty(&ready)?)
    }
}

/// As [`Instance::pid_of`], for an instance that another process runs.
pub fn pid_of(dir: &Path, service: &str) -> Option<u32> {
    Process::read_file(&pid_file(dir, service)).map(|process| process.pid)
}

/// What runs in `dir`, if it is ready.
pub fn find_ready(dir: &Path) -> Option<Ready> {
    let dir = dir.canonicalize().ok()?;
    let supervisor = Process::read_file(&pid_file(&dir, SUPERVISOR))?;
    let ready: Ready = serde_json::from_slice(&fs::read(ready_file(&dir)).ok()?).ok()?;
    (ready.pid == supervisor.pid).then_some(ready)
}

/// Stops whatever runs in `dir`, whoever started it. Says whether anything did.
pub async fn down(dir: &Path) -> Result<bool> {
    let Ok(dir) = dir.canonicalize() else {
        return Ok(false);
    };
    let supervisor = Process::read_file(&pid_file(&dir, SUPERVISOR));
    if let Some(supervisor) = supervisor {
        process::end_all(&[supervisor], Signal::SIGTERM, Duration::from_secs(90)).await;
    }
    let swept = sweep(&dir).await;
    Ok(supervisor.is_some() || swept)
}

fn ready_file(dir: &Path) -> PathBuf {
    dir.join("run").join("ready.json")
}

fn prepare_dir(dir: &Path) -> Result<PathBuf> {
    refuse_foreign(dir)?;
    postgres::open_to_others(dir)?;
    let dir = dir.canonicalize()?;
    for sub in ["run", "logs"] {
        fs::create_dir_all(dir.join(sub))?;
        fs::set_permissions(dir.join(sub), fs::Permissions::from_mode(0o700))?;
    }
    Ok(dir)
}

/// An instance's folder holds logs, data and an env file, and `--fresh` throws them away: a folder
/// that holds something else already is not taken for one. `.dev` holds instances, too.
fn refuse_foreign(dir: &Path) -> Result<()> {
    let is_ours = dir.join("lock").exists() || dir.file_name().is_some_and(|name| name == ".dev");
    let mut held = fs::read_dir(dir).into_iter().flatten().flatten();
    // A background start makes the folder of logs first.
    let stranger = held.find(|entry| entry.file_name() != "logs");
    match stranger.filter(|_| !is_ours) {
        Some(stranger) => bail!(
            "{} is no instance's folder: it holds {}; name an empty or a new one",
            dir.display(),
            stranger.file_name().display()
        ),
        None => Ok(()),
    }
}

fn lock(dir: &Path) -> Result<fs::File> {
    let file = fs::File::create(dir.join("lock"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(AlreadyRunning(dir.to_owned()).into()),
        Err(fs::TryLockError::Error(error)) => Err(error).context("could not lock the folder"),
    }
}

/// Ends the processes that an instance left behind when its supervisor was killed.
async fn sweep(dir: &Path) -> bool {
    let mut left = process::find_marked(dir);
    let names = fs::read_dir(dir.join("run"))
        .into_iter()
        .flatten()
        .flatten();
    for path in names
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|e| e == "pid"))
    {
        let recorded = Process::read_file(&path).filter(|one| one.pid != std::process::id());
        left.extend(recorded.filter(|one| !left.contains(one)));
        let _ = fs::remove_file(path);
    }
    let _ = fs::remove_file(ready_file(dir));
    if left.is_empty() {
        return false;
    }
    eprintln!(
        "stopping {} processes that an earlier run left behind",
        left.len()
    );
    let is_postgres = |one: &Process| program_of(*one).as_deref() == Some("postgres");
    let (postgres, others): (Vec<Process>, Vec<Process>) = left.into_iter().partition(is_postgres);
    process::end_all(&others, Signal::SIGTERM, Duration::from_secs(28)).await;
    process::end_all(&postgres, Signal::SIGINT, Duration::from_secs(30)).await;
    true
}

/// Removes the data of an earlier instance, and nothing else.
fn forget(dir: &Path) -> Result<()> {
    let reachable = crate::account::Account::choose()?.reachable(dir)?;
    let own = ["nats-data", SANDBOX, "logs"].map(|name| dir.join(name));
    for folder in own
        .into_iter()
        .chain(["pg", "pg-socket"].map(|name| reachable.join(name)))
    {
        if folder.exists() {
            fs::remove_dir_all(&folder)
                .with_context(|| format!("could not remove {}", folder.display()))?;
        }
    }
    for file in ["env", "state.json", "nats.conf"] {
        let _ = fs::remove_file(dir.join(file));
    }
    prepare_dir(dir).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_holds_something_else_is_left_as_it_is() {
        let dir = tempfile::tempdir().expect("temp dir");
        let shared = fs::Permissions::from_mode(0o1777);
        fs::set_permissions(dir.path(), shared).expect("chmod");
        fs::write(dir.path().join("thesis.txt"), "years of work").expect("written");

        let refusal = prepare_dir(dir.path()).expect_err("refused").to_string();
        assert!(refusal.contains("thesis.txt"), "{refusal}");
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode();
        assert_eq!(mode(dir.path()) & 0o7777, 0o1777);

        let fresh = dir.path().join("new");
        prepare_dir(&fresh).expect("taken");
        fs::write(fresh.join("lock"), "").expect("locked");
        prepare_dir(&fresh).expect("taken again");
        assert_eq!(mode(&fresh) & 0o755, 0o755);
    }
}
