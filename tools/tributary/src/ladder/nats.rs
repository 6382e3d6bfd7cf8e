//! The ladder for NATS: what differs from the other one.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use super::debian::{self, PrivateApt};
use super::{Found, Ladder, search_path, version_of};
use crate::version::{NATS_MIN, Version};

pub const LADDER: Ladder = Ladder {
    server: "nats",
    oldest: NATS_MIN,
    variable: "NATS_SERVER_BIN",
    usual: || {
        let dirs = search_path().into_iter();
        dirs.map(|dir| dir.join("nats-server")).collect()
    },
    // Children are started in another folder than ours, where a relative path means nothing.
    resolve: |program| program.canonicalize().ok(),
    version: |program| version_of(program, None),
    folder: "nats",
    unpacked: |folder| {
        let program = folder.join("usr/sbin/nats-server");
        program.exists().then_some(program).into_iter().collect()
    },
    packages: from_packages,
    advice: "Do one of these, then try again:
  put nats-server 2.10.23 or newer on the PATH
  export NATS_SERVER_BIN=/path/to/nats-server
  export NATS_URL=nats://user:password@host:4222  NATS_MONITOR_URL=http://host:8222
      (a server with JetStream and sync_interval: always)",
};

/// The own suite's package where it is new enough, else the next suite's, unpacked privately:
/// installing a package of another suite would pull at the machine's own.
fn from_packages(ladder: &Ladder, home: &Path, passed: &mut Vec<String>) -> Option<Found> {
    let own = match debian::own_suite() {
        Ok(own) => own,
        Err(error) => {
            passed.push(format!("{error:#}"));
            return None;
        }
    };
    for suite in std::iter::once(own.as_str()).chain(debian::next_suite(&own)) {
        if let Err(error) = from_suite(ladder, home, &own, suite) {
            passed.push(format!("{suite}: {error:#}"));
            continue;
        }
        let installed = PathBuf::from("/usr/sbin/nats-server");
        let installed = Some(installed).filter(|program| program.exists());
        let found = ladder
            .unpacked_in(home, passed)
            .or_else(|| ladder.suitable(installed, passed));
        if found.is_some() {
            return found;
        }
    }
    None
}

fn from_suite(ladder: &Ladder, home: &Path, own: &str, suite: &str) -> Result<()> {
    let fit = |offered: Version| -> Result<()> {
        ensure!(
            offered >= NATS_MIN,
            "its nats-server is {offered}, older than {NATS_MIN}"
        );
        Ok(())
    };
    // The machine's own lists answer at once, where it has any.
    if let Some(offered) = debian::offered_here("nats-server").filter(|_| own == suite) {
        fit(offered)?;
    }
    let apt = PrivateApt::open(&home.join("apt-nats"), own, suite)?;
    fit(apt.candidate("nats-server")?)?;
    if own == suite && !ladder.masked() && debian::install("nats-server").is_ok() {
        return Ok(());
    }
    let unpacked = home.join(ladder.folder);
    let _ = fs::remove_dir_all(&unpacked);
    apt.unpack(&["nats-server".to_owned()], &unpacked)
}
