//! Keeps child processes alive until they are told to stop.

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::process::Child;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::child::{ChildSpec, open_log, pid_file, tail};
use crate::process::{self, Process};

/// A child that ends by itself is started again after this pause.
const RESTART_PAUSE: Duration = Duration::from_millis(100);

/// More restarts than this within the window mean that a restart does not help.
const RESTARTS_MAX: usize = 20;
const RESTARTS_WINDOW: Duration = Duration::from_secs(10);

struct Kept {
    spec: ChildSpec,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// The children of one instance.
pub struct Supervisor {
    dir: PathBuf,
    kept: Mutex<Vec<Kept>>,
    failure: Arc<watch::Sender<Option<String>>>,
}

impl Supervisor {
    /// Logs go to `<dir>/logs/<name>.log`, pid files to `<dir>/run/<name>.pid`.
    pub fn new(dir: &Path) -> Self {
        let (failure, _) = watch::channel(None);
        Self {
            dir: dir.to_owned(),
            kept: Mutex::default(),
            failure: Arc::new(failure),
        }
    }

    /// Starts a child, and starts it again whenever it ends.
    pub fn keep(&self, spec: ChildSpec) -> Result<()> {
        let child = spawn(&self.dir, &spec)?;
        let (stop, stopped) = watch::channel(false);
        let keeper = Keeper {
            dir: self.dir.clone(),
            spec: spec.clone(),
            stopped,
            failure: Arc::clone(&self.failure),
            recent: VecDeque::new(),
            restarts: 0,
        };
        let task = tokio::spawn(keeper.run(child));
        self.lock().push(Kept { spec, stop, task });
        Ok(())
    }

    /// Stops these children at once and waits until they are gone; unknown names are passed over.
    pub async fn stop(&self, names: &[&str]) {
        let chosen: Vec<Kept> = {
            let mut kept = self.lock();
            let (chosen, rest) = kept
                .drain(..)
                .partition(|one| names.contains(&one.spec.name.as_str()));
            *kept = rest;
            chosen
        };
        for one in &chosen {
            let _ = one.stop.send(true);
        }
        for one in chosen {
            let _ = one.task.await;
        }
    }

    /// Waits until a child has been given up, and says why.
    pub async fn failed(&self) -> String {
        let mut failure = self.failure.subscribe();
        match failure.wait_for(Option::is_some).await {
            Ok(reason) => reason.clone().unwrap_or_default(),
            Err(_) => std::future::pending().await,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn spawn(dir: &Path, spec: &ChildSpec) -> Result<Child> {
    // The log is a file, not a pipe to us: a child must not die of writing when we are gone.
    let log = open_log(dir, &spec.name)?;
    let child = spec
        .command(dir)
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .with_context(|| format!("could not start {}", spec.program.display()))?;
    if let Some(process) = child.id().and_then(Process::find) {
        process.write_file(&pid_file(dir, &spec.name))?;
    }
    Ok(child)
}

/// A supervisor that goes away with children, say in a panic, asks them to end and does not wait.
impl Drop for Supervisor {
    fn drop(&mut self) {
        for one in self.lock().iter() {
            let _ = one.stop.send(true);
            if let Some(process) = Process::read_file(&pid_file(&self.dir, &one.spec.name)) {
                process.signal(one.spec.stop_signal);
            }
        }
    }
}

/// The task that watches one child.
struct Keeper {
    dir: PathBuf,
    spec: ChildSpec,
    stopped: watch::Receiver<bool>,
    failure: Arc<watch::Sender<Option<String>>>,
    recent: VecDeque<Instant>,
    restarts: u32,
}

impl Keeper {
    async fn run(mut self, mut child: Child) {
        loop {
            let mut stopped = self.stopped.clone();
            tokio::select! {
                status = child.wait() => {
                    let status = status.map_or_else(|e| e.to_string(), |status| status.to_string());
                    match self.start_again(&status).await {
                        Some(next) => child = next,
                        None => return,
                    }
                }
                () = told(&mut stopped) => return self.end(child).await,
            }
        }
    }

    /// The next child; `None` when told to stop meanwhile or when it is time to give up.
    async fn start_again(&mut self, status: &str) -> Option<Child> {
        self.forget_pid();
        loop {
            if self.is_hopeless() {
                self.give_up(status);
                return None;
            }
            self.restarts += 1;
            let name = &self.spec.name;
            eprintln!(
                "{name} ended ({status}): restart {} in 100 ms",
                self.restarts
            );
            let mut stopped = self.stopped.clone();
            tokio::select! {
                () = tokio::time::sleep(RESTART_PAUSE) => {}
                () = told(&mut stopped) => return None,
            }
            if let Some(folder) = &self.spec.alone_in {
                process::gone(&process::find_working_in(folder), Duration::from_secs(10)).await;
            }
            match spawn(&self.dir, &self.spec) {
                Ok(child) => return Some(child),
                Err(error) => eprintln!("{error:#}"),
            }
        }
    }

    fn is_hopeless(&mut self) -> bool {
        let now = Instant::now();
        self.recent.push_back(now);
        while self
            .recent
            .front()
            .is_some_and(|then| now.duration_since(*then) > RESTARTS_WINDOW)
        {
            self.recent.pop_front();
        }
        self.recent.len() > RESTARTS_MAX
    }

    fn give_up(&self, status: &str) {
        let name = &self.spec.name;
        let message = format!(
            "{name} ended more than {RESTARTS_MAX} times in {} s and is given up ({status}); {}",
            RESTARTS_WINDOW.as_secs(),
            tail(&self.dir, name, 12)
        );
        self.failure.send_replace(Some(message));
    }

    async fn end(self, mut child: Child) {
        if let Some(process) = child.id().and_then(Process::find) {
            process.signal(self.spec.stop_signal);
        }
        if tokio::time::timeout(self.spec.stop_patience, child.wait())
            .await
            .is_err()
        {
            eprintln!("{} did not stop in time and is killed", self.spec.name);
            let _ = child.kill().await;
        }
        self.forget_pid();
    }

    fn forget_pid(&self) {
        let _ = fs::remove_file(pid_file(&self.dir, &self.spec.name));
    }
}

/// Waits for the word to stop; a supervisor that is gone has no more words.
async fn told(stopped: &mut watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stop| *stop).await;
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use nix::sys::signal::Signal;

    use super::*;
    use crate::child::log_file;
    use crate::process::MARKER;

    fn shell(name: &str, script: &str) -> ChildSpec {
        ChildSpec {
            name: name.to_owned(),
            program: "/bin/sh".into(),
            args: vec!["-c".to_owned(), script.to_owned()],
            env: BTreeMap::new(),
            ids: None,
            stop_signal: Signal::SIGTERM,
            stop_patience: Duration::from_secs(5),
            alone_in: None,
        }
    }

    fn instance() -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("temp dir");
        fs::create_dir(dir.path().join("run")).expect("made");
        fs::create_dir(dir.path().join("logs")).expect("made");
        dir
    }

    async fn next_process(path: &Path, after: Option<Process>) -> Process {
        let deadline = Instant::now() + Duration::from_secs(10);
        while Instant::now() < deadline {
            match Process::read_file(path) {
                Some(process) if Some(process) != after => return process,
                Some(_) | None => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
        panic!("no process came up in {}", path.display());
    }

    #[tokio::test]
    async fn a_child_that_is_killed_comes_back_and_one_that_is_stopped_does_not() {
        let dir = instance();
        let supervisor = Supervisor::new(dir.path());
        supervisor
            .keep(shell("x", "exec sleep 60"))
            .expect("started");
        let path = pid_file(dir.path(), "x");

        let first = next_process(&path, None).await;
        assert!(first.signal(Signal::SIGKILL));
        let second = next_process(&path, Some(first)).await;

        supervisor.stop(&["x", "unknown"]).await;
        assert!(!second.is_alive());
        assert!(!path.exists());
        assert!(process::find_marked(dir.path()).is_empty());
    }

    #[tokio::test]
    async fn a_child_that_always_dies_is_given_up_with_its_last_words() {
        let dir = instance();
        let supervisor = Supervisor::new(dir.path());
        supervisor
            .keep(shell("x", "echo no such luck >&2; exit 3"))
            .expect("started");
        let reason = tokio::time::timeout(Duration::from_secs(20), supervisor.failed()).await;
        let reason = reason.expect("given up");
        assert!(reason.contains("x ended more than 20 times"), "{reason}");
        assert!(reason.contains("exit status: 3"), "{reason}");
        assert!(reason.contains("no such luck"), "{reason}");
    }

    #[tokio::test]
    async fn a_child_that_will_not_stop_is_killed_in_the_end() {
        let dir = instance();
        let supervisor = Supervisor::new(dir.path());
        let mut stubborn = shell(
            "x",
            "trap '' TERM; echo ready; while :; do sleep 0.05; done",
        );
        stubborn.stop_patience = Duration::from_millis(200);
        supervisor.keep(stubborn).expect("started");
        while !tail(dir.path(), "x", 1).contains("ready") {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let process = next_process(&pid_file(dir.path(), "x"), None).await;
        supervisor.stop(&["x"]).await;
        assert!(!process.is_alive());
    }

    #[tokio::test]
    async fn a_child_sees_its_own_settings_and_nothing_of_ours() {
        let dir = instance();
        let mut spec = shell("x", "env; exec sleep 60");
        spec.env.insert(
            "BILLING__SERVER__LISTEN".to_owned(),
            "127.0.0.1:1".to_owned(),
        );
        let supervisor = Supervisor::new(dir.path());
        supervisor.keep(spec).expect("started");
        while !tail(dir.path(), "x", 50).contains("BILLING__SERVER__LISTEN=127.0.0.1:1") {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        supervisor.stop(&["x"]).await;
        let text = fs::read_to_string(log_file(dir.path(), "x")).expect("log");
        // The shell adds the last three by itself.
        let known = [
            "PATH",
            "HOME",
            "TZ",
            "RUST_BACKTRACE",
            MARKER,
            "PWD",
            "SHLVL",
            "_",
        ];
        for name in text
            .lines()
            .filter_map(|line| line.split_once('='))
            .map(|(name, _)| name)
        {
            assert!(
                known.contains(&name) || name == "BILLING__SERVER__LISTEN",
                "{name}"
            );
        }
    }
}
