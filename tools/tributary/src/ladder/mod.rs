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

use anyhow::Result;

use crate::version::Version;

/// Where a private server's program was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    pub rung: u8,
    /// The folder of Postgres' programs, or the nats-server program itself.
    pub path: PathBuf,
    pub version: Version,
}

impl Program {
    fn on(rung: u8, (path, version): Found) -> Self {
        Self {
            rung,
            path,
            version,
        }
    }
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
    pub advice: &'static str,
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

/// A program that is new enough, and the version it names.
type Found = (PathBuf, Version);

/// One server's rungs 2 to 4: the climb is the same for both, this is what differs.
pub struct Ladder {
    /// `postgres`, `nats`: for messages, and for the variable that masks what is installed.
    pub server: &'static str,
    oldest: Version,
    /// The variable that names a program outright.
    variable: &'static str,
    /// Where programs usually are.
    usual: fn() -> Vec<PathBuf>,
    /// The real place of a candidate; `None` where there is no program.
    resolve: fn(&Path) -> Option<PathBuf>,
    version: fn(&Path) -> Option<Version>,
    /// Below the home folder: where packages are unpacked, and what to look for there.
    folder: &'static str,
    unpacked: fn(&Path) -> Vec<PathBuf>,
    /// Rung 3: installs or unpacks packages, and finds what they hold.
    packages: fn(&Ladder, &Path, &mut Vec<String>) -> Option<Found>,
    advice: &'static str,
}

impl Ladder {
    /// Climbs. `home` is the folder for unpacking, which the server's user can reach.
    pub fn climb(&self, home: &Path, mut passed: Vec<String>) -> Result<Climb<Program>> {
        let found = self
            .look(home, &mut passed)
            .or_else(|| Some(Program::on(3, (self.packages)(self, home, &mut passed)?)));
        match found {
            Some(found) => Ok(Climb { found, passed }),
            None => Err(NothingFound {
                server: self.server,
                passed,
                advice: self.advice,
            }
            .into()),
        }
    }

    /// What is there already: installed, or unpacked on an earlier day. Changes nothing.
    pub fn look(&self, home: &Path, passed: &mut Vec<String>) -> Option<Program> {
        let installed = self.installed(passed).map(|found| Program::on(2, found));
        installed.or_else(|| Some(Program::on(3, self.unpacked_in(home, &mut Vec::new())?)))
    }

    fn installed(&self, passed: &mut Vec<String>) -> Option<Found> {
        let named = variable(self.variable).map(PathBuf::from);
        let mut places: Vec<PathBuf> = named.iter().filter_map(|it| (self.resolve)(it)).collect();
        if let Some(named) = named.filter(|_| places.is_empty()) {
            let (server, named) = (self.server, named.display());
            passed.push(format!(
                "{} names {named}: no {server} there",
                self.variable
            ));
        }
        if self.masked() {
            passed.push("installed programs are masked".to_owned());
        } else {
            for place in (self.usual)().iter().filter_map(|it| (self.resolve)(it)) {
                if !places.contains(&place) {
                    places.push(place);
                }
            }
            if places.is_empty() {
                passed.push(format!("no {} is installed", self.server));
            }
        }
        self.suitable(places, passed)
    }

    /// Whether the programs that are installed on this machine are to be ignored.
    fn masked(&self) -> bool {
        let name = format!("TRIBUTARY_MASK_SYSTEM_{}", self.server.to_uppercase());
        variable(&name).is_some_and(|value| value != "0")
    }

    fn unpacked_in(&self, home: &Path, passed: &mut Vec<String>) -> Option<Found> {
        self.suitable((self.unpacked)(&home.join(self.folder)), passed)
    }

    /// The first candidate that is new enough; each one passed over leaves its reason in `passed`.
    fn suitable(
        &self,
        candidates: impl IntoIterator<Item = PathBuf>,
        passed: &mut Vec<String>,
    ) -> Option<Found> {
        for candidate in candidates {
            let place = candidate.display();
            match (self.version)(&candidate) {
                Some(found) if found >= self.oldest => return Some((candidate, found)),
                Some(found) => {
                    passed.push(format!("{place} is {found}, older than {}", self.oldest));
                }
                None => passed.push(format!("{place} does not run")),
            }
        }
        None
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A ladder on which only what the test names is found.
    const BARE: Ladder = Ladder {
        server: "thing",
        oldest: Version::new(2, 10, 23),
        variable: "TRIBUTARY_TEST_NO_SUCH_VARIABLE",
        usual: || {
            ["/broken", "/old", "/new", "/broken"]
                .map(PathBuf::from)
                .into()
        },
        resolve: |path| Some(path.to_owned()),
        version: |path| match path.to_str()? {
            "/old" => Some(Version::new(2, 9, 10)),
            "/new" => Some(Version::new(2, 10, 27)),
            _ => None,
        },
        folder: "thing",
        unpacked: |_| Vec::new(),
        packages: |_, _, passed| {
            passed.push("no packages".to_owned());
            None
        },
        advice: "type something",
    };

    #[test]
    fn a_program_that_is_too_old_is_passed_over_with_its_reason() {
        let climb = BARE.climb(Path::new("/home"), Vec::new()).expect("found");
        let Program {
            rung,
            path,
            version,
        } = climb.found;
        assert_eq!((rung, &*path), (2, Path::new("/new")));
        assert_eq!(
            line("thing", rung, "/new", version, &climb.passed),
            "thing: rung 2, /new, 2.10.27 (passed over: /broken does not run; \
             /old is 2.9.10, older than 2.10.23)"
        );
    }

    #[test]
    fn what_was_unpacked_on_an_earlier_day_comes_before_packages_and_after_what_is_installed() {
        let ladder = Ladder {
            usual: Vec::new,
            unpacked: |folder| vec![folder.join("../../new")],
            version: |_| Some(Version::new(2, 11, 0)),
            ..BARE
        };
        let climb = ladder.climb(Path::new("/home"), Vec::new()).expect("found");
        assert_eq!(climb.found.rung, 3);
        assert_eq!(climb.passed, ["no thing is installed"]);
    }

    #[test]
    fn a_variable_that_names_nothing_is_said_and_not_passed_over_in_silence() {
        let ladder = Ladder {
            variable: "PATH",
            usual: Vec::new,
            resolve: |_| None,
            ..BARE
        };
        let nothing = ladder.climb(Path::new("/home"), Vec::new());
        let message = nothing.expect_err("nothing").to_string();
        for part in [
            "PATH names ",
            ": no thing there",
            "no packages",
            "type something",
        ] {
            assert!(message.contains(part), "{message}");
        }
    }
}
