//! The ladder for NATS.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use super::debian::{self, PrivateApt};
use super::{Climb, NothingFound, Program, first_suitable, masked, search_path, version_of};
use crate::version::{NATS_MIN, Version};

/// Climbs rungs 2 to 4. `home` is the folder for unpacking.
pub fn find_program(home: &Path, mut passed: Vec<String>) -> Result<Climb<Program>> {
    let unpacked = home.join("nats");
    if let Some((path, version)) = installed(&mut passed) {
        return Ok(Climb {
            found: Program {
                rung: 2,
                path,
                version,
            },
            passed,
        });
    }
    // Unpacked on an earlier day.
    if let Some((path, version)) = suitable(unpacked_program(&unpacked), &mut Vec::new()) {
        return Ok(Climb {
            found: Program {
                rung: 3,
                path,
                version,
            },
            passed,
        });
    }
    match from_packages(home, &unpacked, &mut passed) {
        Some((path, version)) => Ok(Climb {
            found: Program {
                rung: 3,
                path,
                version,
            },
            passed,
        }),
        None => Err(NothingFound {
            server: "nats",
            passed,
            advice: advice(),
        }
        .into()),
    }
}

fn installed(passed: &mut Vec<String>) -> Option<(PathBuf, Version)> {
    let mut candidates: Vec<PathBuf> = super::variable("NATS_SERVER_BIN")
        .map(PathBuf::from)
        .into_iter()
        .collect();
    if masked("NATS") {
        passed.push("installed programs are masked".to_owned());
    } else {
        candidates.extend(search_path().iter().map(|dir| dir.join("nats-server")));
    }
    candidates.retain(|program| program.exists());
    if candidates.is_empty() && !masked("NATS") {
        passed.push("no nats-server is installed".to_owned());
    }
    suitable(candidates, passed)
}

fn suitable(
    candidates: impl IntoIterator<Item = PathBuf>,
    passed: &mut Vec<String>,
) -> Option<(PathBuf, Version)> {
    first_suitable(
        candidates,
        |program| version_of(program, None),
        NATS_MIN,
        passed,
    )
}

fn unpacked_program(unpacked: &Path) -> Option<PathBuf> {
    Some(unpacked.join("usr/sbin/nats-server")).filter(|program| program.exists())
}

/// The own suite's package where it is new enough, else the next suite's, unpacked privately:
/// installing a package of another suite would pull at the machine's own.
fn from_packages(
    home: &Path,
    unpacked: &Path,
    passed: &mut Vec<String>,
) -> Option<(PathBuf, Version)> {
    let own = match debian::own_suite() {
        Ok(own) => own,
        Err(error) => {
            passed.push(format!("{error:#}"));
            return None;
        }
    };
    for suite in std::iter::once(own.as_str()).chain(debian::next_suite(&own)) {
        if let Err(error) = from_suite(home, unpacked, &own, suite) {
            passed.push(format!("{suite}: {error:#}"));
            continue;
        }
        let installed = Path::new("/usr/sbin/nats-server").to_owned();
        let candidates = unpacked_program(unpacked).into_iter().chain([installed]);
        if let Some(found) = suitable(candidates.filter(|program| program.exists()), passed) {
            return Some(found);
        }
    }
    None
}

fn from_suite(home: &Path, unpacked: &Path, own: &str, suite: &str) -> Result<()> {
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
    if own == suite && !masked("NATS") && debian::install("nats-server").is_ok() {
        return Ok(());
    }
    let _ = fs::remove_dir_all(unpacked);
    apt.unpack(&["nats-server".to_owned()], unpacked)
}

fn advice() -> String {
    "Do one of these, then try again:\n\
     \x20 put nats-server 2.10.23 or newer on the PATH\n\
     \x20 export NATS_SERVER_BIN=/path/to/nats-server\n\
     \x20 export NATS_URL=nats://user:password@host:4222  NATS_MONITOR_URL=http://host:8222\n\
     \x20     (a server with JetStream and sync_interval: always)"
        .to_owned()
}
