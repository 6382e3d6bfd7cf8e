//! The ladder: where the two servers come from on this machine.
//!
//! 1. the environment names a server that runs already;
//! 2. a suitable program is installed, and a private server is started from it;
//! 3. Debian packages: installed with root's rights, or unpacked privately without;
//! 4. a message with the commands to type.
//!
//! Each rung that is passed over leaves its reason in the line that names the one taken.

pub mod debian;
pub mod nats;
pub mod postgres;

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::version::Version;

/// Where a private server's program was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    pub rung: u8,
    /// The folder of Postgres' programs, or the nats-server program itself.
    pub path: PathBuf,
    pub version: Version,
}

/// A server that somebody else runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    pub url: String,
    pub version: Version,
}

/// What a climb found, and the rungs it passed over with their reasons.
#[derive(Debug)]
pub struct Climb<T> {
    pub found: T,
    pub passed: Vec<String>,
}

/// No rung held. Displays as the message of rung 4.
#[derive(Debug)]
pub struct NothingFound {
    pub server: &'static str,
    pub passed: Vec<String>,
    pub advice: String,
}

impl std::fmt::Display for NothingFound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(
            f,
            "{}: rung 4, nothing suitable on this machine:",
            self.server
        )?;
        for reason in &self.passed {
            writeln!(f, "  - {reason}")?;
        }
        write!(f, "{}", self.advice)
    }
}

impl std::error::Error for NothingFound {}

/// `postgres: rung 2, /usr/lib/postgresql/15/bin, 15.18 (passed over: …)`
pub fn line(server: &str, rung: u8, place: &str, version: Version, passed: &[String]) -> String {
    let mut line = format!("{server}: rung {rung}, {place}, {version}");
    if !passed.is_empty() {
        line.push_str(&format!(" (passed over: {})", passed.join("; ")));
    }
    line
}

/// A variable of our environment; empty counts as not set.
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Whether the programs that are installed on this machine are to be ignored.
fn masked(server: &str) -> bool {
    variable(&format!("TRIBUTARY_MASK_SYSTEM_{server}")).is_some_and(|value| value != "0")
}

/// The folders of PATH, and those of servers, which an ordinary user's PATH lacks on Debian.
fn search_path() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut dirs: Vec<PathBuf> = std::env::split_paths(&path).collect();
    dirs.extend(["/usr/local/sbin", "/usr/sbin"].map(PathBuf::from));
    dirs
}

/// Asks a program for its version. `library_path` is for programs that were unpacked privately.
fn version_of(program: &Path, library_path: Option<&str>) -> Option<Version> {
    let mut command = Command::new(program);
    command.arg("--version");
    if let Some(path) = library_path {
        command.env("LD_LIBRARY_PATH", path);
    }
    let output = command
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    Version::find_in(&String::from_utf8_lossy(&output.stdout))
}

/// The first candidate that is new enough; each one passed over leaves its reason in `passed`.
fn first_suitable(
    candidates: impl IntoIterator<Item = PathBuf>,
    version: impl Fn(&Path) -> Option<Version>,
    oldest: Version,
    passed: &mut Vec<String>,
) -> Option<(PathBuf, Version)> {
    for candidate in candidates {
        match version(&candidate) {
            Some(found) if found >= oldest => return Some((candidate, found)),
            Some(found) => {
                passed.push(format!(
                    "{} is {found}, older than {oldest}",
                    candidate.display()
                ));
            }
            None => passed.push(format!("{} does not run", candidate.display())),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_too_old_is_passed_over_with_its_reason() {
        let versions = |path: &Path| match path.to_str()? {
            "/old" => Some(Version::new(2, 9, 10)),
            "/new" => Some(Version::new(2, 10, 27)),
            _ => None,
        };
        let mut passed = Vec::new();
        let candidates = ["/broken", "/old", "/new"].map(PathBuf::from);
        let found = first_suitable(candidates, versions, crate::version::NATS_MIN, &mut passed);

        assert_eq!(
            found,
            Some((PathBuf::from("/new"), Version::new(2, 10, 27)))
        );
        assert_eq!(
            passed,
            ["/broken does not run", "/old is 2.9.10, older than 2.10.23"]
        );
        assert_eq!(
            line("nats", 2, "/new", Version::new(2, 10, 27), &passed),
            "nats: rung 2, /new, 2.10.27 (passed over: /broken does not run; \
             /old is 2.9.10, older than 2.10.23)"
        );
    }
}
