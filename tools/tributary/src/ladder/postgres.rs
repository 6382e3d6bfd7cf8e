//! The ladder for Postgres: what differs from the other one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};

use super::debian::{self, PrivateApt};
use super::{Found, Ladder, search_path, version_of};
use crate::version::POSTGRES_MIN;

/// Its programs are folders: that of `postgres` and `initdb`.
pub const LADDER: Ladder = Ladder {
    server: "postgres",
    oldest: POSTGRES_MIN,
    variable: "PG_BINDIR",
    usual: || {
        let mut dirs = search_path();
        dirs.extend(told_by_pg_config());
        dirs.extend(bindirs_under(Path::new("/usr/lib/postgresql")));
        dirs
    },
    resolve,
    version: |dir| version_of(&dir.join("postgres"), library_path(dir).as_deref()),
    folder: "pg-bin",
    unpacked: |folder| bindirs_under(&folder.join("usr/lib/postgresql")),
    packages: from_packages,
    advice: "Type one of these, then try again:
  sudo apt-get update && sudo apt-get install -y postgresql
  export PG_BINDIR=/folder/with/initdb/and/postgres      (15 or newer)
  export DATABASE_URL=postgres://user:password@host/db   (15 or newer, empty, as its owner)",
};

/// A folder of links will not do: Postgres looks for its other files beside itself.
fn resolve(dir: &Path) -> Option<PathBuf> {
    let dir = dir
        .join("postgres")
        .canonicalize()
        .ok()?
        .parent()?
        .to_owned();
    dir.join("initdb").exists().then_some(dir)
}

fn told_by_pg_config() -> Option<PathBuf> {
    let output = Command::new("pg_config").arg("--bindir").output().ok()?;
    Some(PathBuf::from(
        String::from_utf8_lossy(&output.stdout).trim(),
    ))
}

/// `<root>/<major>/bin`, the newest first.
fn bindirs_under(root: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(root).into_iter().flatten().flatten();
    let mut majors: Vec<u32> = entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect();
    majors.sort_unstable_by(|a, b| b.cmp(a));
    majors
        .iter()
        .map(|major| root.join(major.to_string()).join("bin"))
        .collect()
}

/// Where programs that were unpacked privately find their libraries: beside them.
/// `None` for programs that are properly installed.
pub fn library_path(bindir: &Path) -> Option<String> {
    let root = bindir.to_str()?.split_once("/usr/lib/postgresql/")?.0;
    if root.is_empty() {
        return None;
    }
    let libraries = ["usr/lib", "lib"].map(|lib| Path::new(root).join(lib));
    let by_machine = libraries
        .iter()
        .flat_map(|lib| fs::read_dir(lib).into_iter().flatten());
    let dirs: Vec<String> = by_machine
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().contains("-linux-"))
        .filter_map(|entry| entry.path().to_str().map(str::to_owned))
        .collect();
    (!dirs.is_empty()).then(|| dirs.join(":"))
}

fn from_packages(ladder: &Ladder, home: &Path, passed: &mut Vec<String>) -> Option<Found> {
    if ladder.masked() {
        passed.push("apt-get install would not lift the mask".to_owned());
    } else {
        match debian::install("postgresql") {
            Ok(()) => {
                let dirs = bindirs_under(Path::new("/usr/lib/postgresql"));
                if let Some(found) = ladder.suitable(dirs, passed) {
                    return Some(found);
                }
            }
            Err(error) => passed.push(format!("apt-get install postgresql: {error}")),
        }
    }
    if let Err(error) = unpack(home, &home.join(ladder.folder)) {
        passed.push(format!("unpacking Debian's packages: {error:#}"));
    }
    ladder.unpacked_in(home, passed)
}

/// The suite's own Postgres with the libraries that this machine lacks.
fn unpack(home: &Path, unpacked: &Path) -> Result<()> {
    let suite = debian::own_suite()?;
    let apt = PrivateApt::open(&home.join("apt-postgres"), &suite, &suite)?;
    let offered = apt.candidate("postgresql")?;
    ensure!(
        offered >= POSTGRES_MIN,
        "{suite} has {offered}, older than {POSTGRES_MIN}"
    );
    let major = offered.major;
    let server = format!("postgresql-{major}");
    let client = format!("postgresql-client-{major}");
    let mut packages = apt.missing_libraries(&[&server, &client])?;
    packages.extend([server, client, "libpq5".to_owned()]);
    packages.sort();
    packages.dedup();
    let _ = fs::remove_dir_all(unpacked);
    apt.unpack(&packages, unpacked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_programs_that_were_unpacked_privately_get_a_library_path() {
        assert_eq!(library_path(Path::new("/usr/lib/postgresql/15/bin")), None);
        assert_eq!(library_path(Path::new("/opt/pg/bin")), None);

        let root = tempfile::tempdir().expect("temp dir");
        let bindir = root.path().join("usr/lib/postgresql/15/bin");
        let libraries = root.path().join("usr/lib/x86_64-linux-gnu");
        fs::create_dir_all(&bindir).expect("made");
        fs::create_dir_all(&libraries).expect("made");
        assert_eq!(library_path(&bindir).as_deref(), libraries.to_str());
    }

    #[test]
    fn the_newest_installed_major_comes_first() {
        let root = tempfile::tempdir().expect("temp dir");
        for major in ["9", "15", "17", "junk"] {
            fs::create_dir_all(root.path().join(major).join("bin")).expect("made");
        }
        let found = bindirs_under(root.path());
        let wanted = ["17", "15", "9"].map(|major| root.path().join(major).join("bin"));
        assert_eq!(found, wanted);
    }
}
