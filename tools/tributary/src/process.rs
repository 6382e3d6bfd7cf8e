//! Processes by number, and the proof that a number still means the process it once meant.
//!
//! A pid file holds the process id and its start time in clock ticks since boot, as `/proc`
//! gives it. Process ids are reused; the pair is not, so a stranger is never signalled.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// The variable in a child's environment that names its instance's folder.
pub const MARKER: &str = "TRIBUTARY_INSTANCE";

/// One process, told apart from a later one with the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process {
    pub pid: u32,
    start_ticks: u64,
}

impl Process {
    /// `None` if no such process lives. One that has ended but was not waited for is not alive.
    pub fn find(pid: u32) -> Option<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name in parentheses may hold spaces and parentheses of its own.
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
        if matches!(fields.next()?, "Z" | "X") && !has_threads(pid) {
            return None;
        }
        let start_ticks = fields.nth(18)?.parse().ok()?;
        Some(Self { pid, start_ticks })
    }

    pub fn is_alive(&self) -> bool {
        Self::find(self.pid) == Some(*self)
    }

    /// Sends a signal, unless the process is gone. Says whether it was sent.
    pub fn signal(&self, signal: Signal) -> bool {
        let Ok(pid) = i32::try_from(self.pid) else {
            return false;
        };
        self.is_alive() && kill(Pid::from_raw(pid), signal).is_ok()
    }

    pub fn write_file(&self, path: &Path) -> Result<()> {
        std::fs::write(path, format!("{} {}\n", self.pid, self.start_ticks))
            .with_context(|| format!("could not write {}", path.display()))
    }

    /// The living process that a pid file names; `None` for a stale, foreign or unreadable one.
    pub fn read_file(path: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(path).ok()?;
        let (pid, start) = text.trim().split_once(' ')?;
        let process = Self {
            pid: pid.parse().ok()?,
            start_ticks: start.parse().ok()?,
        };
        process.is_alive().then_some(process)
    }
}

/// A killed process is a zombie as soon as its first thread has ended, and yet holds its locks and
/// ports until the last one has.
fn has_threads(pid: u32) -> bool {
    std::fs::read_dir(format!("/proc/{pid}/task")).is_ok_and(|threads| threads.count() > 1)
}

/// Every living process but this one whose first environment carries the marker of `dir`.
pub fn find_marked(dir: &Path) -> Vec<Process> {
    let wanted = format!("{MARKER}={}", dir.display()).into_bytes();
    let carries = |pid: u32| {
        std::fs::read(format!("/proc/{pid}/environ"))
            .is_ok_and(|environ| environ.split(|b| *b == 0).any(|var| var == wanted))
    };
    others()
        .filter(|pid| carries(*pid))
        .filter_map(Process::find)
        .collect()
}

/// Every living process that works in `dir`. All of a Postgres cluster's processes work in its
/// data folder, also those that outlive a killed postmaster for a moment.
pub fn find_working_in(dir: &Path) -> Vec<Process> {
    let works_here =
        |pid: u32| std::fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd == dir);
    others()
        .filter(|pid| works_here(*pid))
        .filter_map(Process::find)
        .collect()
}

fn others() -> impl Iterator<Item = u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| *pid != std::process::id())
}

/// The program that a process runs, without its folder: `postgres`, `billing`.
pub fn program_of(process: Process) -> Option<String> {
    let program: PathBuf = std::fs::read_link(format!("/proc/{}/exe", process.pid)).ok()?;
    let name = program.file_name()?.to_str()?;
    // The kernel appends this when the file was replaced by a newer build.
    Some(name.trim_end_matches(" (deleted)").to_owned())
}

/// Asks processes to end, waits `grace`, and kills those that remain.
pub async fn end_all(processes: &[Process], signal: Signal, grace: Duration) {
    for process in processes {
        process.signal(signal);
    }
    if !gone(processes, grace).await {
        for process in processes {
            process.signal(Signal::SIGKILL);
        }
        gone(processes, Duration::from_secs(5)).await;
    }
}

/// Waits until none of `processes` lives; false if some still do after `patience`.
pub async fn gone(processes: &[Process], patience: Duration) -> bool {
    let deadline = Instant::now() + patience;
    while processes.iter().any(Process::is_alive) {
        if Instant::now() > deadline {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pid_that_was_reused_is_never_taken_for_ours() {
        let dir = tempfile::tempdir().expect("temp dir");
        let path = dir.path().join("x.pid");
        let mut child = std::process::Command::new("sleep")
            .arg("60")
            .spawn()
            .expect("sleep");
        let process = Process::find(child.id()).expect("it lives");

        process.write_file(&path).expect("written");
        assert_eq!(Process::read_file(&path), Some(process));

        // The same number with another start time is another process: not found, not signalled.
        let stranger = Process {
            pid: process.pid,
            start_ticks: process.start_ticks + 1,
        };
        stranger.write_file(&path).expect("written");
        assert_eq!(Process::read_file(&path), None);
        assert!(!stranger.signal(Signal::SIGKILL));
        assert!(
            child.try_wait().expect("asked").is_none(),
            "the stranger lives on"
        );

        assert!(process.signal(Signal::SIGKILL));
        child.wait().expect("it ended");
        assert_eq!(Process::find(process.pid), None);
    }

    #[test]
    fn orphans_are_found_by_the_marker_in_their_environment() {
        let dir = tempfile::tempdir().expect("temp dir");
        let mut child = std::process::Command::new("sleep")
            .arg("60")
            .env(MARKER, dir.path())
            .spawn()
            .expect("sleep");
        // A program that is just being loaded has no environment to be seen yet.
        let environment = format!("/proc/{}/environ", child.id());
        while std::fs::read(&environment).expect("it runs").is_empty() {
            std::thread::yield_now();
        }
        let found = find_marked(dir.path());
        let longer = find_marked(&dir.path().join("sub"));
        child.kill().expect("killed");
        child.wait().expect("ended");
        assert_eq!(
            found.iter().map(|p| p.pid).collect::<Vec<_>>(),
            vec![child.id()]
        );
        assert!(longer.is_empty(), "a folder inside is another instance");
    }

    #[test]
    fn a_pid_file_of_nonsense_names_nobody() {
        let dir = tempfile::tempdir().expect("temp dir");
        let path = dir.path().join("x.pid");
        for text in ["", "12", "x y", "1 2 3"] {
            std::fs::write(&path, text).expect("written");
            assert_eq!(Process::read_file(&path), None, "{text:?}");
        }
    }
}
