//! An instance in the background: the same program, started again in a process group of its own.

use std::fs;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use nix::sys::signal::Signal;

use crate::child::{log_file, open_log};
use crate::exit::CALLED_OFF;
use crate::instance::{self, Ready};
use crate::process::{MARKER, Process};

/// How the background program ended instead of becoming ready.
#[derive(Debug)]
pub struct EndedEarly {
    pub code: i32,
}

impl std::fmt::Display for EndedEarly {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the instance did not start")
    }
}

impl std::error::Error for EndedEarly {}

/// Starts `tributary <arguments>` in the background and shows its log until it is ready. If
/// `called_off` completes first, it is ended again.
pub async fn run(
    dir: &Path,
    arguments: &[String],
    called_off: impl Future<Output = ()>,
) -> Result<Ready> {
    fs::create_dir_all(dir.join("logs"))?;
    let dir = dir.canonicalize()?;
    let log = open_log(&dir, "supervisor")?;
    let mut shown = fs::File::open(log_file(&dir, "supervisor"))?;
    shown.seek(SeekFrom::End(0))?;
    let mut child = Command::new(std::env::current_exe()?)
        .args(arguments)
        .env(MARKER, &dir)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .process_group(0)
        .spawn()
        .context("could not start the background process")?;
    tokio::select! {
        ready = wait(&dir, &mut child, &mut shown) => ready,
        () = called_off => {
            call_off(&child).await;
            let code = i32::from(CALLED_OFF);
            Err(EndedEarly { code }.into())
        }
    }
}

/// Whether this process is one that [`run`] started: its starter shows the addresses.
pub fn is_background() -> bool {
    std::env::var_os(MARKER).is_some()
}

async fn wait(dir: &Path, child: &mut Child, log: &mut fs::File) -> Result<Ready> {
    loop {
        let ended = child.try_wait()?;
        let ready = instance::find_ready(dir).filter(|ready| ready.pid == child.id());
        show(log)?;
        if let Some(ready) = ready {
            return Ok(ready);
        }
        if let Some(status) = ended {
            return Err(EndedEarly {
                code: status.code().unwrap_or(1),
            }
            .into());
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}

fn show(log: &mut fs::File) -> Result<()> {
    let mut news = Vec::new();
    log.read_to_end(&mut news)?;
    Ok(std::io::stderr().write_all(&news)?)
}

async fn call_off(child: &Child) {
    if let Some(process) = Process::find(child.id()) {
        crate::process::end_all(&[process], Signal::SIGTERM, Duration::from_secs(60)).await;
    }
}
