//! One child process: how to start it, where its log and its pid file are.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result};
use nix::sys::signal::Signal;
use tokio::process::Command;

use crate::process::MARKER;

/// A log longer than this is set aside when its process starts.
const LOG_BYTES_MAX: u64 = 10 * 1024 * 1024;

/// Everything needed to start one child, again and again.
#[derive(Debug, Clone)]
pub struct ChildSpec {
    pub name: String,
    pub program: PathBuf,
    pub args: Vec<String>,
    pub env: BTreeMap<String, String>,
    /// The user and group to run as, if not our own.
    pub ids: Option<(u32, u32)>,
    /// The signal that asks it to end, and how long it may take.
    pub stop_signal: Signal,
    pub stop_patience: Duration,
    /// A folder in which no other process may still be working when this one starts.
    pub alone_in: Option<PathBuf>,
}

impl ChildSpec {
    /// A command in an environment of its own: nothing of ours but what a program needs anywhere.
    pub fn command(&self, instance: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(&self.args)
            .env_clear()
            .stdin(Stdio::null())
            .current_dir("/");
        for name in ["PATH", "HOME", "TZ", "RUST_BACKTRACE"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command.env(MARKER, instance).envs(&self.env);
        // A group of its own: Ctrl-C at the terminal reaches us alone, and we stop in order.
        command.process_group(0);
        if let Some((uid, gid)) = self.ids {
            command.uid(uid).gid(gid);
        }
        command
    }
}

pub fn pid_file(dir: &Path, name: &str) -> PathBuf {
    dir.join("run").join(format!("{name}.pid"))
}

pub fn log_file(dir: &Path, name: &str) -> PathBuf {
    dir.join("logs").join(format!("{name}.log"))
}

/// Opens a log for appending; a long one is first set aside.
pub fn open_log(dir: &Path, name: &str) -> Result<fs::File> {
    let path = log_file(dir, name);
    if fs::metadata(&path).is_ok_and(|meta| meta.len() > LOG_BYTES_MAX) {
        fs::rename(&path, path.with_extension("log.1"))?;
    }
    fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .with_context(|| format!("could not open {}", path.display()))
}

/// The last lines of a log, indented, for an error message.
pub fn tail(dir: &Path, name: &str, lines: usize) -> String {
    let path = log_file(dir, name);
    let text = fs::read(&path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let all: Vec<&str> = text.lines().collect();
    let last = all.iter().skip(all.len().saturating_sub(lines));
    let indented: String = last.map(|line| format!("\n    {line}")).collect();
    format!("the end of {}:{indented}", path.display())
}
